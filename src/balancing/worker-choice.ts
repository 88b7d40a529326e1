/**
 * Which worker of a version gets an attempt: power of two choices with memory. Two workers drawn at random
 * and the few this shard heard from last are compared, the one with the least expected load wins; among few
 * workers all are compared. Pure: time and chance are arguments. Must not know connections, versions, or who is
 * usable (ejection.ts and the state of the connection decide that).
 *
 * Shards share nothing. A worker's last report is exact when it arrives and worthless a few service times later, and with many shards
 * most reports are old. So a report fades toward what workers have on average (not toward 0, which would make the unknown look
 * idle), and the workers heard from last, whose reports are fresh, are always among those compared. What
 * remains visible however rare the reports is how long a worker takes, which finds the slow ones. The numbers
 * behind each part are in docs/decisions/0001-worker-choice.md (bench/sim).
 *
 * Requests that leave in one write cost the balancer far less than each in its own. So those of one batch go to the worker that was
 * chosen for the first of them, for as long as that worker, by the cost it states itself, is through with them in a moment: linters
 * whose analysis takes milliseconds never get two, those that answer in microseconds get many.
 *
 * Hot: plain loops over plain numbers, no allocation, no closure, O(1) in the number of workers.
 */
import { randomBelow, type Random } from "../base/random.js";

/** What is known of one worker on one shard. `inFlight` and `warmth` are the shard's to keep, the rest is kept here. */
export interface Candidate {
  /** Attempts this shard has there now. */
  inFlight: number;
  /** In (0, 1]: below 1 while a new or returning worker starts slowly (ejection.ts, `warmthAt`). */
  warmth: number;
  /** What the worker last reported as its queue depth, less what of it was this shard's own. */
  reportedDepth: number;
  reportedAtMs: number;
  /** Recent mean time of its answers, as a multiple of that of all workers of the version; 1 when nothing is known. */
  slowness: number;
  /** Attempts it counts for in addition after failures, at `penaltyAtMs`: refusing fast must not look like being fast. */
  penalty: number;
  penaltyAtMs: number;
  /** What a request takes of the worker's narrowest part, as it last said; 0 when it says nothing. */
  costMs: number;
  /** Its index in the list of usable workers, when it is in it. */
  place: number;
}

/** A batch that nobody else is in. */
export const noBatch = -1;

export interface ChoiceOptions {
  /** Up to so many usable workers are all compared: as many as would be compared anyway. */
  readonly scanMax: number;
  /** How many of the workers heard from last are compared. */
  readonly heardMax: number;
  /** After so many mean answer times a report counts half; the rest is the average. */
  readonly reportAnswers: number;
  /** Weight of one answer in a worker's mean time: about the last fifty count. */
  readonly slownessWeight: number;
  /**
   * Without an answer a worker's slowness fades, over this time, to that of a stranger: more than average, so
   * that workers this shard knows to be good come first and a slow one is not tried again too soon. Among few workers
   * only the slow ones become strangers, the others average: whoever is known need not stay the only one who works.
   */
  readonly slownessMs: number;
  readonly strangerSlowness: number;
  /** Among few workers, loads up to so many times the least are as good as equal: chance decides, and quiet hours are shared by all. */
  readonly evenWithin: number;
  /** How many attempts in flight a failure weighs, and over what time that fades to nothing. */
  readonly penaltyStep: number;
  readonly penaltyMs: number;
  /** A request joins its batch's worker when what that has before it takes no longer than this; 0 for never. */
  readonly joinWaitMs: number;
}

export const choiceDefaults: ChoiceOptions = {
  scanMax: 12,
  heardMax: 12,
  reportAnswers: 2,
  slownessWeight: 0.02,
  slownessMs: 60_000,
  strangerSlowness: 1.5,
  evenWithin: 1.25,
  penaltyStep: 8,
  penaltyMs: 3000,
  // A turn of a busy shard, which a request waits for anyway: five to six requests to a write, for a fifth of a millisecond at p99 (bench/sim).
  joinWaitMs: 0.25,
};

/** What one answer can count for at most: a huge source or a stopped process must not decide for minutes. */
const answerTimesMax = 16;

/** Weight of one answer in the averages of all workers. */
const averageWeight = 0.01;

/** Draws until an untried worker shows up before looking at all instead: with three tried of fifty, one in 10^9. */
const drawsMax = 8;

