/**
 * Time in the simulator: a queue of what is to happen, by time and then in the order it was planned. Nothing
 * waits, and the same calls always happen in the same order. Promises are not planned here: whoever keeps or breaks one
 * says so, and time stands still until all who await it have had their turn.
 */
import type { Clock, Timer } from "../../src/base/clock.js";

interface Planned {
  atMs: number;
  order: number;
  /** Undefined once cleared. */
  callback: (() => void) | undefined;
  /** 0 for once. */
  readonly periodMs: number;
}

export class VirtualClock implements Clock {
  private readonly heap: Planned[] = [];
  private orders = 0;
  /** Not 0, which code might take for "never". */
  private now = 1_000;
  private isPromiseSettled = false;
  private breakage: { readonly reason: unknown } | undefined;

  nowMs(): number {
    return this.now;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.now;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.plan({ atMs: this.now + delayMs, order: 0, callback, periodMs: 0 });
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.plan({ atMs: this.now + periodMs, order: 0, callback, periodMs });
  }

  clear(timer: Timer | undefined): void {
    if (timer !== undefined) (timer as Planned).callback = undefined;
  }

  /** A promise was kept or broken, or is about to be within this event. */
  notePromise(): void {
    this.isPromiseSettled = true;
  }

  /** Something was thrown where nobody awaits it: `runUntil` throws it. */
  breakOff(reason: unknown): void {
    this.breakage = { reason };
  }

  /** Lets things happen until `endMs`, or until `isOver` says so. */
  async runUntil(endMs: number, isOver: () => boolean = () => false): Promise<void> {
    for (let next = this.heap[0]; next !== undefined && next.atMs <= endMs && !isOver(); next = this.heap[0]) {
      this.takeFirst();
      const { callback, periodMs } = next;
      if (callback === undefined) continue;
      this.now = next.atMs;
      callback();
      while (this.isPromiseSettled) {
        this.isPromiseSettled = false;
        // All that follows from it, however many promises hang on it, is done before the next turn of the loop.
        await new Promise(setImmediate);
        if (this.breakage !== undefined) throw this.breakage.reason as Error;
      }
      if (periodMs === 0) next.callback = undefined;
      else if (next.callback !== undefined) {
        next.atMs += periodMs;
        this.plan(next);
      }
    }
    if (!isOver()) this.now = Math.max(this.now, endMs);
  }

  private plan(planned: Planned): Planned {
    const { heap } = this;
    planned.order = ++this.orders;
    let index = heap.length;
    heap.push(planned);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(planned, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = planned;
    return planned;
  }

  private takeFirst(): void {
    const { heap } = this;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return;
    let index = 0;
    for (let child = 1; child < size; child = 2 * index + 1) {
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

/** Time as one thread has it: it ends with the thread. */
export class ShardClock implements Clock {
  isStopped = false;

  constructor(private readonly clock: VirtualClock) {}

  nowMs(): number {
    return this.clock.nowMs();
  }

  wallMs(): number {
    return this.clock.wallMs();
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.clock.after(delayMs, () => this.isStopped || callback());
  }

  every(periodMs: number, callback: () => void): Timer {
    const timer = this.clock.every(periodMs, () => {
      if (this.isStopped) this.clock.clear(timer);
      else callback();
    });
    return timer;
  }

  clear(timer: Timer | undefined): void {
    this.clock.clear(timer);
  }

  notePromise(): void {
    this.clock.notePromise();
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
