/**
 * One user request from complete body to its one settlement: picks a version and a worker, tries, tries
 * again elsewhere while that is right, ends in a report or a problem. Must not know HTTP, sockets or
 * threads: the simulator runs this very code.
 */
import { assert, AssertionError } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import type { Random } from "../base/random.js";
import type { RetryBudget } from "../balancing/retry-budget.js";
import type { AttemptListener, LintCall, Ticket } from "../upstream/connection.js";
import { type AttemptFailure, blamesInput, isFree, isRetryable } from "../upstream/failure.js";
import { type Active, type ActiveLanguage, type ActiveVersion, workerOf } from "./active.js";
import type { ActiveWorker } from "./active-worker.js";
import type { ExchangeTable } from "./exchange-table.js";
import type { HealthKeeper } from "./health-keeper.js";
import type { RequestLimits } from "./messages.js";
import { candidatesOf, hasRoom, isAnotherUsable, placeOf, type Seeker, versionToTry, workerToTry } from "./next-worker.js";
import { problemOf, type Problem } from "./problem.js";
import { type Quarantine, Standing, suspectPauseMs } from "./quarantine.js";
import { shardCells, versionCells, workerCells, type Statistics } from "./statistics.js";

/** What the listener hands over. `source` must stay as it is until the exchange has settled. */
export interface ExchangeRequest extends LintCall {
  /** What was active when the request's head was read; `language` and `version` are from it. */
  readonly active: Active;
  readonly language: ActiveLanguage;
  /** The one version the user asked for; undefined leaves it to the shares. */
  readonly version: ActiveVersion | undefined;
  /** From `startedMs`, when the request was complete, to its reply. */
  readonly deadlineMs: number;
  readonly startedMs: number;
}

/** Hears the settlement: exactly one call, possibly from within `start`. */
export interface ExchangeSink {
  /** `report` is only valid during the call; `nowMs` is when it came. */
  onReport(exchange: Exchange, report: Uint8Array, nowMs: number): void;
  onProblem(exchange: Exchange, problem: Problem): void;
}

/** What all exchanges of a shard share. */
export interface ExchangeContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly active: () => Active;
  readonly limits: RequestLimits;
  readonly statistics: Statistics;
  readonly table: ExchangeTable;
  readonly budget: RetryBudget;
  readonly health: HealthKeeper;
  readonly quarantine: Quarantine;
  /** Which write a request would leave in now, by number. */
  readonly batch: () => number;
}

/**
 * Free retries are not bounded by `attemptsMax`, because the worker never saw the request; this bounds them all
 * the same, so that an exchange cannot wander through a fleet that is going down.
 */
const triedMax = 8;

/** A worker that is alive says who it is within milliseconds, however busy it is: analyses have threads of their own. */
const confirmTimeoutMs = 500;

const noWorkers: readonly ActiveWorker[] = [];
const notTried: AttemptFailure = { kind: "not-sent", message: "no worker is reachable", queueDepth: -1 };

export class Exchange implements AttemptListener, Seeker {
  /** Attempts made so far. */
  attempts = 0;
  /** The worker of the newest attempt. */
  worker: ActiveWorker | undefined;
  /** The version whose share this exchange is. */
  version: ActiveVersion | undefined;
  /** Whether the newest attempt is at another version than the chosen one. */
  spilled = false;
  readonly deadlineAtMs: number;
  readonly standing = new Standing();
  /** Its place in the table, -1 when it is not in it. */
  tableIndex = -1;
  /** Where it failed. */
  tried = noWorkers;
  /** As the root has it that `version` and `tried` belong to. */
  language: ActiveLanguage;

  private active: Active;
  private attemptStartMs = 0;
  private attemptDeadlineAtMs = 0;
  private costlyAttempts = 0;
  private ticket: Ticket = 0;
  /** A worker broke on this input: it is tried where the quarantine says. */
  private suspect = false;
  private lastFailure = notTried;
  private settledBy: "" | "report" | "problem" | "abort" = "";

  constructor(
    readonly request: ExchangeRequest,
    private readonly context: ExchangeContext,
    private readonly sink: ExchangeSink,
  ) {
    this.deadlineAtMs = request.startedMs + request.deadlineMs;
    this.active = request.active;
    this.language = request.language;
  }

