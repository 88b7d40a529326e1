/**
 * One worker with what this shard knows of its load and its health. Lives as long as the worker stays in
 * the snapshot, over reconnects. Must not know exchanges.
 */
import { type Health, newHealth } from "../balancing/ejection.js";
import type { Candidate } from "../balancing/worker-choice.js";
import type { AttemptListener, LintCall, Ticket } from "../upstream/connection.js";
import type { Upstream } from "../upstream/upstream.js";
import { workerCells, type Statistics } from "./statistics.js";

export class ActiveWorker implements Candidate {
  inFlight = 0;
  reportedDepth = 0;
  penalty = 0;
  warmth = 1;
  readonly health: Health;
  /** Attempts here whose input another worker broke on (see quarantine.ts). */
  suspectsInFlight = 0;
  /** When it last answered anything, a probe included; 0 for never. */
  lastReplyMs = 0;

  constructor(
    readonly upstream: Upstream,
    readonly slot: number,
    private readonly statistics: Statistics,
    nowMs: number,
    cold: boolean,
  ) {
    this.health = newHealth(nowMs, cold);
  }

  get id(): string {
    return this.upstream.endpoint.id;
  }

  /** "ruff 0.17.3", as the worker itself says; "" while it has not said. */
  get linter(): string {
    const { description } = this.upstream;
    return description === undefined ? "" : `${description.linterName} ${description.linterVersion}`;
  }

  send(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    this.inFlight++;
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.inFlight), this.inFlight);
    this.statistics.add(this.statistics.workerCell(this.slot, workerCells.attempts), 1);
    return this.upstream.send(call, timeoutMs, listener);
  }

  /** The attempt sent before is over; `queueDepth` is what the worker said, -1 when it said nothing. */
  settled(queueDepth: number): void {
    this.inFlight--;
    // The worker counts this shard's requests too: only what is left over is other shards' load.
    if (queueDepth >= 0) this.reportedDepth = Math.max(0, queueDepth - this.inFlight);
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.inFlight), this.inFlight);
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.reportedDepth), this.reportedDepth);
  }
}
