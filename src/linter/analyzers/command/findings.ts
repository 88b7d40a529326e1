/**
 * What a reader makes of a program's output, and how its positions become a report's: columns in UTF-16 code units,
 * no position outside the source.
 */
import type { Diagnostic, Fix, Position, Range } from "../../../formats/report.js";
import type { LineIndex } from "../../line-index.js";

export interface Findings {
  readonly diagnostics: readonly Diagnostic[];
  /** What a column counts: characters are Unicode code points, two UTF-16 code units for some. */
  readonly columns: "utf16" | "characters";
}

/** The findings as a report has them. Positions that do not exist in the source are moved to the nearest that does. */
export function placeFindings({ diagnostics, columns }: Findings, lines: LineIndex): readonly Diagnostic[] {
  const place = ({ line, column }: Position): Position => {
    const inside = Math.min(Math.max(line, 1), lines.lineCount);
    const text = lines.lineText(inside);
    const wanted = columns === "characters" ? utf16Column(text, column) : column;
    return { line: inside, column: Math.min(Math.max(wanted, 1), text.length + 1) };
  };
  const placeRange = ({ start, end }: Range): Range => ({ start: place(start), end: place(end) });
  const placeFix = (fix: Fix): Fix => ({ ...fix, edits: fix.edits.map(({ range, text }) => ({ range: placeRange(range), text })) });
  return diagnostics.map(({ fixes, ...diagnostic }) => ({
    ...diagnostic,
    range: placeRange(diagnostic.range),
    ...(fixes === undefined ? {} : { fixes: fixes.map(placeFix) }),
  }));
}

/** A column counted in characters, counted in UTF-16 code units. */
function utf16Column(text: string, column: number): number {
  let offset = 0;
  for (let character = 1; character < column && offset < text.length; character++) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset + 1;
}
