/** A clock that a test moves: timers fire in order, at their time, while it is being moved. */
import type { Clock, Timer } from "../../src/base/clock.js";

interface ManualTimer {
  atMs: number;
  readonly periodMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  private timeMs = 0;
  private readonly timers = new Set<ManualTimer>();

  nowMs(): number {
    return this.timeMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.timeMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.add({ atMs: this.timeMs + delayMs, periodMs: 0, callback });
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.add({ atMs: this.timeMs + periodMs, periodMs, callback });
  }

  clear(timer: Timer | undefined): void {
    this.timers.delete(timer as ManualTimer);
  }

  pass(ms: number): void {
    const endMs = this.timeMs + ms;
    for (let due = this.next(endMs); due !== undefined; due = this.next(endMs)) {
      this.timeMs = due.atMs;
      if (due.periodMs > 0) due.atMs += due.periodMs;
      else this.timers.delete(due);
      due.callback();
    }
    this.timeMs = endMs;
  }

  private add(timer: ManualTimer): Timer {
    this.timers.add(timer);
    return timer;
  }

  private next(endMs: number): ManualTimer | undefined {
    const due = [...this.timers].filter(({ atMs }) => atMs <= endMs);
    return due.sort((one, other) => one.atMs - other.atMs)[0];
  }
}
