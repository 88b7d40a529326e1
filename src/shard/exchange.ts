/**
 * One user request from complete body to its one settlement: picks a version and a worker, tries, tries
 * again elsewhere while that is right, ends in a report or a problem. Must not know HTTP, sockets or
 * threads: the simulator runs this very code.
 */
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import { randomBelow, type Random } from "../base/random.js";
import { chooseWorker } from "../balancing/worker-choice.js";
import type { AttemptListener, LintCall, Ticket } from "../upstream/connection.js";
import { isFree, isRetryable, type AttemptFailure } from "../upstream/failure.js";
import type { ActiveLanguage, ActiveVersion, ActiveWorker } from "./active.js";
import type { RequestLimits } from "./messages.js";
import { problemOf, type Problem } from "./problem.js";
import { shardCells, versionCells, workerCells, type Statistics } from "./statistics.js";

/** What the listener hands over. `source` is owned by the exchange from then on. */
export interface ExchangeRequest extends LintCall {
  readonly language: ActiveLanguage;
  /** The one version the user asked for; undefined leaves it to the shares. */
  readonly version: ActiveVersion | undefined;
  /** From the whole request's arrival to its reply. */
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
}

/**
 * Free retries are not bounded by `attemptsMax`, because the worker never saw the request; this bounds them all
 * the same, so that an exchange cannot wander through a fleet that is going down.
 */
const triedMax = 8;

const noWorkers: readonly ActiveWorker[] = [];

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
  attemptDeadlineAtMs = 0;
  /** Its place in the table, -1 when it is not in it. */
  tableIndex = -1;

  private tried = noWorkers;
  private costlyAttempts = 0;
  private ticket: Ticket = 0;
  private settledBy: "" | "report" | "problem" | "abort" = "";

  constructor(
    readonly request: ExchangeRequest,
    private readonly context: ExchangeContext,
    private readonly sink: ExchangeSink,
  ) {
    this.deadlineAtMs = request.startedMs + request.deadlineMs;
  }

  start(): void {
    const { language } = this.request;
    this.context.table.add(this);
    this.version = this.request.version ?? language.versions[language.counter.pick()];
    this.attempt({ kind: "not-sent", message: "no worker is reachable", queueDepth: -1 });
  }

  /** The client left: nobody waits any more. */
  abort(): void {
    if (this.settledBy !== "") return;
    this.cancelAttempt();
    this.settle("abort");
  }

  onReply(report: Uint8Array, queueDepth: number): void {
    this.worker?.settled(queueDepth);
    this.settle("report");
    this.sink.onReport(this, report);
  }

  onFailure(failure: AttemptFailure): void {
    const { worker } = this;
    assert(worker !== undefined, "a failure follows an attempt");
    worker.settled(failure.queueDepth);
    const { statistics } = this.context;
    statistics.add(statistics.workerCell(worker.slot, workerCells.failures), 1);
    this.ticket = 0;
    if (!isFree(failure.kind)) this.costlyAttempts++;
    if (this.mayRetry(failure)) this.attempt(failure);
    else this.fail(problemOf(failure, this.request.language.language, this.request.deadlineMs));
  }

  /** Called by the table about every `tickMs`. */
  onTick(nowMs: number): void {
    if (nowMs >= this.deadlineAtMs) {
      this.cancelAttempt();
      this.fail({ kind: "deadline", deadlineMs: this.request.deadlineMs });
    } else if (this.ticket !== 0 && nowMs >= this.attemptDeadlineAtMs) {
      this.worker?.upstream.cancel(this.ticket);
      this.onFailure({ kind: "timeout", message: `no answer within ${this.context.limits.attemptTimeoutMs} ms`, queueDepth: -1 });
    }
  }

  private mayRetry(failure: AttemptFailure): boolean {
    if (!isRetryable(failure.kind) || this.tried.length >= triedMax) return false;
    return this.costlyAttempts < this.context.limits.attemptsMax;
  }

  /** One try at a worker not tried yet; `last` is what to answer when there is none. */
  private attempt(last: AttemptFailure): void {
    const { clock, limits, statistics } = this.context;
    const version = this.versionToTry();
    const worker = version === undefined ? undefined : chooseWorker(version.usable, this.tried, this.context.random);
    if (version === undefined || worker === undefined) {
      this.fail(problemOf(last, this.request.language.language, this.request.deadlineMs));
      return;
    }
    if (worker.inFlight >= limits.inFlightPerWorkerMax || worker.upstream.availableCalls() <= 0) {
      this.fail({ kind: "overloaded", what: `Every linter for ${this.request.language.language} has its fill`, retryAfterSeconds: 1 });
      return;
    }
    this.attempts++;
    this.worker = worker;
    this.tried = this.tried === noWorkers ? [worker] : [...this.tried, worker];
    this.spilled = version !== this.version;
    statistics.add(shardCells.attempts, 1);
    if (this.attempts > 1) statistics.add(shardCells.retries, 1);
    statistics.add(statistics.versionCell(version.slot, versionCells.attempts), 1);
    const nowMs = this.attempts === 1 ? this.request.startedMs : clock.nowMs();
    const timeoutMs = Math.max(1, Math.min(limits.attemptTimeoutMs, this.deadlineAtMs - nowMs));
    this.attemptDeadlineAtMs = nowMs + timeoutMs;
    this.ticket = worker.send(this.request, timeoutMs, this);
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

  private cancelAttempt(): void {
    if (this.ticket === 0) return;
    this.worker?.upstream.cancel(this.ticket);
    this.worker?.settled(-1);
    this.ticket = 0;
  }

  private fail(problem: Problem): void {
    this.settle("problem");
    this.sink.onProblem(this, problem);
  }

  /** The one way out: frees the place. A second call is a bug. */
  private settle(by: "report" | "problem" | "abort"): void {
    assert(this.settledBy === "", `an exchange settles once; settled by ${this.settledBy}, then by ${by}`);
    this.settledBy = by;
    this.ticket = 0;
    this.context.table.remove(this);
  }
}

/** The exchanges in flight on a shard: one array and one timer for all of them instead of a timer each. */
export class ExchangeTable {
  private readonly exchanges: Exchange[] = [];

  get size(): number {
    return this.exchanges.length;
  }

  add(exchange: Exchange): void {
    exchange.tableIndex = this.exchanges.length;
    this.exchanges.push(exchange);
  }

  /** Moves the last one into the gap: the order carries no meaning. */
  remove(exchange: Exchange): void {
    const last = this.exchanges.pop();
    assert(last !== undefined && exchange.tableIndex >= 0, "only what is in the table is removed");
    if (last !== exchange) {
      this.exchanges[exchange.tableIndex] = last;
      last.tableIndex = exchange.tableIndex;
    }
    exchange.tableIndex = -1;
  }

  /** Checks every deadline. Backwards, because an exchange that ends moves the last one, already checked, into its place. */
  tick(nowMs: number): void {
    for (let index = this.exchanges.length - 1; index >= 0; index--) this.exchanges[index]?.onTick(nowMs);
  }
}
