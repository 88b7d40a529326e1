/**
 * One user request from complete body to its one settlement: picks a version and a worker, tries, tries
 * again elsewhere while that is right, ends in a report or a problem. Must not know HTTP, sockets or
 * threads: the simulator runs this very code.
 */
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import { randomBelow, type Random } from "../base/random.js";
import type { RetryBudget } from "../balancing/retry-budget.js";
import type { AttemptListener, LintCall, Ticket } from "../upstream/connection.js";
import { type AttemptFailure, blamesInput, isFree, isRetryable } from "../upstream/failure.js";
import type { ActiveLanguage, ActiveVersion } from "./active.js";
import type { ActiveWorker } from "./active-worker.js";
import type { ExchangeTable } from "./exchange-table.js";
import type { HealthKeeper } from "./health-keeper.js";
import type { RequestLimits } from "./messages.js";
import { problemOf, type Problem } from "./problem.js";
import type { Quarantine } from "./quarantine.js";
import { shardCells, versionCells, workerCells, type Statistics } from "./statistics.js";

/** What the listener hands over. `source` is owned by the exchange from then on. */
export interface ExchangeRequest extends LintCall {
  readonly language: ActiveLanguage;
  /** The one version the user asked for; undefined leaves it to the shares. */
  readonly version: ActiveVersion | undefined;
  /** From `startedMs`, when the request was complete, to its reply. */
  readonly deadlineMs: number;
  readonly startedMs: number;
}

/** Hears the settlement: exactly one call, possibly from within `start`. */
export interface ExchangeSink {
  /** `report` is only valid during the call. */
  onReport(exchange: Exchange, report: Uint8Array): void;
  onProblem(exchange: Exchange, problem: Problem): void;
}

/** What all exchanges of a shard share. */
export interface ExchangeContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: RequestLimits;
  readonly statistics: Statistics;
  readonly table: ExchangeTable;
  readonly budget: RetryBudget;
  readonly health: HealthKeeper;
  readonly quarantine: Quarantine;
}

/**
 * Free retries are not bounded by `attemptsMax`, because the worker never saw the request; this bounds them all
 * the same, so that an exchange cannot wander through a fleet that is going down.
 */
const triedMax = 8;

const noWorkers: readonly ActiveWorker[] = [];
const notTried: AttemptFailure = { kind: "not-sent", message: "no worker is reachable", queueDepth: -1 };

export class Exchange implements AttemptListener {
  /** Attempts made so far. */
  attempts = 0;
  /** The worker of the newest attempt. */
  worker: ActiveWorker | undefined;
  /** The version whose share this exchange is. */
  version: ActiveVersion | undefined;
  /** Whether another version than the chosen one served it. */
  spilled = false;
  readonly deadlineAtMs: number;
  /** Its place in the table, -1 when it is not in it. */
  tableIndex = -1;

  private attemptStartMs = 0;
  private attemptDeadlineAtMs = 0;
  private tried = noWorkers;
  private costlyAttempts = 0;
  private ticket: Ticket = 0;
  /** A worker broke on this input: its attempts are made apart from other suspects. */
  private suspect = false;
  private lastFailure = notTried;
  private settledBy: "" | "report" | "problem" | "abort" = "";

  constructor(
    readonly request: ExchangeRequest,
    private readonly context: ExchangeContext,
    private readonly sink: ExchangeSink,
  ) {
    this.deadlineAtMs = request.startedMs + request.deadlineMs;
  }

  start(): void {
    const { language, startedMs } = this.request;
    const { table, budget, quarantine, statistics } = this.context;
    table.add(this);
    budget.recordRequest(startedMs);
    this.version = this.request.version ?? language.versions[language.counter.pick()];
    const verdict = quarantine.verdictOf(this, startedMs);
    if (verdict === "poison") {
      statistics.add(shardCells.poisonRefused, 1);
      this.fail({ kind: "poison-input" });
      return;
    }
    this.suspect = verdict === "suspect";
    this.attempt();
  }

  /** The client left: nobody waits any more. */
  abort(): void {
    if (this.settledBy !== "") return;
    this.cancelAttempt();
    this.settle("abort");
  }

  /** Called by the quarantine when a worker without a suspect may have become free. */
  resume(): void {
    if (this.settledBy === "") this.attempt();
  }

  onReply(report: Uint8Array, queueDepth: number): void {
    const { worker } = this;
    assert(worker !== undefined, "a reply follows an attempt");
    const { health, quarantine, clock } = this.context;
    const nowMs = clock.nowMs();
    this.leaveWorker(worker);
    worker.noteAnswer(queueDepth, nowMs - this.attemptStartMs, nowMs);
    health.noteReply(worker, this.attemptStartMs, nowMs);
    if (this.suspect) quarantine.absolve(this);
    this.settle("report");
    this.sink.onReport(this, report);
    if (this.suspect) quarantine.wake();
  }

  onFailure(failure: AttemptFailure): void {
    const { worker } = this;
    assert(worker !== undefined, "a failure follows an attempt");
    const { statistics, health, clock, quarantine } = this.context;
    const nowMs = clock.nowMs();
    const wasSuspect = this.suspect;
    this.leaveWorker(worker);
    worker.noteReport(failure.queueDepth, nowMs);
    statistics.add(statistics.workerCell(worker.slot, workerCells.failures), 1);
    health.noteFailure(worker, failure, this.attemptStartMs, nowMs);
    this.lastFailure = failure;
    if (!isFree(failure.kind)) this.costlyAttempts++;
    if (blamesInput(failure.kind) && quarantine.blame(this, worker, nowMs) === "poison") this.fail({ kind: "poison-input" });
    else if (this.mayRetry(failure, nowMs)) this.retry(failure);
    else this.fail(this.problem());
    if (wasSuspect) quarantine.wake();
  }

