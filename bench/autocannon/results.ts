/** What a run of the benchmark yields: the JSON in bench/results/ has this shape. */
import type { BoundResult } from "./bounds.js";
import type { Collections } from "./collections.js";
import type { CpuUse } from "./cost.js";
import type { Latencies, LoadTool } from "./load-result.js";
import type { CodeFacts, MachineFacts } from "./machine.js";

/** The number in `format` of a result; readers refuse another one. */
export const resultFormat = 1;

export interface BenchResult {
  readonly format: typeof resultFormat;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly code: CodeFacts;
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly jobs: readonly JobResult[];
  /** With --bounds: what has to be reached, and what was. */
  readonly bounds?: readonly BoundResult[];
}

export interface JobResult {
  readonly name: string;
  readonly question: string;
  readonly points: readonly PointResult[];
}

export interface PointResult {
  readonly name: string;
  readonly tool: LoadTool;
  /** Offered requests per second; 0 for as many as it takes. */
  readonly ratePerSecond: number;
  readonly workers: number;
  readonly connections: number;
  readonly candidates: readonly CandidateResult[];
}

export interface CandidateResult {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Over the rounds. */
  readonly median: Measures;
  /** Distance of the largest and the smallest from the median, as a part of it: how far to trust it. */
  readonly spread: Measures;
}

/** One round of one candidate. */
export interface Round {
  readonly requests: number;
  readonly seconds: number;
  readonly latencyMs: Latencies;
  readonly errors: number;
  readonly cpuMicros: CpuUse;
  readonly memoryBytes: number;
  /** Where they were counted. */
  readonly collections?: Collections;
}

/** The numbers people compare, each a plain number by its name. */
export interface Measures {
  readonly requestsPerSecond: number;
  /** CPU of the balancing process per request, µs: all threads, the shards', the main thread's, the rest. */
  readonly cpuMicros: number;
  readonly shardMicros: number;
  readonly mainMicros: number;
  readonly otherMicros: number;
  /** CPU time over wall time: near 1 the balancer was the limit, well below it the load or the workers were. */
  readonly busy: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly memoryMiB: number;
  readonly errors: number;
}

export function measuresOf({ requests, seconds, latencyMs, errors, cpuMicros, memoryBytes }: Round): Measures {
  const perRequest = (micros: number): number => micros / Math.max(1, requests);
  return {
    requestsPerSecond: requests / seconds,
    cpuMicros: perRequest(cpuMicros.total),
    shardMicros: perRequest(cpuMicros.shards),
    mainMicros: perRequest(cpuMicros.main),
    otherMicros: perRequest(cpuMicros.other),
    busy: cpuMicros.total / (seconds * 1e6),
    p50Ms: latencyMs.p50,
    p90Ms: latencyMs.p90,
    p99Ms: latencyMs.p99,
    p999Ms: latencyMs.p999,
    maxMs: latencyMs.max,
    memoryMiB: memoryBytes / 2 ** 20,
    errors,
  };
}

export function summarize(name: string, rounds: readonly Round[]): CandidateResult {
  const all = rounds.map(measuresOf);
  const each = (fold: (values: number[]) => number): Measures => {
    const names = Object.keys(all[0]!) as (keyof Measures)[];
    return Object.fromEntries(names.map((key) => [key, rounded(fold(all.map((one) => one[key])))])) as unknown as Measures;
  };
  return { name, rounds, median: each(median), spread: each(spread) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median over the rounds of one candidate's CPU per request as a multiple of another's in the same round: rounds
 * follow each other closely, so that what else the machine does cancels out.
 */
export function cpuRatio(one: CandidateResult, other: CandidateResult): number {
  const ratios = one.rounds.map((round, index) => measuresOf(round).cpuMicros / measuresOf(other.rounds[index] ?? round).cpuMicros);
  return median(ratios);
}

function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / middle;
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
