/** The pages' only door to time and timers. Must not know what the time is used for. */

export interface Timer {
  /** Clearing it twice, or after it rang, is harmless. */
  clear(): void;
}

/** Monotonic milliseconds. */
export function nowMs(): number {
  return performance.now();
}

export function after(delayMs: number, callback: () => void): Timer {
  const id = setTimeout(callback, delayMs);
  return { clear: () => clearTimeout(id) };
}
