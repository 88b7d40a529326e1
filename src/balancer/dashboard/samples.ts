/**
 * What happened second by second, made from the counters that shards write, and kept for some minutes: the charts, the real
 * shares, and whether users see failures. Must not know who looks.
 */
import type { Clock } from "../../base/clock.js";
import { latencyBuckets, microsOf, outcomeStatuses, shardCells, type Statistics, workerCells } from "../../shard/statistics.js";
import type { SlotBook } from "../slots.js";
import type { Sample } from "./picture.js";

export interface SampleOptions {
  /** A person sees no more than that. */
  readonly intervalMs: number;
  /** How many are kept: five minutes, enough to see what came before a fault. */
  readonly samplesMax: number;
  /** Over how many intervals shares and failures are told: long enough for small shares, short enough to see a change arrive. */
  readonly windowSamples: number;
  /** Over how many a worker's time to answer is told. */
  readonly workerWindowSamples: number;
  /** Languages' latencies are kept at each so many: with hundreds of languages they are the most of it. */
  readonly latencyEverySamples: number;
}

export const defaultSampleOptions: SampleOptions = { intervalMs: 1_000, samplesMax: 300, windowSamples: 60, workerWindowSamples: 10, latencyEverySamples: 10 };

/** Of a version, in the window. */
export interface VersionCounts {
  readonly requests: number;
  readonly failures: number;
}

export interface Latency {
  /** -1 when nothing was answered. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface WorkerCounts {
  readonly inFlight: number;
  readonly queued: number;
  readonly perSecond: number;
  readonly answerMs: number;
  readonly failures: number;
}

/** Counters as they stood at one moment, by slot; slot 0 is for what reached no version, language or worker. */
interface Reading {
  readonly atMs: number;
  readonly requests: Float64Array;
  readonly failures: Float64Array;
  readonly refusals: number;
  /** Of all languages together. */
  readonly latencies: Uint32Array;
}

interface WorkerReading {
  readonly atMs: number;
  readonly attempts: Float64Array;
  readonly answers: Float64Array;
  readonly answerMicros: Float64Array;
}

const clientLeft = outcomeStatuses.indexOf(499);

export class Samples {
  readonly kept: Sample[] = [];
  private readonly readings: Reading[] = [];
  private readonly workerReadings: WorkerReading[] = [];
  /** By language slot. */
  private readonly latencyReadings: (readonly Uint32Array[])[] = [];
  private taken = 0;

  constructor(
    private readonly statistics: readonly Statistics[],
    private readonly slots: SlotBook,
    private readonly options: SampleOptions,
    private readonly clock: Clock,
  ) {}

  /** To be called every `intervalMs`. */
  take(): void {
    const { windowSamples, samplesMax, latencyEverySamples } = this.options;
    const before = this.readings.at(-1);
    const latencies = Array.from({ length: highestSlot(this.slots.languages()) + 1 }, (_none, slot) => this.latenciesOf(slot));
    const now = this.read(merged(latencies));
    if (this.taken++ % latencyEverySamples === 0) push(this.latencyReadings, latencies, Math.ceil(windowSamples / latencyEverySamples));
    push(this.readings, now, windowSamples + 1);
    if (before !== undefined) push(this.kept, this.sampleOf(before, now), samplesMax);
  }

  /** Only while somebody looks: there may be tens of thousands. */
  takeWorkers(): void {
    const count = highestSlot(this.slots.workers()) + 1;
    const { attempts, answers, answerMicros } = workerCells;
    const column = (cell: number): Float64Array => this.sumBySlot(count, (one, slot) => one.get(one.workerCell(slot, cell)));
    push(this.workerReadings, { atMs: this.clock.nowMs(), attempts: column(attempts), answers: column(answers), answerMicros: column(answerMicros) }, this.options.workerWindowSamples + 1);
  }

  /** Nobody looks any more: the next reading is not to be compared with old ones. */
  forgetWorkers(): void {
    this.workerReadings.length = 0;
  }

  /** What the window holds of a version; by its slot. */
  versionCounts(slot: number): VersionCounts {
    const first = this.readings[0];
    const last = this.readings.at(-1);
    return { requests: grown(first?.requests, last?.requests, slot), failures: grown(first?.failures, last?.failures, slot) };
  }

  /** What all languages together had in the window. */
  totals(): VersionCounts {
    let [requests, failures] = [0, 0];
    for (let slot = 0; slot < (this.readings.at(-1)?.requests.length ?? 0); slot++) {
      const counts = this.versionCounts(slot);
      requests += counts.requests;
      failures += counts.failures;
    }
    return { requests, failures };
  }

