/**
 * What Lintel has to reach, and whether a result does: one row for each bound. A pure function of a result, so that it can be
 * asked of any that has the points. Must not know how anything was measured.
 */
import { measuresOf, median, type BenchResult, type CandidateResult, type Measures } from "./results.js";

export interface BoundResult {
  readonly measure: string;
  /** "" for a ratio. */
  readonly unit: string;
  readonly bound: number;
  /** Undefined when it was not measured here: a peer is not installed, or its job was left out. */
  readonly measured?: number;
  /** The lowest and the highest of the rounds. */
  readonly low?: number;
  readonly high?: number;
}

/** "job, point, candidate" */
type Place = readonly [job: string, point: string, candidate: string];

interface Bound {
  readonly measure: string;
  readonly unit: string;
  readonly bound: number;
  /** A value for each round; empty when a place is missing. */
  readonly values: (result: BenchResult) => readonly number[];
}

const ratio = (measure: string, bound: number, key: keyof Measures, one: Place, other: Place): Bound => ({
  measure,
  unit: "",
  bound,
  values: (result) => pairs(result, one, other, (a, b) => a[key] / b[key]),
});
const value = (measure: string, unit: string, bound: number, of: (candidate: CandidateResult) => readonly number[], place: Place): Bound => ({
  measure,
  unit,
  bound,
  values: (result) => {
    const found = find(result, place);
    return found === undefined ? [] : of(found);
  },
});

const here: Place = ["throughput", "64 connections", "lintel"];
const alone: Place = ["throughput", "1 connection", "lintel"];
const half: Place = ["rate", "50 % of capacity", "lintel"];
const at = ([job, point]: Place, candidate: string): Place => [job, point, candidate];
const many = (point: string): readonly [Place, Place] => [["workers", point, "lintel"], ["workers", point, "haproxy"]];

/** In the order of the table. */
const bounds: readonly Bound[] = [
  ratio("CPU per request / HAProxy's: 2 workers, 64 connections", 0.72, "cpuMicros", here, at(here, "haproxy")),
  ratio("… 8 workers", 0.85, "cpuMicros", ...many("8 workers, 64 connections")),
  ratio("… 32 workers", 0.95, "cpuMicros", ...many("32 workers, 64 connections")),
  ratio("… 32 workers, 256 connections", 0.8, "cpuMicros", ...many("32 workers, 256 connections")),
  ratio("CPU per request / nginx's: 2 workers, 64 connections", 0.66, "cpuMicros", here, at(here, "nginx")),
  ratio("CPU per request / HAProxy's at half of its capacity", 0.88, "cpuMicros", half, at(half, "haproxy")),
  ratio("CPU per request / HAProxy's: 1 connection", 1.2, "cpuMicros", alone, at(alone, "haproxy")),
  ratio("median latency / HAProxy's: 1 connection", 1.15, "p50Ms", alone, at(alone, "haproxy")),
  ratio("CPU per request / a shard that only reads and replies", 1.45, "cpuMicros", here, at(here, "floor")),
  {
    measure: "what all features cost together",
    unit: "µs",
    bound: 0.5,
    values: (result) => pairs(result, here, at(here, "bare"), (a, b) => a.cpuMicros - b.cpuMicros),
  },
  value("mark-compact collections in a minute of full load", "", 0, ({ rounds }) => rounds.map(({ collections }) => collections?.markCompacts ?? NaN), ["garbage", "a minute", "lintel"]),
  ratio("CPU per request, grpc-js workers / with the grpc-js client", 1 / 8, "cpuMicros", ["grpc-js", "64 connections", "lintel"], ["grpc-js", "64 connections", "bare-grpc-js"]),
  ratio("CPU per request, 1,000 workers / 2", 1.4, "cpuMicros", ["scale", "1,000 workers", "lintel"], ["scale", "2 workers", "lintel"]),
  ratio("CPU per request, 2 shards at 128 connections / 1 at 64", 1.1, "cpuMicros", ["scale", "2 shards", "lintel"], ["scale", "2 workers", "lintel"]),
  value("p99 at half of capacity", "ms", 2, ({ rounds }) => rounds.map(({ latencyMs }) => latencyMs.p99), half),
  ratio("p99 at half of capacity / nginx's", 1, "p99Ms", half, at(half, "nginx")),
  ratio("p99 while weights change 10 times a second / without", 1.5, "p99Ms", ["reload", "10 changes/s", "lintel"], ["reload", "0 changes/s", "lintel"]),
  {
    measure: "memory per idle connection / nginx's",
    unit: "",
    bound: 1.5,
    values: (result) => quotients(idleMemory(result, "lintel"), idleMemory(result, "nginx")),
  },
  ratio("p99 beside 10,000 idle connections / without", 1.2, "p99Ms", ["connections", "10000 idle", "lintel"], ["connections", "0 idle", "lintel"]),
  value("memory after two minutes at half load / after one", "", 1.02, growth, ["memory", "2 minutes", "lintel"]),
];

export function checkBounds(result: BenchResult): BoundResult[] {
  return bounds.map(({ measure, unit, bound, values }) => {
    const found = values(result).filter(Number.isFinite);
    if (found.length === 0) return { measure, unit, bound };
    return { measure, unit, bound, measured: median(found), low: Math.min(...found), high: Math.max(...found) };
  });
}

/** Undefined when it was not measured. */
export function holds({ measured, bound }: BoundResult): boolean | undefined {
  return measured === undefined ? undefined : measured <= bound;
}

/** One value for each round that both have: rounds next to each other saw the same machine. */
function pairs(result: BenchResult, one: Place, other: Place, of: (one: Measures, other: Measures) => number): number[] {
  const [a, b] = [find(result, one), find(result, other)];
  if (a === undefined || b === undefined) return [];
  return a.rounds.slice(0, b.rounds.length).map((round, index) => of(measuresOf(round), measuresOf(b.rounds[index]!)));
}

function find({ jobs }: BenchResult, [job, point, candidate]: Place): CandidateResult | undefined {
  const found = jobs.find(({ name }) => name === job)?.points.find(({ name }) => name === point);
  return found?.candidates.find(({ name }) => name === candidate);
}

/** What 10,000 idle connections add, in MiB. */
function idleMemory(result: BenchResult, candidate: string): number[] {
  return pairs(result, ["connections", "10000 idle", candidate], ["connections", "0 idle", candidate], (a, b) => a.memoryMiB - b.memoryMiB);
}

function quotients(ones: readonly number[], others: readonly number[]): number[] {
  return ones.slice(0, others.length).map((one, index) => one / others[index]!);
}

/** The median of the last quarter of the rounds over that of the two in the middle. */
function growth({ rounds }: CandidateResult): number[] {
  const bytes = rounds.map(({ memoryBytes }) => memoryBytes);
  const quarter = Math.max(1, bytes.length >> 2);
  const middle = bytes.slice(quarter, 3 * quarter);
  return [median(bytes.slice(-quarter)) / median(middle.length > 0 ? middle : bytes)];
}
