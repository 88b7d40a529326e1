/**
 * The only door to time. Everything that waits or measures takes a `Clock`, so that the simulator can
 * replace it. Must not know what the time is used for.
 */

import { performance } from "node:perf_hooks";

/** A timer that can be cleared; opaque to its users. */
export type Timer = object;

export interface Clock {
  /** Monotonic milliseconds since an arbitrary start, with fractions. For durations and deadlines. */
  nowMs(): number;
  /** Milliseconds since 1970, UTC. For people and for headers, never for durations. */
  wallMs(): number;
  /** Calls `callback` once after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` every `periodMs`. Does not keep the process alive. */
  every(periodMs: number, callback: () => void): Timer;
  /** Stops a timer of either kind; clearing it twice, or nothing, is harmless. */
  clear(timer: Timer | undefined): void;
}

/** `performance` is imported because the global of that name is a getter, which costs more than asking for the time. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => setTimeout(callback, delayMs).unref(),
  every: (periodMs, callback) => setInterval(callback, periodMs).unref(),
  clear: (timer) => {
    clearTimeout(timer as NodeJS.Timeout);
  },
};

/** For how long this thread's event loop has been busy since it began, in ms. */
export function loopActiveMs(): number {
  return performance.eventLoopUtilization().active;
}

/** Resolves after `delayMs`. For start-up and shutdown code only: the hot path has no promises. */
export function delay(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
