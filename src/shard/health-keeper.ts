/**
 * Who is usable: turns the outcomes of attempts and of known-answer probes into ejections and returns. The
 * rules are balancing/ejection.ts; here they meet real workers and the clock.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.js";
import type { Random } from "../base/random.js";
import {
  beginProbe,
  eject,
  type HealthChange,
  isProbeDue,
  isServing,
  mayEjectAnother,
  noteFailure,
  noteReconnected,
  noteSuccess,
  warmthAt,
} from "../balancing/ejection.js";
import type { AttemptListener, LintCall, Ticket } from "../upstream/connection.js";
import type { AttemptFailure } from "../upstream/failure.js";
import type { Active, ActiveVersion } from "./active.js";
import type { ActiveWorker } from "./active-worker.js";
import { versionOf } from "./active.js";
import { workerCells, type Statistics } from "./statistics.js";

export interface HealthOptions {
  /** A worker that has answered nothing for so long is asked its known answer. */
  readonly probeIntervalMs: number;
  /** With the interval and one tick, a hung worker is found within a second. */
  readonly probeTimeoutMs: number;
  /** A worker that answers all the time is still asked so often, to find one that answers wrongly. */
  readonly answerCheckMs: number;
}

export const defaultHealthOptions: HealthOptions = {
  probeIntervalMs: 350,
  probeTimeoutMs: 500,
  answerCheckMs: 5_000,
};

/** How often `tick` is to be called. */
export const healthTickMs = 50;

export interface HealthDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly statistics: Statistics;
  readonly active: () => Active;
  readonly options: HealthOptions;
  /** A worker became usable or unusable. */
  readonly onChange: (worker: ActiveWorker, change: Exclude<HealthChange, "none">) => void;
}

export class HealthKeeper {
  private readonly probes = new Map<ActiveWorker, Probe>();
  private readonly checkedMs = new WeakMap<ActiveWorker, number>();

  constructor(private readonly dependencies: HealthDependencies) {}

  /** An attempt sent at `sentMs` was answered; also when the answer is that the input is at fault. */
  noteReply(worker: ActiveWorker, sentMs: number, nowMs: number): void {
    worker.lastReplyMs = nowMs;
    this.follow(worker, noteSuccess(worker.health, sentMs, nowMs));
  }

  noteFailure(worker: ActiveWorker, failure: AttemptFailure, sentMs: number, nowMs: number): void {
    switch (failure.kind) {
      case "rejected":
      case "killed":
        this.noteReply(worker, sentMs, nowMs);
        return;
      case "overloaded":
      case "deadline":
        worker.lastReplyMs = nowMs;
        worker.penalize(nowMs);
        return;
      case "draining":
        // Nothing against its health, but one that says so and stays would look idle for ever.
        worker.penalize(nowMs);
        return;
      case "not-sent":
        return;
      case "connection-lost":
      case "timeout":
      case "crashed":
      case "contract": {
        worker.penalize(nowMs);
        const attempt = { timedOut: failure.kind === "timeout", sentMs, reason: `${failure.kind}: ${failure.message}` };
        this.follow(worker, noteFailure(worker.health, attempt, this.mayEject(worker), nowMs, this.dependencies.random));
      }
    }
  }

  /** Its connection is up again: another process, most likely. */
  noteReconnected(worker: ActiveWorker): void {
    const nowMs = this.dependencies.clock.nowMs();
    noteReconnected(worker.health, nowMs);
    worker.lastReplyMs = nowMs;
  }

  /** Warms cold workers, sends the probes that are due and ends those that are late. */
  tick(nowMs: number): void {
    // Also those of workers that have left: a connection is not let go while a call on it is open.
    for (const probe of this.probes.values()) probe.onTick(nowMs);
    for (const worker of this.dependencies.active().workers.values()) {
      worker.warmth = warmthAt(worker.health, nowMs);
      if (worker.upstream.ready && !this.probes.has(worker)) this.probeIfDue(worker, nowMs);
    }
  }

