/**
 * One worker with what this shard knows of its load and its health. Lives as long as the worker stays in
 * the snapshot, over reconnects. Must not know exchanges.
 */
import { type Health, newHealth } from "../balancing/ejection.js";
import { newCandidate, type Candidate, type WorkerSet } from "../balancing/worker-choice.js";
import type { AttemptListener, LintCall, Ticket, WorkerDescription } from "../upstream/connection.js";
import type { Upstream } from "../upstream/upstream.js";
import type { ReportHead } from "./report-head.js";
import { workerCells, type Statistics } from "./statistics.js";

export class ActiveWorker implements Candidate {
  inFlight = 0;
  warmth = 1;
  // What the choice learns; kept there (balancing/worker-choice.ts).
  reportedDepth = 0;
  reportedAtMs: number;
  slowness: number;
  penalty = 0;
  penaltyAtMs = 0;
  costMs = 0;
  place = -1;
  /** The set it is chosen from, in the newest snapshot. */
  choice: WorkerSet<ActiveWorker> | undefined;
  readonly health: Health;
  /** When it last answered anything, a probe included; 0 for never. */
  lastReplyMs = 0;

  private credited: WorkerDescription | undefined;
  private creditLines = "";
  /** Kept here by reply.ts. */
  reportHead: ReportHead | undefined;

  constructor(
    readonly upstream: Upstream,
    readonly slot: number,
    private readonly statistics: Statistics,
    nowMs: number,
    cold: boolean,
  ) {
    this.health = newHealth(nowMs, cold);
    const { reportedAtMs, slowness } = newCandidate();
    this.reportedAtMs = reportedAtMs;
    this.slowness = slowness;
  }

  get id(): string {
    return this.upstream.endpoint.id;
  }

  /** "ruff 0.17.3", as the worker itself says; "" while it has not said. */
  get linter(): string {
    const { description } = this.upstream;
    return description === undefined ? "" : `${description.linterName} ${description.linterVersion}`;
  }

  /**
   * Who it is, for reply headers: the value of Lintel-Linter, with the lines of Lintel-Version and Lintel-Worker behind it. Made
   * once per connection.
   */
  get credits(): string {
    const { description, expected } = this.upstream;
    if (description !== this.credited) {
      this.credited = description;
      this.creditLines = `${this.linter}\r\nLintel-Version: ${expected.version}\r\nLintel-Worker: ${this.id}`;
    }
    return this.creditLines;
  }

  send(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    this.inFlight++;
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.inFlight), this.inFlight);
    this.statistics.add(this.statistics.workerCell(this.slot, workerCells.attempts), 1);
    return this.upstream.send(call, timeoutMs, listener);
  }

  /** The attempt sent before is over, however it ended. */
  settled(): void {
    this.inFlight--;
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.inFlight), this.inFlight);
  }

  /** After `settled`: it answered after `answerMs`. */
  noteAnswer(queueDepth: number, answerMs: number, nowMs: number, costMicros: number): void {
    this.choice?.noteAnswer(this, queueDepth, answerMs, nowMs, costMicros / 1_000);
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.reportedDepth), this.reportedDepth);
    this.statistics.add(this.statistics.workerCell(this.slot, workerCells.answers), 1);
    this.statistics.add(this.statistics.workerCell(this.slot, workerCells.answerMicros), answerMs * 1_000);
  }

  /** After `settled`: it failed, saying its queue depth; -1 when it said nothing. */
  noteReport(queueDepth: number, nowMs: number): void {
    if (queueDepth < 0) return;
    this.choice?.noteReport(this, queueDepth, nowMs);
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.reportedDepth), this.reportedDepth);
  }

  /** A failure that was its own: it looks busier for a while. */
  penalize(nowMs: number): void {
    this.choice?.noteFailure(this, nowMs);
  }
}
