/** The jobs: what is measured under which load, as data. Must not know how. */
import type { CandidateName } from "./candidates.js";

/** One measurement of all candidates of a job. */
export interface Point {
  /** "64 connections" */
  readonly name: string;
  readonly candidates: readonly CandidateName[];
  readonly workers: number;
  readonly connections: number;
  readonly shards: number;
  readonly bodyBytes: number;
  /** Instead of full load: this part of what the slowest proxy candidate takes at full load. */
  readonly loadPart?: number;
  /** Connections beside the load that send next to nothing. */
  readonly idleConnections?: number;
  /** Changes of weights per second. */
  readonly reloadsPerSecond?: number;
  readonly workerKind: WorkerKind;
  /** Whose full load sets the rate, instead of the slowest proxy's. */
  readonly capacityOf?: CandidateName;
  /** Counts garbage collections; their trace costs a little. */
  readonly countsCollections?: boolean;
  /** Where the usual ones do not suit the point. */
  readonly rounds?: number;
  readonly secondsPerRound?: number;
  readonly warmUpSeconds?: number;
}

/** Static ones cost next to nothing; `grpc-js` is an ordinary server in Node; `real` are Lintel's own linters, with real files. */
export type WorkerKind = "static" | "grpc-js" | "real";

export interface Job {
  readonly name: string;
  readonly question: string;
  readonly points: readonly Point[];
  /** Its points are compared with each other, and so measured in turn. */
  readonly isAlternating?: boolean;
}

const proxies: readonly CandidateName[] = ["lintel", "haproxy", "haproxy-h2", "nginx"];
export const usual = { workers: 2, connections: 64, shards: 1, bodyBytes: 1_024, workerKind: "static" } as const;

/** Warm for longer than usual: once, when all code has been compiled, V8 collects what that left behind. */
export const minuteOfFullLoad: Point = { ...usual, name: "a minute", candidates: ["lintel"], countsCollections: true, rounds: 1, secondsPerRound: 60, warmUpSeconds: 10 };

export const jobs: readonly Job[] = [
  {
    name: "throughput",
    question: "1 KB in, 300 B out, two workers, as much as it takes",
    points: [64, 1, 8, 256].map((connections) => ({ ...usual, name: counted(connections, "connection"), connections, candidates: ["floor", "bare", ...proxies] })),
  },
  {
    name: "rate",
    question: "1 KB in, 300 B out, two workers, at fixed rates: parts of what the slowest of them takes at full load",
    points: [0.1, 0.25, 0.5, 0.75, 0.9].map((loadPart) => ({ ...usual, name: `${loadPart * 100} % of capacity`, loadPart, candidates: ["floor", "lintel", "haproxy", "nginx"] })),
  },
  {
    name: "large",
    question: "100 KB in, 300 B out",
    points: [{ ...usual, name: "100 KB sources", connections: 16, bodyBytes: 102_400, candidates: ["floor", "bare", ...proxies] }],
  },
  {
    name: "workers",
    question: "1 KB in, 300 B out, 64 connections, over many workers",
    points: [2, 8, 32, 1_000].map((workers) => ({ ...usual, name: `${workers} workers`, workers, candidates: ["floor", "bare", "lintel", "haproxy", "nginx"] })),
  },
  {
    name: "connections",
    question: "half of capacity, beside connections that do next to nothing",
    points: [0, 10_000].map((idleConnections) => ({
      ...usual,
      name: counted(idleConnections, "idle connection"),
      idleConnections,
      loadPart: 0.5,
      candidates: ["lintel", "haproxy", "nginx"],
    })),
  },
  {
    name: "reload",
    isAlternating: true,
    question: "half of capacity, while weights change",
    points: [0, 10].map((reloadsPerSecond) => ({ ...usual, name: `${reloadsPerSecond} changes/s`, reloadsPerSecond, loadPart: 0.5, workers: 8, candidates: ["lintel"] })),
  },
  {
    name: "shards",
    isAlternating: true,
    question: "one shard at 64 connections, two at 128",
    points: [1, 2].map((shards) => ({ ...usual, name: counted(shards, "shard"), shards, connections: 64 * shards, workers: 8, candidates: ["lintel"] })),
  },
  {
    name: "grpc-js",
    question: "ordinary workers on @grpc/grpc-js; the shard's own client, and @grpc/grpc-js in its place",
    points: [{ ...usual, name: "64 connections", workerKind: "grpc-js", candidates: ["lintel", "bare", "bare-grpc-js"] }],
  },
  {
    name: "garbage",
    question: "a minute of full load: what the garbage collector does",
    points: [minuteOfFullLoad],
  },
  {
    name: "memory",
    question: "half of capacity for ten minutes: whether memory grows",
    points: [{ ...usual, name: "10 minutes", loadPart: 0.5, candidates: ["lintel"], countsCollections: true, rounds: 60, secondsPerRound: 10, warmUpSeconds: 10 }],
  },
  {
    name: "real",
    question: "Lintel's own linters, files of this repository and its dependencies",
    points: [{ ...usual, name: "8 connections", connections: 8, workerKind: "real", candidates: ["lintel"] }],
  },
];

/** About a minute: enough to see who costs what. */
export const quickJobs: readonly Job[] = [
  { name: "throughput", question: jobs[0]!.question, points: [{ ...usual, name: "64 connections", candidates: ["floor", "lintel", "haproxy", "nginx"] }] },
  { name: "rate", question: jobs[1]!.question, points: [{ ...usual, name: "50 % of capacity", loadPart: 0.5, candidates: ["lintel", "haproxy", "nginx"] }] },
];

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
