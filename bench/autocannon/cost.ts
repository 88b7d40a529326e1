/**
 * What a process and its children have used of the machine, as Linux's /proc tells: CPU time of every thread, memory,
 * involuntary waits. Elsewhere everything is 0.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface Cost {
  /** CPU time since the start in µs, user and system together, by thread id. */
  readonly threads: ReadonlyMap<number, number>;
  /** The ids of the main threads of the processes. */
  readonly mains: ReadonlySet<number>;
  /** Resident memory. */
  readonly memoryBytes: number;
}

/** CPU time between two looks, in µs. */
export interface CpuUse {
  readonly total: number;
  /** The busiest threads that are not a process's first: a balancer's shards. */
  readonly shards: number;
  readonly main: number;
  /** Garbage collection, compilation and other work of the runtime beside. */
  readonly other: number;
}

export const noCpuUse: CpuUse = { total: 0, shards: 0, main: 0, other: 0 };

export function costOf(pid: number): Cost {
  const threads = new Map<number, number>();
  const mains = new Set<number>();
  let memoryBytes = 0;
  for (const one of family(pid)) {
    mains.add(one);
    for (const thread of entriesOf(`/proc/${one}/task`)) threads.set(thread, cpuMicros(one, thread));
    memoryBytes += residentBytes(one);
  }
  return { threads, mains, memoryBytes };
}

export function cpuBetween(before: Cost, after: Cost, shards: number): CpuUse {
  let main = 0;
  let total = 0;
  const others: number[] = [];
  for (const [thread, micros] of after.threads) {
    const used = micros - (before.threads.get(thread) ?? 0);
    total += used;
    if (after.mains.has(thread)) main += used;
    else others.push(used);
  }
  const busiest = others.sort((a, b) => b - a).slice(0, shards).reduce((sum, used) => sum + used, 0);
  return { total, main, shards: busiest, other: total - main - busiest };
}

/** The process and all below it. */
function family(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number).filter((child) => child > 0);
  return [pid, ...children.flatMap(family)];
}

/** schedstat counts nanoseconds; where the kernel lacks it, stat counts ticks of 10 ms. */
function cpuMicros(pid: number, thread: number): number {
  const nanos = Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0]);
  if (nanos > 0) return nanos / 1_000;
  const fields = read(`/proc/${pid}/task/${thread}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10_000;
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

function entriesOf(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the thread has just ended, or this is not Linux
  }
}