/** The values of a worker that was never heard from. */
export function newCandidate(): Candidate {
  return { inFlight: 0, warmth: 1, reportedDepth: 0, reportedAtMs: -Infinity, slowness: 1, penalty: 0, penaltyAtMs: 0, costMs: 0, place: -1 };
}

/** The workers of one version on one shard. */
export class WorkerSet<T extends Candidate> {
  #usable: readonly T[] = [];
  /** The workers heard from last, the newest at the end. */
  readonly #heard: T[] = [];
  /** Of the last comparison of all; kept only for its memory. */
  readonly #loads: number[] = [];
  /** Means over all answers of this version: time, and depth that was not this shard's. */
  #answerMs = 0;
  #depth = 0;
  /** The newest batch, and the worker that was chosen for its first request. */
  #batch = noBatch;
  #joined: T | undefined;

  /** `previous` hands on what was learnt over a change of snapshot. */
  constructor(
    private readonly options: ChoiceOptions = choiceDefaults,
    previous?: WorkerSet<T>,
  ) {
    if (previous === undefined) return;
    this.#heard.push(...previous.#heard);
    this.#answerMs = previous.#answerMs;
    this.#depth = previous.#depth;
  }

  /** The workers that may be chosen now. The list is not copied: replace it, never change it. */
  get usable(): readonly T[] {
    return this.#usable;
  }

  set usable(usable: readonly T[]) {
    this.#usable = usable;
    usable.forEach((worker, place) => (worker.place = place));
    const kept = this.#heard.filter((worker) => this.isUsable(worker));
    this.#heard.length = 0;
    this.#heard.push(...kept);
  }

