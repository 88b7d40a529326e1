/**
 * A cluster in virtual time: shards that choose, workers with threads and a queue, a network in between. No
 * sockets, no clock: a minute of traffic takes seconds, and a seed repeats it exactly. Must not know how a
 * policy chooses.
 */
import { seededRandom, type Random } from "../../src/base/random.js";
import type { ClusterOptions } from "./cluster-options.js";
import { EventHeap, EventRing } from "./event-queue.js";

/** What a policy may see and is told. Workers and shards are numbers. */
export interface Policy {
  /** A worker not in `tried`, or -1. */
  choose(shard: number, tried: readonly number[], nowMs: number): number;
  answered(shard: number, worker: number, queueDepth: number, answerMs: number, nowMs: number, costMs: number): void;
  refused(shard: number, worker: number, queueDepth: number, nowMs: number): void;
  /** The workers that may be chosen changed, or (same list) time has passed for a slow start. */
  membership?(usable: readonly boolean[], joinedAtMs: readonly number[], nowMs: number): void;
}

/** Shared truth that only an ideal policy looks at: requests at each worker, those on their way included. */
export interface Truth {
  readonly depth: Int32Array;
}

export type PolicyMaker = "central queue" | ((options: ClusterOptions, random: Random, truth: Truth) => Policy);

export interface ClusterResult {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly requests: number;
  readonly lost: number;
  readonly refusedAttempts: number;
  /** Share of the attempts that went to the workers slow by `slowShare`. */
  readonly slowAttempts: number;
  /** Of the attempts to workers in their first ten seconds after a restart: share against a fair one. */
  readonly coldOfFair: number;
  /** Requests that leave for one worker within one turn of 0.25 ms, on average: what a write can carry. */
  readonly batch: number;
  readonly workersUsed: number;
}

const attemptsMax = 3;
/** What leaves for one worker within so long can leave in one write. */
export const turnMs = 0.25;
const tickMs = 100;
/** The first time after a restart, for `coldOfFair`. */
const coldMs = 10_000;

class Cluster {
  private readonly random: Random;
  private readonly policyRandom: Random;
  private readonly policy: Policy | undefined;
  private nowMs = 0;
  private readonly completions = new EventHeap();
  private readonly toWorkers = new EventRing();
  private readonly toShards = new EventRing();
  private readonly depth: Int32Array;
  private readonly onTheWay: Int32Array;
  private readonly busy: Int32Array;
  private readonly queues: EventRing[];
  private readonly centralQueue = new EventRing();
  private readonly usable: boolean[];
  private readonly joinedAtMs: number[];
  private readonly slowedUntilMs: Float64Array;
  /** Analyses since the last restart. */
  private readonly served: Float64Array;
  /** Requests, by an index that is reused. */
  private readonly startMs: number[] = [];
  private readonly sentMs: number[] = [];
  private readonly shard: number[] = [];
  private readonly worker: number[] = [];
  private readonly analysisMs: number[] = [];
  private readonly tried: number[][] = [];
  private readonly reportedDepth: number[] = [];
  private readonly free: number[] = [];
  private readonly latencies: number[] = [];
  private readonly lastTurn: Float64Array;
  private readonly seenWorkers = new Set<number>();
  private lost = 0;
  private refusedAttempts = 0;
  private attempts = 0;
  private slowAttempts = 0;
  private coldAttempts = 0;
  private coldWorkerMs = 0;
  private writes = 0;
  private readonly ratePerMs: number;
  private readonly mu: number;

  constructor(private readonly options: ClusterOptions, maker: PolicyMaker) {
    const { workers, shards, threads, analysisMs, slowFactor, sigma } = options;
    this.random = seededRandom(options.seed);
    this.policyRandom = seededRandom(options.seed ^ 0x5bd1e995);
    this.depth = new Int32Array(workers);
    this.onTheWay = new Int32Array(workers);
    this.busy = new Int32Array(workers);
    this.queues = Array.from({ length: workers }, () => new EventRing());
    this.usable = Array.from({ length: workers }, () => true);
    this.joinedAtMs = Array.from({ length: workers }, () => -Infinity);
    this.slowedUntilMs = new Float64Array(workers);
    this.served = new Float64Array(workers).fill(options.restarts === undefined ? 0 : Infinity);
    this.lastTurn = new Float64Array(workers * shards).fill(-1);
    const working = workers - options.refusing;
    const slow = Math.round(workers * options.slowShare);
    this.ratePerMs = (options.load * threads * (working - slow + slow / slowFactor)) / analysisMs;
    this.mu = Math.log(analysisMs) - (sigma * sigma) / 2;
    this.policy = maker === "central queue" ? undefined : maker(options, this.policyRandom, { depth: this.onTheWay });
    this.policy?.membership?.(this.usable, this.joinedAtMs, 0);
  }