  private probeIfDue(worker: ActiveWorker, nowMs: number): void {
    const { probeIntervalMs, answerCheckMs } = this.dependencies.options;
    const returning = isProbeDue(worker.health, nowMs);
    if (!returning && !isServing(worker.health)) return;
    const silent = nowMs - worker.lastReplyMs >= probeIntervalMs;
    const unchecked = nowMs - (this.checkedMs.get(worker) ?? 0) >= answerCheckMs;
    if (!returning && !silent && !unchecked) return;
    const selfTest = worker.upstream.description?.selfTest;
    if (selfTest === undefined || selfTest.reportSha256.length === 0) {
      // A worker without a self-test can only be judged by users' requests: the time served is its probe.
      if (returning) this.follow(worker, this.returned(worker, nowMs));
      return;
    }
    if (worker.upstream.availableCalls() <= 0) {
      this.judgeFull(worker, nowMs);
      return;
    }
    if (returning) beginProbe(worker.health, nowMs);
    this.checkedMs.set(worker, nowMs);
    const call: LintCall = { source: selfTest.source, filename: selfTest.filename, optionsJson: "", traceparent: "" };
    const probe = new Probe(worker, selfTest.reportSha256, nowMs, this.dependencies.options.probeTimeoutMs, (fault) => this.judge(worker, probe, fault));
    this.probes.set(worker, probe);
    probe.send(call);
  }

  /** No place is left for a question: silence for as long as question and answer would have taken says the same. */
  private judgeFull(worker: ActiveWorker, nowMs: number): void {
    const { probeIntervalMs, probeTimeoutMs } = this.dependencies.options;
    const silentMs = nowMs - Math.max(worker.lastReplyMs, worker.upstream.state.sinceMs);
    if (silentMs < probeIntervalMs + probeTimeoutMs || !isServing(worker.health) || !this.mayEject(worker)) return;
    const reason = `it takes no further call and has answered nothing for ${Math.round(silentMs)} ms`;
    this.follow(worker, eject(worker.health, reason, nowMs, this.dependencies.random));
  }

  private returned(worker: ActiveWorker, nowMs: number): HealthChange {
    beginProbe(worker.health, nowMs);
    return noteSuccess(worker.health, nowMs, nowMs);
  }

  /** `fault` is "" when the known answer came. */
  private judge(worker: ActiveWorker, probe: Probe, fault: string): void {
    const nowMs = this.dependencies.clock.nowMs();
    this.probes.delete(worker);
    if (fault === "") {
      this.noteReply(worker, probe.sentMs, nowMs);
      return;
    }
    // It answered others since: busy, not hung. Only a wrong answer counts then.
    if (probe.timedOut && worker.lastReplyMs > probe.sentMs) return;
    if (!worker.upstream.ready) return;
    if (isServing(worker.health) && !this.mayEject(worker)) return;
    this.follow(worker, eject(worker.health, fault, nowMs, this.dependencies.random));
  }

  private mayEject(worker: ActiveWorker): boolean {
    const version = this.versionOf(worker);
    return version !== undefined && mayEjectAnother(version.ejected, version.connected);
  }

  private follow(worker: ActiveWorker, change: HealthChange): void {
    if (change === "none") return;
    const { statistics } = this.dependencies;
    if (change === "ejected") statistics.add(statistics.workerCell(worker.slot, workerCells.ejections), 1);
    this.versionOf(worker)?.refresh();
    this.dependencies.onChange(worker, change);
  }

  private versionOf(worker: ActiveWorker): ActiveVersion | undefined {
    return versionOf(this.dependencies.active(), worker.upstream);
  }
}

/** One known question on its way to a worker. */
class Probe implements AttemptListener {
  timedOut = false;
  private ticket: Ticket = 0;

  constructor(
    private readonly worker: ActiveWorker,
    private readonly expectedSha256: Uint8Array,
    readonly sentMs: number,
    private readonly timeoutMs: number,
    private readonly done: (fault: string) => void,
  ) {}

  send(call: LintCall): void {
    this.ticket = this.worker.upstream.send(call, this.timeoutMs, this);
  }

  onReply(report: Uint8Array): void {
    const right = createHash("sha256").update(report).digest().equals(this.expectedSha256);
    this.done(right ? "" : "it answered its own known question wrongly");
  }

  onFailure(failure: AttemptFailure): void {
    // A full queue or a worker that leaves is an answer, though not the one asked for.
    const alive = failure.kind === "overloaded" || failure.kind === "draining" || failure.kind === "deadline";
    this.done(alive ? "" : `known-answer probe failed: ${failure.message}`);
  }

  onTick(nowMs: number): void {
    if (nowMs - this.sentMs < this.timeoutMs) return;
    this.timedOut = true;
    this.worker.upstream.cancel(this.ticket);
    this.done(`no answer to a known-answer probe within ${this.timeoutMs} ms`);
  }
}
