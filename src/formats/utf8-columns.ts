/** Turns the report's columns (UTF-16 code units) into columns counted in bytes of UTF-8. */
import type { Position, Range } from "./report.js";

export class Utf8Columns {
  readonly #lines: readonly string[];

  constructor(source: string) {
    this.#lines = source.split(/\r\n|\n|\r/);
  }

  /** A column beyond its line's end keeps its distance from the end. */
  position({ line, column }: Position): Position {
    const text = this.#lines[line - 1];
    if (text === undefined) return { line, column };
    const unitsBefore = column - 1;
    const beyond = Math.max(0, unitsBefore - text.length);
    return { line, column: Buffer.byteLength(text.slice(0, unitsBefore), "utf8") + beyond + 1 };
  }

  range({ start, end }: Range): Range {
    return { start: this.position(start), end: this.position(end) };
  }
}