  run(): ClusterResult {
    const endMs = this.options.seconds * 1000;
    let nextArrivalMs = 0;
    let nextTickMs = tickMs;
    for (;;) {
      const workerMs = this.toWorkers.nextMs;
      const shardMs = this.toShards.nextMs;
      const doneMs = this.completions.nextMs;
      this.nowMs = Math.min(nextArrivalMs, workerMs, shardMs, doneMs, nextTickMs);
      if (this.nowMs > endMs) return this.result();
      if (this.nowMs === doneMs) this.complete(this.completions.pop());
      else if (this.nowMs === shardMs) this.reply(this.toShards.pop());
      else if (this.nowMs === workerMs) this.arriveAtWorker(this.toWorkers.pop());
      else if (this.nowMs === nextTickMs) {
        nextTickMs += tickMs;
        this.tick();
      } else {
        this.request();
        nextArrivalMs += -Math.log(1 - this.random.next()) / this.rateNow();
      }
    }
  }

  private rateNow(): number {
    const { bursts } = this.options;
    if (bursts === undefined) return this.ratePerMs;
    const quiet = bursts.everyMs / (bursts.everyMs + (bursts.factor - 1) * bursts.lastMs);
    return this.ratePerMs * quiet * (this.nowMs % bursts.everyMs < bursts.lastMs ? bursts.factor : 1);
  }

  private request(): void {
    const index = this.free.pop() ?? this.startMs.length;
    this.startMs[index] = this.nowMs;
    this.shard[index] = Math.floor(this.random.next() * this.options.shards);
    const gauss = Math.sqrt(-2 * Math.log(1 - this.random.next())) * Math.cos(2 * Math.PI * this.random.next());
    this.analysisMs[index] = Math.exp(this.mu + this.options.sigma * gauss);
    this.tried[index] = [];
    this.attempt(index);
  }

  private attempt(index: number): void {
    this.sentMs[index] = this.nowMs;
    if (this.policy === undefined) {
      this.toWorkers.push(this.nowMs + this.options.networkMs, index);
      return;
    }
    const shard = this.shard[index]!;
    const tried = this.tried[index]!;
    const worker = tried.length < attemptsMax ? this.policy.choose(shard, tried, this.nowMs) : -1;
    if (worker < 0) {
      this.lost++;
      this.free.push(index);
      return;
    }
    tried.push(worker);
    this.worker[index] = worker;
    this.onTheWay[worker]!++;
    this.countAttempt(shard, worker);
    this.toWorkers.push(this.nowMs + this.options.networkMs, index);
  }

  private countAttempt(shard: number, worker: number): void {
    if (this.nowMs < this.options.warmupSeconds * 1000) return;
    this.attempts++;
    this.seenWorkers.add(worker);
    if (worker < Math.round(this.options.workers * this.options.slowShare)) this.slowAttempts++;
    if (this.nowMs - this.joinedAtMs[worker]! < coldMs) this.coldAttempts++;
    const turn = Math.floor(this.nowMs / turnMs);
    const place = shard * this.options.workers + worker;
    if (this.lastTurn[place] !== turn) this.writes++;
    this.lastTurn[place] = turn;
  }

  private arriveAtWorker(index: number): void {
    if (this.policy === undefined) {
      const worker = this.idleWorker();
      if (worker < 0) this.centralQueue.push(this.nowMs, index);
      else this.start(worker, index);
      return;
    }
    const worker = this.worker[index]!;
    const { workers, refusing, queueMax, threads } = this.options;
    if (worker >= workers - refusing || this.depth[worker]! >= queueMax) {
      this.reportedDepth[index] = -1 - this.depth[worker]!;
      this.toShards.push(this.nowMs + this.options.networkMs, index);
      return;
    }
    this.depth[worker]!++;
    if (this.busy[worker]! < threads) this.start(worker, index);
    else this.queues[worker]!.push(this.nowMs, index);
  }

  private idleWorker(): number {
    const { workers, threads } = this.options;
    const first = Math.floor(this.random.next() * workers);
    for (let offset = 0; offset < workers; offset++) {
      const worker = (first + offset) % workers;
      if (this.busy[worker]! < threads) return worker;
    }
    return -1;
  }

