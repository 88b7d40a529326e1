/** The rule of the retry budget, by lists instead of counters: in any window, retries <= share · requests + perSecond · seconds. */
import { retryBudgetDefaults } from "../../src/balancing/retry-budget.js";
import { must } from "./violation.js";

const { windowMs, retriesPerRequest, retriesPerSecond } = retryBudgetDefaults;
/** The budget moves in steps of a tenth: what it counts began between nine and ten tenths ago. */
const shortWindowMs = 0.9 * windowMs;

export class BudgetRule {
  private readonly requestsMs: number[] = [];
  private readonly retriesMs: number[] = [];

  noteRequest(nowMs: number): void {
    this.requestsMs.push(nowMs);
  }

  /** `decidedMs` is when the attempt before it failed: the retry itself may have had to wait. */
  noteRetry(decidedMs: number): void {
    this.retriesMs.push(decidedMs);
  }

  check(): void {
    this.retriesMs.sort((one, other) => one - other);
    let first = 0;
    this.retriesMs.forEach((nowMs, index) => {
      while (this.retriesMs[first]! <= nowMs - shortWindowMs) first++;
      const retries = index - first + 1;
      // Most windows need no look at the requests.
      if (retries <= (retriesPerSecond * windowMs) / 1_000) return;
      const requests = this.requestsMs.filter((atMs) => atMs >= nowMs - windowMs && atMs <= nowMs).length;
      const allowed = retriesPerRequest * requests + (retriesPerSecond * windowMs) / 1_000;
      must(retries <= allowed, "the retry budget is kept", () => `${retries} retries within ${shortWindowMs} ms at ${requests} requests`);
    });
  }
}