  languageLatency(slot: number): Latency {
    const percentile = percentilesOf(this.latencyReadings[0]?.[slot], this.latenciesOf(slot));
    return { p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
  }

  workerCounts(slot: number): WorkerCounts {
    const sum = (cell: number): number => this.statistics.reduce((total, one) => total + one.get(one.workerCell(slot, cell)), 0);
    const first = this.workerReadings[0];
    const [before, last] = [this.workerReadings.at(-2), this.workerReadings.at(-1)];
    const answers = grown(first?.answers, last?.answers, slot);
    const seconds = ((last?.atMs ?? 0) - (before?.atMs ?? 0)) / 1_000;
    return {
      inFlight: sum(workerCells.inFlight),
      queued: Math.round(Math.max(0, ...this.statistics.map((one) => one.get(one.workerCell(slot, workerCells.reportedDepth))))),
      perSecond: before === undefined || seconds <= 0 ? 0 : rounded(grown(before.attempts, last?.attempts, slot) / seconds),
      answerMs: answers === 0 ? -1 : rounded(grown(first?.answerMicros, last?.answerMicros, slot) / answers / 1_000),
      failures: sum(workerCells.failures),
    };
  }

  shardValue(index: number, cell: keyof typeof shardCells): number {
    return this.statistics[index]?.get(shardCells[cell]) ?? 0;
  }

  private read(latencies: Uint32Array): Reading {
    const versions = highestSlot(this.slots.versions()) + 1;
    const outcomes = (from: number, to: number, but = -1) => (one: Statistics, slot: number) => {
      let sum = 0;
      for (const [index, status] of outcomeStatuses.entries()) if (status >= from && status < to && index !== but) sum += one.get(one.versionCell(slot, index));
      return sum;
    };
    return {
      atMs: this.clock.nowMs(),
      requests: this.sumBySlot(versions, outcomes(0, 600)),
      failures: this.sumBySlot(versions, outcomes(500, 600)),
      refusals: this.sumBySlot(versions, outcomes(400, 500, clientLeft)).reduce((sum, one) => sum + one, 0),
      latencies,
    };
  }

  private latenciesOf(slot: number): Uint32Array {
    const buckets = new Uint32Array(latencyBuckets);
    for (const one of this.statistics) {
      const at = one.latencyCell(slot, 0);
      // Modulo 2^32, which the difference of two readings survives.
      for (let bucket = 0; bucket < latencyBuckets; bucket++) buckets[bucket] = (buckets[bucket] ?? 0) + (one.cells[at + bucket] ?? 0);
    }
    return buckets;
  }

  private sumBySlot(count: number, read: (one: Statistics, slot: number) => number): Float64Array {
    const sums = new Float64Array(count);
    for (const one of this.statistics) for (let slot = 0; slot < count; slot++) sums[slot] = (sums[slot] ?? 0) + read(one, slot);
    return sums;
  }

  private sampleOf(before: Reading, now: Reading): Sample {
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000);
    const total = (key: "requests" | "failures"): number => {
      let sum = 0;
      for (let slot = 0; slot < now[key].length; slot++) sum += grown(before[key], now[key], slot);
      return sum;
    };
    const percentile = percentilesOf(before.latencies, now.latencies);
    return {
      atUnixMs: Math.round(this.clock.wallMs()),
      perSecond: rounded(total("requests") / seconds),
      failuresPerSecond: rounded(total("failures") / seconds),
      refusalsPerSecond: rounded(Math.max(0, now.refusals - before.refusals) / seconds),
      p50Ms: percentile(0.5),
      p90Ms: percentile(0.9),
      p99Ms: percentile(0.99),
      inFlight: this.statistics.reduce((sum, one) => sum + one.get(shardCells.exchangesInFlight), 0),
    };
  }
}

function push<T>(list: T[], one: T, max: number): void {
  list.push(one);
  if (list.length > max) list.shift();
}

/** A slot that was emptied for another owner in between has grown by nothing. */
function grown(before: Float64Array | undefined, now: Float64Array | undefined, slot: number): number {
  return Math.max(0, (now?.[slot] ?? 0) - (before?.[slot] ?? 0));
}

function highestSlot(entries: IterableIterator<[string, number]>): number {
  let highest = 0;
  for (const [, slot] of entries) highest = Math.max(highest, slot);
  return highest;
}

function merged(latencies: readonly Uint32Array[]): Uint32Array {
  const sums = new Uint32Array(latencyBuckets);
  for (const one of latencies) for (let bucket = 0; bucket < latencyBuckets; bucket++) sums[bucket] = (sums[bucket] ?? 0) + (one[bucket] ?? 0);
  return sums;
}

/** In milliseconds, of what came between two readings; -1 when nothing did. */
function percentilesOf(before: Uint32Array | undefined, now: Uint32Array | undefined): (share: number) => number {
  const counts = new Float64Array(latencyBuckets);
  let total = 0;
  for (let bucket = 0; bucket < latencyBuckets; bucket++) {
    const count = Math.max(0, ((now?.[bucket] ?? 0) - (before?.[bucket] ?? 0)) | 0);
    counts[bucket] = count;
    total += count;
  }
  return (share) => {
    let left = Math.ceil(total * share);
    if (left === 0) return -1;
    for (let bucket = 0; bucket < latencyBuckets; bucket++) {
      left -= counts[bucket] ?? 0;
      if (left <= 0) return rounded(microsOf(bucket) / 1_000);
    }
    return -1;
  };
}

/** Three digits are what a person reads, and what need not travel again when nothing changed. */
function rounded(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}