  private start(worker: number, index: number): void {
    this.worker[index] = worker;
    this.busy[worker]!++;
    this.completions.push(this.nowMs + this.analysisMs[index]! * this.slowdown(worker), index);
  }

  /** What the worker states: its mean analysis over its threads. */
  private costOf(worker: number): number {
    return (this.options.analysisMs * this.slowdown(worker)) / this.options.threads;
  }

  private slowdown(worker: number): number {
    const { slowShare, slowFactor, workers, antagonists, restarts } = this.options;
    let factor = worker < Math.round(workers * slowShare) ? slowFactor : 1;
    if (antagonists !== undefined && this.slowedUntilMs[worker]! > this.nowMs) factor *= antagonists.factor;
    if (restarts !== undefined) {
      const served = this.served[worker]!;
      if (served < restarts.coldAnalyses) factor *= 1 + (restarts.coldFactor - 1) * (1 - served / restarts.coldAnalyses);
    }
    return factor;
  }

  private complete(index: number): void {
    const worker = this.worker[index]!;
    this.busy[worker]!--;
    this.served[worker]!++;
    if (this.policy === undefined) {
      if (this.centralQueue.size > 0) this.start(worker, this.centralQueue.pop());
    } else {
      this.depth[worker]!--;
      if (this.queues[worker]!.size > 0) this.start(worker, this.queues[worker]!.pop());
    }
    this.reportedDepth[index] = this.depth[worker]!;
    this.toShards.push(this.nowMs + this.options.networkMs, index);
  }

  private reply(index: number): void {
    const worker = this.worker[index]!;
    const depth = this.reportedDepth[index]!;
    this.onTheWay[worker]!--;
    if (depth < 0) {
      this.refusedAttempts++;
      this.policy!.refused(this.shard[index]!, worker, -1 - depth, this.nowMs);
      this.attempt(index);
      return;
    }
    this.policy?.answered(this.shard[index]!, worker, depth, this.nowMs - this.sentMs[index]!, this.nowMs, this.costOf(worker));
    if (this.startMs[index]! >= this.options.warmupSeconds * 1000) this.latencies.push(this.nowMs - this.startMs[index]!);
    this.free.push(index);
  }

  private tick(): void {
    const { antagonists, restarts, workers } = this.options;
    if (antagonists !== undefined) {
      for (let start = 0; start < tickMs; start += antagonists.everyMs) {
        this.slowedUntilMs[Math.floor(this.random.next() * workers)] = this.nowMs + antagonists.lastMs * -Math.log(1 - this.random.next());
      }
    }
    if (restarts === undefined) return;
    const round = Math.floor(this.nowMs / restarts.everyMs);
    for (let worker = 0; worker < workers; worker++) {
      const away = round % workers === worker && this.nowMs % restarts.everyMs < restarts.awayMs;
      if (!away && !this.usable[worker]) {
        this.joinedAtMs[worker] = this.nowMs;
        this.served[worker] = 0;
      }
      this.usable[worker] = !away;
      if (this.nowMs >= this.options.warmupSeconds * 1000 && this.nowMs - this.joinedAtMs[worker]! < coldMs) this.coldWorkerMs += tickMs;
    }
    this.policy?.membership?.(this.usable, this.joinedAtMs, this.nowMs);
  }

  private result(): ClusterResult {
    // What has not ended counts as if it ended now: an overloaded worker must not hide its victims.
    const free = new Set(this.free);
    this.startMs.forEach((startMs, index) => {
      if (!free.has(index) && startMs >= this.options.warmupSeconds * 1000) this.latencies.push(this.nowMs - startMs);
    });
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const measuredMs = (this.options.seconds - this.options.warmupSeconds) * 1000;
    return {
      meanMs: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      requests: sorted.length,
      lost: this.lost,
      refusedAttempts: this.refusedAttempts,
      slowAttempts: this.slowAttempts / Math.max(1, this.attempts),
      coldOfFair: this.coldWorkerMs === 0 ? 0 : this.coldAttempts / this.attempts / (this.coldWorkerMs / measuredMs / this.options.workers),
      batch: this.attempts / Math.max(1, this.writes),
      workersUsed: this.seenWorkers.size,
    };
  }
}

export function simulate(options: ClusterOptions, maker: PolicyMaker): ClusterResult {
  return new Cluster(options, maker).run();
}