  start(): void {
    const { startedMs, version } = this.request;
    const { table, budget } = this.context;
    table.add(this);
    budget.recordRequest(startedMs);
    this.version = version;
    this.followActive();
    if (version === undefined) this.version ??= this.pickVersion();
    this.proceed(startedMs);
  }

  get maySpill(): boolean {
    return this.language.spill && this.request.version === undefined;
  }

  /** Whether this worker is one for the next attempt, and has room for it. */
  mayTake(worker: ActiveWorker): boolean {
    return hasRoom(worker, this.context.limits.inFlightPerWorkerMax) && !this.tried.includes(worker);
  }

  /** The client left: nobody waits any more. */
  abort(): void {
    if (this.settledBy !== "") return;
    this.cancelAttempt();
    this.settle("abort");
  }

  /** Called by the quarantine when what it waited for is over. */
  resume(): void {
    if (this.settledBy === "") this.proceed(this.context.clock.nowMs());
  }

  /** Called by the quarantine: this suspect may be tried at this worker now. */
  onGranted(id: string): void {
    const { askId } = this.standing;
    this.followActive();
    const worker = placeOf(this, id)?.worker;
    if (worker === undefined) {
      this.tryElsewhere();
      return;
    }
    this.context.quarantine.moveTo(this, worker);
    // When several workers die at once, an innocent request must not be sent to one that is dead but not yet known to be,
    // and be held guilty of both.
    worker.upstream.confirm(confirmTimeoutMs).then(
      () => {
        if (this.settledBy === "" && this.standing.askId === askId) this.sendGranted(id);
      },
      () => {
        if (this.settledBy !== "" || this.standing.askId !== askId) return;
        this.tried = [...this.tried, worker];
        this.tryElsewhere();
      },
    );
  }

  onPoison(): void {
    this.context.statistics.add(shardCells.poisonRefused, 1);
    this.fail({ kind: "poison-input" });
  }

  onReply(report: Uint8Array, queueDepth: number, costMicros: number): void {
    const { worker } = this;
    assert(worker !== undefined, "a reply follows an attempt");
    const { health, quarantine, clock } = this.context;
    const nowMs = clock.nowMs();
    this.leaveWorker(worker);
    worker.noteAnswer(queueDepth, nowMs - this.attemptStartMs, nowMs, costMicros);
    health.noteReply(worker, this.attemptStartMs, nowMs);
    if (this.suspect) quarantine.absolve(this, worker, nowMs);
    this.settle("report");
    this.sink.onReport(this, report, nowMs);
  }

