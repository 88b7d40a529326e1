/**
 * How many retries a shard may make: a share of its requests plus a few per second, over a sliding window, so
 * that retries help with a few bad workers and cannot multiply an outage. Pure; must not know why a retry is wanted, nor
 * that some (never sent, the worker never saw it) need not ask here.
 *
 * Counts in whole numbers over a ring of slots: in any window, retries <= share · requests + perSecond · seconds. An
 * unused budget expires with its window, so that is also the largest burst after a quiet hour.
 */
import { assert } from "../base/assert.js";

export interface RetryBudgetOptions {
  /** Retries allowed per request: 0.2 caps the extra load of a total outage at a fifth. */
  readonly retriesPerRequest: number;
  /** Retries allowed per second beside that, so that a shard with little traffic can retry at all. */
  readonly retriesPerSecond: number;
  /**
   * How long a request's share can be used. 5 s holds one second's worth of requests: what a third of the workers
   * can have swallowed by the time it is found that they hang, and little more.
   */
  readonly windowMs: number;
}

export const retryBudgetDefaults: RetryBudgetOptions = { retriesPerRequest: 0.2, retriesPerSecond: 10, windowMs: 5000 };

/** The window moves in steps of a tenth of it: fine enough to bound, coarse enough to be cheap. */
const slotCount = 10;

export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  readonly #slotMs: number;
  readonly #requests = new Float64Array(slotCount);
  readonly #retries = new Float64Array(slotCount);
  #slot = 0;
  #slotEndMs: number;
  #requestsInWindow = 0;
  #retriesInWindow = 0;

  /** `nowMs` is any monotonic time; every later call must use the same one. */
  constructor(nowMs: number, options: RetryBudgetOptions = retryBudgetDefaults) {
    assert(options.windowMs > 0 && options.retriesPerRequest >= 0 && options.retriesPerSecond >= 0, "retry budget out of range");
    this.#options = options;
    this.#slotMs = options.windowMs / slotCount;
    this.#slotEndMs = nowMs + this.#slotMs;
  }

  /** A request arrived (not an attempt: a retry earns no further retries). */
  recordRequest(nowMs: number): void {
    if (nowMs >= this.#slotEndMs) this.advance(nowMs);
    this.#requests[this.#slot] = (this.#requests[this.#slot] as number) + 1;
    this.#requestsInWindow++;
  }

  /** Takes one retry out of the budget; false when there is none left. */
  tryWithdraw(nowMs: number): boolean {
    if (this.available(nowMs) < 1) return false;
    this.#retries[this.#slot] = (this.#retries[this.#slot] as number) + 1;
    this.#retriesInWindow++;
    return true;
  }

  /** Retries left right now, with fractions; for status and metrics. */
  available(nowMs: number): number {
    if (nowMs >= this.#slotEndMs) this.advance(nowMs);
    const { retriesPerRequest, retriesPerSecond, windowMs } = this.#options;
    return this.#requestsInWindow * retriesPerRequest + (retriesPerSecond * windowMs) / 1000 - this.#retriesInWindow;
  }

  private advance(nowMs: number): void {
    const steps = 1 + Math.floor((nowMs - this.#slotEndMs) / this.#slotMs);
    for (let step = 0; step < steps && step < slotCount; step++) {
      this.#slot = (this.#slot + 1) % slotCount;
      this.#requestsInWindow -= this.#requests[this.#slot] as number;
      this.#retriesInWindow -= this.#retries[this.#slot] as number;
      this.#requests[this.#slot] = 0;
      this.#retries[this.#slot] = 0;
    }
    this.#slotEndMs += steps * this.#slotMs;
  }
}
