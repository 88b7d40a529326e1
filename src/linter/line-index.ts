/**
 * Offsets in a source to lines and columns, both from 1, columns in UTF-16 code units. What ends a line is
 * the linter's own notion, because its other positions follow it. Must not know any linter.
 */
import type { Position, Range } from "../formats/report.js";

const lineBreaks = {
  /** "\n" alone; a "\r" before it belongs to the line. PostCSS and yaml. */
  lf: /\n/g,
  /** "\n", "\r\n" and "\r". jsonc-parser. */
  crlf: /\r\n?|\n/g,
  /** What ECMAScript calls a line terminator. ESLint. */
  ecmascript: /\r\n?|[\n\u2028\u2029]/g,
} as const;

export type LineBreaks = keyof typeof lineBreaks;

export class LineIndex {
  private readonly starts: readonly number[];

  constructor(
    private readonly text: string,
    breaks: LineBreaks,
  ) {
    const starts = [0];
    for (const match of text.matchAll(lineBreaks[breaks])) starts.push(match.index + match[0].length);
    this.starts = starts;
  }

  get lineCount(): number {
    return this.starts.length;
  }

  /** The position of an offset; offsets outside the text are moved to its nearest end. */
  at(offset: number): Position {
    const inside = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.startOf(middle) <= inside) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: inside - this.startOf(low) + 1 };
  }

  range(startOffset: number, endOffset: number): Range {
    return { start: this.at(startOffset), end: this.at(Math.max(startOffset, endOffset)) };
  }

  /** The text of a line, counted from 1, without what ends it; "" for a line that does not exist. */
  lineText(line: number): string {
    const start = this.starts[line - 1];
    if (start === undefined) return "";
    return this.text.slice(start, this.starts[line] ?? this.text.length).replace(/[\r\n\u2028\u2029]+$/, "");
  }

  private startOf(index: number): number {
    return this.starts[index] ?? 0;
  }
}