  onFailure(failure: AttemptFailure): void {
    const { worker } = this;
    assert(worker !== undefined, "a failure follows an attempt");
    const { statistics, health, clock, quarantine } = this.context;
    const nowMs = clock.nowMs();
    this.leaveWorker(worker);
    worker.noteReport(failure.queueDepth, nowMs);
    statistics.add(statistics.workerCell(worker.slot, workerCells.failures), 1);
    health.noteFailure(worker, failure, this.attemptStartMs, nowMs);
    this.lastFailure = failure;
    this.tried = [...this.tried, worker];
    if (!isFree(failure.kind)) this.costlyAttempts++;
    // At the attempt's deadline the worker's clock may ring before ours: to the input that makes no difference.
    const isOutOfTime = failure.kind === "deadline" && nowMs >= this.attemptDeadlineAtMs && nowMs < this.deadlineAtMs;
    const isBlamed = blamesInput(failure.kind) || isOutOfTime;
    const isPoison = isBlamed && quarantine.blame(this, worker, nowMs) === "poison";
    quarantine.endTrial(this);
    if (isPoison) this.fail({ kind: "poison-input" });
    else if (!this.mayRetry(failure, nowMs)) this.fail(this.problem());
    else if (isBlamed) clock.after(suspectPauseMs, () => this.resume());
    else this.proceed(nowMs);
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

  /** The worker that was granted is there; it may have left the snapshot, been ejected or filled up meanwhile, and the input become poison. */
  private sendGranted(id: string): void {
    const { quarantine, clock } = this.context;
    const nowMs = clock.nowMs();
    if (quarantine.isPoison(this, nowMs)) {
      this.onPoison();
      return;
    }
    this.followActive();
    const place = placeOf(this, id);
    if (place !== undefined && this.mayTake(place.worker)) this.send(place.version, place.worker, nowMs);
    else this.tryElsewhere();
  }

  /** The worker that was granted went away meanwhile. */
  private tryElsewhere(): void {
    this.context.quarantine.endTrial(this);
    this.attempt(this.context.clock.nowMs());
  }

  /** Tries, unless what is known of the input speaks against it. */
  private proceed(nowMs: number): void {
    const verdict = this.context.quarantine.admit(this, nowMs);
    if (verdict === "wait") return;
    if (verdict === "poison") {
      this.onPoison();
      return;
    }
    this.suspect = verdict === "suspect";
    this.attempt(nowMs);
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
  private attempt(nowMs: number): void {
    const { quarantine, random, limits } = this.context;
    this.followActive();
    const version = versionToTry(this, limits.inFlightPerWorkerMax, random);
    if (version === undefined) {
      this.fail(this.problem());
      return;
    }
    const chosen = workerToTry(version, this.tried, limits.inFlightPerWorkerMax, nowMs, random, this.context.batch());
    if (chosen === undefined) {
      this.context.statistics.add(shardCells.shed, 1);
      this.fail({ kind: "overloaded", what: `Every linter for ${this.request.language.language} has its fill`, retryAfterSeconds: 1 });
    } else if (this.suspect) {
      quarantine.ask(this, candidatesOf(version, this.tried, chosen, limits.inFlightPerWorkerMax, nowMs, random), nowMs);
    } else {
      const worker = quarantine.place(this, chosen, version.usable, nowMs);
      if (worker !== undefined) this.send(version, worker, nowMs);
    }
  }

  private send(version: ActiveVersion, worker: ActiveWorker, nowMs: number): void {
    const { limits, statistics } = this.context;
    this.attempts++;
    this.worker = worker;
    const spills = version !== this.version;
    if (spills && !this.spilled) statistics.add(shardCells.spilled, 1);
    this.spilled = spills;
    statistics.add(shardCells.attempts, 1);
    if (this.attempts > 1) statistics.add(shardCells.retries, 1);
    statistics.add(statistics.versionCell(version.slot, versionCells.attempts), 1);
    const timeoutMs = Math.max(1, Math.min(limits.attemptTimeoutMs, this.deadlineAtMs - nowMs));
    this.attemptStartMs = nowMs;
    this.attemptDeadlineAtMs = nowMs + timeoutMs;
    this.ticket = worker.send(this.request, timeoutMs, this);
  }

  /**
   * A snapshot may have come since the last look: what is tried next is of the newest. A version that left, or has lost
   * its weight, gives the exchange up to the shares there are now, unless the user asked for it.
   */
  private followActive(): void {
    const active = this.context.active();
    if (active === this.active) return;
    this.active = active;
    const { request, version } = this;
    const language = active.languages.get(request.language.language) ?? { ...this.language, versions: [] };
    this.language = language;
    // One that left and came back is another object.
    this.tried = this.tried.map((worker) => workerOf(language, worker.id) ?? worker);
    const successor = language.versions.find((one) => one.version === version?.version);
    if (request.version !== undefined) this.version = successor;
    else this.version = successor !== undefined && successor.weight > 0 ? successor : this.pickVersion();
  }

  private pickVersion(): ActiveVersion | undefined {
    return this.language.versions[this.language.counter.pick()];
  }

  private problem(): Problem {
    // A worker that died with the request in hand says nothing of the request; when no other is left, that is what is wrong.
    const failure = this.lastFailure.kind === "connection-lost" && !isAnotherUsable(this, this.worker) ? notTried : this.lastFailure;
    return problemOf(failure, this.language.language, this.request.deadlineMs);
  }

  private cancelAttempt(): void {
    const { worker } = this;
    if (this.ticket === 0 || worker === undefined) return;
    worker.upstream.cancel(this.ticket);
    this.leaveWorker(worker);
  }

  /** The attempt at `worker` is over, however it ended. */
  private leaveWorker(worker: ActiveWorker): void {
    this.ticket = 0;
    worker.settled();
  }

  private fail(problem: Problem): void {
    this.settle("problem");
    this.sink.onProblem(this, problem);
  }

  /** The one way out: frees the place. A second call is a bug. */
  private settle(by: "report" | "problem" | "abort"): void {
    if (this.settledBy !== "") throw new AssertionError(`an exchange settles once; settled by ${this.settledBy}, then by ${by}`);
    this.settledBy = by;
    this.context.table.remove(this);
    this.context.quarantine.leave(this, by === "report");
  }
}
