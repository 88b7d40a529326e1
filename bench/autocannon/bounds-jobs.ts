/** The jobs of `lintel bench --bounds`: what bounds.ts needs and no more, in under a quarter of an hour. */
import { minuteOfFullLoad, usual, type Job } from "./jobs.js";

/** All fixed rates are parts of this peer's capacity, measured once. */
const capacityOf = "haproxy";

export const boundsJobs: readonly Job[] = [
  {
    name: "throughput",
    question: "1 KB in, 300 B out, 2 workers, full load",
    points: [
      { ...usual, name: "64 connections", candidates: ["floor", "bare", "lintel", "haproxy", "nginx"] },
      { ...usual, name: "1 connection", connections: 1, candidates: ["lintel", "haproxy"] },
    ],
  },
  {
    name: "workers",
    question: "1 KB in, 300 B out, over more workers, full load",
    points: [
      { ...usual, name: "8 workers, 64 connections", workers: 8, candidates: ["lintel", "haproxy"] },
      { ...usual, name: "32 workers, 64 connections", workers: 32, candidates: ["lintel", "haproxy"] },
      { ...usual, name: "32 workers, 256 connections", workers: 32, connections: 256, candidates: ["lintel", "haproxy"] },
    ],
  },
  {
    name: "rate",
    question: "half of what HAProxy takes",
    points: [{ ...usual, name: "50 % of capacity", loadPart: 0.5, capacityOf, candidates: ["lintel", "haproxy", "nginx"] }],
  },
  {
    name: "scale",
    question: "two workers and a thousand; one shard at 64 connections and two at 128",
    isAlternating: true,
    points: [
      { ...usual, name: "2 workers", candidates: ["lintel"] },
      { ...usual, name: "1,000 workers", workers: 1_000, candidates: ["lintel"] },
      { ...usual, name: "2 shards", shards: 2, connections: 128, candidates: ["lintel"] },
    ],
  },
  {
    name: "grpc-js",
    question: "ordinary workers on @grpc/grpc-js; Lintel, and a bare proxy with @grpc/grpc-js as its client",
    points: [{ ...usual, name: "64 connections", workerKind: "grpc-js", candidates: ["lintel", "bare-grpc-js"], rounds: 3 }],
  },
  {
    name: "reload",
    question: "half of capacity, while weights change",
    isAlternating: true,
    points: [0, 10].map((reloadsPerSecond) => ({ ...usual, name: `${reloadsPerSecond} changes/s`, reloadsPerSecond, loadPart: 0.5, capacityOf, workers: 8, candidates: ["lintel"] })),
  },
  {
    name: "connections",
    question: "half of capacity, beside connections that do next to nothing",
    isAlternating: true,
    points: [0, 10_000].map((idleConnections) => ({ ...usual, name: `${idleConnections} idle`, idleConnections, loadPart: 0.5, capacityOf, candidates: ["lintel", "nginx"], rounds: 3 })),
  },
  { name: "garbage", question: "a minute of full load: what the garbage collector does", points: [minuteOfFullLoad] },
  {
    name: "memory",
    question: "half of capacity for two minutes: whether memory grows (the job of the same name takes ten)",
    points: [{ ...usual, name: "2 minutes", loadPart: 0.5, capacityOf, candidates: ["lintel"], rounds: 12, secondsPerRound: 10, warmUpSeconds: 10 }],
  },
];