  /**
   * The worker to try next, never one of `tried` (a few); undefined when no other is left. Requests that leave in one write
   * have the same `batch`.
   */
  choose(tried: readonly T[], nowMs: number, random: Random, batch = noBatch): T | undefined {
    const joined = this.#joined;
    if (batch === this.#batch && batch !== noBatch && joined !== undefined && tried.length === 0 && this.mayJoin(joined)) return joined;
    this.#batch = batch;
    return (this.#joined = this.compare(tried, nowMs, random));
  }

  private compare(tried: readonly T[], nowMs: number, random: Random): T | undefined {
    if (this.#usable.length <= this.options.scanMax) return this.leastLoaded(tried, nowMs, random);
    const first = this.draw(tried, undefined, random);
    const second = this.draw(tried, first, random);
    if (first === undefined || second === undefined) return this.leastLoaded(tried, nowMs, random);
    let least = first;
    let leastLoad = this.loadOf(first, nowMs);
    const secondLoad = this.loadOf(second, nowMs);
    if (secondLoad < leastLoad) {
      least = second;
      leastLoad = secondLoad;
    }
    for (let index = 0; index < this.#heard.length; index++) {
      const worker = this.#heard[index] as T;
      const load = this.loadOf(worker, nowMs);
      if (load < leastLoad && !contains(tried, worker)) {
        least = worker;
        leastLoad = load;
      }
    }
    return least;
  }

  /**
   * The attempts the worker is expected to have before it, the new one included, in units of an average
   * worker's attempts.
   */
  loadOf(worker: T, nowMs: number): number {
    const { reportAnswers, slownessMs, strangerSlowness } = this.options;
    // A request may have begun before the report that came in the same turn.
    const ageMs = Math.max(0, nowMs - worker.reportedAtMs);
    const halfMs = reportAnswers * this.#answerMs;
    const freshness = halfMs > 0 ? halfMs / (halfMs + ageMs) : 0;
    let load = worker.inFlight + this.#depth + (worker.reportedDepth - this.#depth) * freshness * freshness + 1;
    if (worker.penalty > 0) load += this.penaltyAt(worker, nowMs);
    const unknown = this.#usable.length > this.options.scanMax || worker.slowness > strangerSlowness ? strangerSlowness : 1;
    load *= ageMs < slownessMs ? worker.slowness + (unknown - worker.slowness) * (ageMs / slownessMs) : unknown;
    return load / worker.warmth;
  }

  /** The worker answered after `answerMs`, reporting `queueDepth` and `costMs`. To be called once `inFlight` no longer counts the attempt. */
  noteAnswer(worker: T, queueDepth: number, answerMs: number, nowMs: number, costMs = 0): void {
    worker.costMs = costMs;
    if (worker.penalty > 0 && this.penaltyAt(worker, nowMs) === 0) worker.penalty = 0;
    this.#answerMs += this.#answerMs === 0 ? answerMs : averageWeight * (answerMs - this.#answerMs);
    const times = this.#answerMs > 0 ? Math.min(answerTimesMax, answerMs / this.#answerMs) : 1;
    worker.slowness += this.options.slownessWeight * (times - worker.slowness);
    this.noteReport(worker, queueDepth, nowMs);
    this.#depth += averageWeight * (worker.reportedDepth - this.#depth);
    this.remember(worker);
  }

  /** An attempt failed through the worker: refused, lost, timed out. */
  noteFailure(worker: T, nowMs: number): void {
    worker.penalty = this.options.penaltyStep + this.penaltyAt(worker, nowMs);
    worker.penaltyAtMs = nowMs;
  }

  /** The worker said its `queueDepth`, in an answer or a refusal. It counts this shard's attempts too: only what is left over is others' load. */
  noteReport(worker: T, queueDepth: number, nowMs: number): void {
    worker.reportedDepth = Math.max(0, queueDepth - worker.inFlight);
    worker.reportedAtMs = nowMs;
  }

  /** Whether a further request would be through in a moment. Who is new, or fails, proves itself by one at a time. */
  private mayJoin(worker: T): boolean {
    const { costMs, inFlight, reportedDepth, penalty, warmth } = worker;
    return costMs > 0 && (inFlight + reportedDepth) * costMs <= this.options.joinWaitMs && penalty === 0 && warmth === 1 && this.isUsable(worker);
  }

  private penaltyAt(worker: T, nowMs: number): number {
    return worker.penalty * Math.min(1, Math.max(0, 1 - (nowMs - worker.penaltyAtMs) / this.options.penaltyMs));
  }

  /** Keeps the order of hearing: the newest last. The freshness of what is remembered is what pays. */
  private remember(worker: T): void {
    const heard = this.#heard;
    if (this.#usable.length <= this.options.scanMax || !this.isUsable(worker)) return;
    let hole = 0;
    while (hole < heard.length && heard[hole] !== worker) hole++;
    if (hole === heard.length) {
      if (hole < this.options.heardMax) {
        heard.push(worker);
        return;
      }
      hole = 0;
    }
    for (; hole + 1 < heard.length; hole++) heard[hole] = heard[hole + 1] as T;
    heard[hole] = worker;
  }

  /** A worker may answer after it left the list. */
  private isUsable(worker: T): boolean {
    return this.#usable[worker.place] === worker;
  }

  /** One worker at random that is neither tried nor `other`; undefined when luck ran out. */
  private draw(tried: readonly T[], other: T | undefined, random: Random): T | undefined {
    for (let count = 0; count < drawsMax; count++) {
      const worker = this.#usable[randomBelow(random, this.#usable.length)];
      if (worker !== undefined && worker !== other && !contains(tried, worker)) return worker;
    }
    return undefined;
  }

  /** All compared; ties are broken evenly, in a second pass rather than by a random start: that would favour the neighbours of busy ones. */
  private leastLoaded(tried: readonly T[], nowMs: number, random: Random): T | undefined {
    const usable = this.#usable;
    const loads = this.#loads;
    let least = Infinity;
    for (let index = 0; index < usable.length; index++) {
      const worker = usable[index] as T;
      const load = contains(tried, worker) ? Infinity : this.loadOf(worker, nowMs);
      loads[index] = load;
      if (load < least) least = load;
    }
    if (least === Infinity) return undefined;
    const bound = least * this.options.evenWithin;
    let ties = 0;
    for (let index = 0; index < usable.length; index++) if ((loads[index] as number) <= bound) ties++;
    let skip = ties > 1 ? randomBelow(random, ties) : 0;
    for (let index = 0; index < usable.length; index++) if ((loads[index] as number) <= bound && skip-- === 0) return usable[index];
    return undefined;
  }
}

/** `Array.includes` would do; for the usual none or one a loop is inlined. */
function contains<T>(workers: readonly T[], wanted: T): boolean {
  for (let index = 0; index < workers.length; index++) if (workers[index] === wanted) return true;
  return false;
}