  /** Called by the table every few milliseconds. */
  onTick(nowMs: number): void {
    if (nowMs >= this.deadlineAtMs) {
      this.cancelAttempt();
      this.fail({ kind: "deadline", deadlineMs: this.request.deadlineMs, lastAttempt: "" });
    } else if (this.ticket !== 0 && nowMs >= this.attemptDeadlineAtMs) {
      this.worker?.upstream.cancel(this.ticket);
      this.onFailure({ kind: "timeout", message: `no answer within ${this.context.limits.attemptTimeoutMs} ms`, queueDepth: -1 });
    }
  }

  private retry(failure: AttemptFailure): void {
    this.suspect ||= blamesInput(failure.kind);
    this.attempt();
  }

  private mayRetry(failure: AttemptFailure, nowMs: number): boolean {
    const { limits, budget, statistics } = this.context;
    if (!isRetryable(failure.kind) || this.tried.length >= triedMax || nowMs >= this.deadlineAtMs) return false;
    if (isFree(failure.kind)) return true;
    if (this.costlyAttempts >= limits.attemptsMax) return false;
    if (budget.tryWithdraw(nowMs)) return true;
    statistics.add(shardCells.budgetRefused, 1);
    return false;
  }

  /** One try at a worker not tried yet. */
  private attempt(): void {
    const version = this.versionToTry();
    const nowMs = this.attempts === 0 ? this.request.startedMs : this.context.clock.nowMs();
    const worker = version === undefined ? undefined : this.workerToTry(version, nowMs);
    if (version === undefined || worker === undefined) {
      this.fail(this.problem());
      return;
    }
    if (this.suspect && worker.suspectsInFlight > 0) {
      this.context.quarantine.wait(this);
      return;
    }
    if (worker.inFlight >= this.context.limits.inFlightPerWorkerMax || worker.upstream.availableCalls() <= 0) {
      this.context.statistics.add(shardCells.shed, 1);
      this.fail({ kind: "overloaded", what: `Every linter for ${this.request.language.language} has its fill`, retryAfterSeconds: 1 });
      return;
    }
    this.send(version, worker, nowMs);
  }

  private send(version: ActiveVersion, worker: ActiveWorker, nowMs: number): void {
    const { limits, statistics } = this.context;
    this.attempts++;
    this.worker = worker;
    this.tried = this.tried === noWorkers ? [worker] : [...this.tried, worker];
    if (version !== this.version && !this.spilled) {
      this.spilled = true;
      statistics.add(shardCells.spilled, 1);
    }
    statistics.add(shardCells.attempts, 1);
    if (this.attempts > 1) statistics.add(shardCells.retries, 1);
    statistics.add(statistics.versionCell(version.slot, versionCells.attempts), 1);
    if (this.suspect) worker.suspectsInFlight++;
    const timeoutMs = Math.max(1, Math.min(limits.attemptTimeoutMs, this.deadlineAtMs - nowMs));
    this.attemptStartMs = nowMs;
    this.attemptDeadlineAtMs = nowMs + timeoutMs;
    this.ticket = worker.send(this.request, timeoutMs, this);
  }

  private workerToTry({ choice }: ActiveVersion, nowMs: number): ActiveWorker | undefined {
    const { random } = this.context;
    if (this.suspect) {
      const taken = choice.usable.filter((worker) => worker.suspectsInFlight > 0);
      const apart = choice.choose([...this.tried, ...taken], nowMs, random);
      if (apart !== undefined) return apart;
    }
    return choice.choose(this.tried, nowMs, random);
  }

  /** The exchange's own version while it has an untried usable worker; else, if that is allowed, another one by weight. */
  private versionToTry(): ActiveVersion | undefined {
    const { language } = this.request;
    const own = this.version;
    if (own === undefined || this.hasUntried(own)) return own;
    if (!language.spill || this.request.version !== undefined) return undefined;
    let sum = 0;
    for (const other of language.versions) if (other !== own && this.hasUntried(other)) sum += other.weight;
    if (sum === 0) return undefined;
    let rest = randomBelow(this.context.random, sum);
    for (const other of language.versions) {
      if (other === own || !this.hasUntried(other)) continue;
      if (rest < other.weight) return other;
      rest -= other.weight;
    }
    return undefined;
  }

  private hasUntried(version: ActiveVersion): boolean {
    const { usable } = version;
    if (this.tried.length === 0) return usable.length > 0;
    return usable.some((worker) => !this.tried.includes(worker));
  }

  private problem(): Problem {
    return problemOf(this.lastFailure, this.request.language.language, this.request.deadlineMs);
  }

  private cancelAttempt(): void {
    const { worker } = this;
    if (this.ticket === 0 || worker === undefined) return;
    worker.upstream.cancel(this.ticket);
    this.leaveWorker(worker);
    // Later, since whoever waits may be answered then: not within the handling of another client's socket.
    if (this.suspect) this.context.clock.after(0, () => this.context.quarantine.wake());
  }

  /** The attempt at `worker` is over, however it ended. */
  private leaveWorker(worker: ActiveWorker): void {
    this.ticket = 0;
    worker.settled();
    if (this.suspect) worker.suspectsInFlight--;
  }

  private fail(problem: Problem): void {
    this.settle("problem");
    this.sink.onProblem(this, problem);
  }

  /** The one way out: frees the place. A second call is a bug. */
  private settle(by: "report" | "problem" | "abort"): void {
    assert(this.settledBy === "", `an exchange settles once; settled by ${this.settledBy}, then by ${by}`);
    this.settledBy = by;
    this.context.table.remove(this);
    if (this.suspect) this.context.quarantine.leave(this);
  }
}
