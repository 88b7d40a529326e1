/** What the simulator throws when something that must always hold did not, and the diary that shows how it came to that. */

export class Violation extends Error {
  override readonly name = "Violation";
}

export function must(condition: boolean, rule: string, detail: () => string): asserts condition {
  if (!condition) throw new Violation(`${rule}: ${detail()}`);
}

/** Kept only when a seed is replayed: a lambda that is not called costs nothing. */
export class Diary {
  readonly lines: string[] = [];

  constructor(
    private readonly isKept: boolean,
    private readonly nowMs: () => number,
  ) {}

  note(line: () => string): void {
    if (this.isKept) this.lines.push(`${this.nowMs().toFixed(2).padStart(10)}  ${line()}`);
  }
}
