/**
 * One file and the report about it: what every renderer of this folder takes. Must not know where the
 * file was read or which renderer runs.
 */
import type { Position, Range, Report, Summary } from "./report.js";

/** The filename of a source that has none: it came on stdin, or a request did not name it. */
export const unnamedFile = "-";

export interface FileReport {
  /** As the reader knows it, with "/" between folders; `unnamedFile` when it has no name. */
  readonly filename: string;
  readonly report: Report;
  /**
   * The source, for formats that say `usesSource`. Without it they take every character before a column
   * for ASCII.
   */
  readonly source?: string;
}

/** The name to show: "-" alone would be taken for a rule or a bullet. */
export function shownName(filename: string): string {
  return filename === unnamedFile || filename === "" ? "<stdin>" : filename;
}

/** The sums over several files. */
export function totalOf(files: readonly FileReport[]): Summary {
  const total = { errors: 0, warnings: 0, infos: 0, hints: 0, fixable: 0 };
  for (const { report } of files) {
    total.errors += report.summary.errors;
    total.warnings += report.summary.warnings;
    total.infos += report.summary.infos;
    total.hints += report.summary.hints;
    total.fixable += report.summary.fixable;
  }
  return total;
}

export function isBefore(one: Position, other: Position): boolean {
  return one.line < other.line || (one.line === other.line && one.column < other.column);
}

/** The last line a range covers: an end at the first column of a line covers nothing of that line. */
export function lastLineOf(range: Range): number {
  const { start, end } = range;
  return end.column === 1 && end.line > start.line ? end.line - 1 : Math.max(start.line, end.line);
}
