/**
 * Writes that have not come back by the watch yet: until they have, what the watch shows is what was there before them, and acting
 * on it would be acting twice. Must not know what was written.
 */
import type { Clock } from "../../../base/clock.js";
import type { ApiObject } from "../../../kubernetes/objects.js";

interface Echo {
  readonly kind: string;
  readonly name: string;
  /** The version the write was based on; "" when there was nothing. */
  readonly basis: string;
  readonly untilMs: number;
}

export class Echoes {
  private readonly waiting = new Map<string, Echo>();

  constructor(
    private readonly clock: Clock,
    /** After so long a write is no longer waited for: somebody may have undone it at once. */
    private readonly patienceMs: number,
  ) {}

  get areNone(): boolean {
    return this.waiting.size === 0;
  }

  /** To be called after a write; one that changed nothing has no echo. */
  expect(kind: string, name: string, basis = "", after?: string): void {
    if (after !== basis) this.waiting.set(`${kind} ${name}`, { kind, name, basis, untilMs: this.clock.nowMs() + this.patienceMs });
  }

  /** Whether `found`, as the watch shows it, is what was there before the last write. */
  isAwaited(kind: string, name: string, found: ApiObject | undefined): boolean {
    const echo = this.waiting.get(`${kind} ${name}`);
    return echo !== undefined && this.isBefore(echo, found);
  }

  /** Those that have come. */
  forget(find: (kind: string, name: string) => ApiObject | undefined): void {
    for (const [key, echo] of this.waiting) if (!this.isBefore(echo, find(echo.kind, echo.name))) this.waiting.delete(key);
  }

  private isBefore({ basis, untilMs }: Echo, found: ApiObject | undefined): boolean {
    return (found?.metadata?.resourceVersion ?? "") === basis && this.clock.nowMs() < untilMs;
  }
}
