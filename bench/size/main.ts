/**
 * `lintel bench --size`: what a large fleet costs. Prints what was measured and whether it is within its bounds, and writes both as
 * JSON. Two to three minutes on a quiet machine, half a minute with --quick.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.js";
import type { BenchFlags } from "../../src/commands/bench.js";
import { codeFacts, machineFacts } from "../autocannon/machine.js";
import { Processes } from "../autocannon/processes.js";
import { fullSize, quickSize } from "./fleet-size.js";
import { type FollowedManagerResult, measureFollowedManager } from "./followed-manager.js";
import { type LoadSpreadResult, measureLoadSpread } from "./load-spread.js";
import { measureRealBalancers, type RealBalancersResult } from "./real-balancers.js";
import { renderSpread } from "./spread.js";
import { measureSwapPause, type SwapPauseResult } from "./swap-pause.js";

const jobs = { manager: "memory, bytes and acknowledgements of 100 simulated balancers", swap: "how long a swap stops a shard", spread: "load of workers that not every shard connects to", balancers: "from a change to every shard of 20 balancers" } as const;
type JobName = keyof typeof jobs;

interface Bound {
  readonly measure: string;
  readonly measured: number;
  readonly bound: number;
}

interface SizeResult {
  manager?: FollowedManagerResult;
  swap?: SwapPauseResult;
  spread?: readonly LoadSpreadResult[];
  balancers?: RealBalancersResult;
}

const print = (text: string): unknown => process.stdout.write(text);

export async function bench(names: readonly string[], { list, quick, out }: Pick<BenchFlags, "list" | "quick" | "out">): Promise<void> {
  if (list) {
    for (const [name, question] of Object.entries(jobs)) print(`${name.padEnd(12)} ${question}\n`);
    return;
  }
  const known = Object.keys(jobs) as JobName[];
  const unknown = names.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) throw new UserError(`no such job of --size: ${unknown}; expected ${known.join(", ")}`);
  const folder = mkdtempSync(join(tmpdir(), "lintel-bench-"));
  const processes = new Processes(folder);
  try {
    const result = await measure(known.filter((name) => names.length === 0 || names.includes(name)), processes, folder, quick);
    const bounds = boundsOf(result);
    for (const { measure: what, measured, bound } of bounds) print(`${measured <= bound ? "met    " : "NOT MET"} ${what}: ${measured.toFixed(2)} (at most ${bound})\n`);
    mkdirSync(out, { recursive: true });
    const code = codeFacts();
    const path = join(out, `${new Date().toISOString().slice(0, 10)}-${code.commit}-size${quick ? "-quick" : ""}.json`);
    writeFileSync(path, `${JSON.stringify({ date: new Date().toISOString(), code, machine: machineFacts(false, 1), ...result, bounds }, null, 1)}\n`);
    print(`written to ${path}\n`);
  } finally {
    await processes.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(wanted: readonly JobName[], processes: Processes, folder: string, quick: boolean): Promise<SizeResult> {
  const size = quick ? quickSize : fullSize;
  const result: SizeResult = {};
  if (wanted.includes("manager")) printManager((result.manager = await measureFollowedManager(processes, folder, { size, links: quick ? 20 : 100, changes: quick ? 20 : 200 })));
  if (wanted.includes("swap")) printSwap((result.swap = await measureSwapPause(size, quick ? 100 : 400)));
  if (wanted.includes("spread")) {
    // Always of the whole fleet: in a small one every shard connects to everybody.
    const common = { size: fullSize, languages: quick ? 2 : 10, requestsPerWorker: quick ? 2_000 : 5_000 };
    result.spread = [{ balancers: 1, shards: 4 }, { balancers: 5, shards: 8 }, { balancers: 20, shards: 2 }].map((given) => measureLoadSpread({ ...common, ...given }));
    printSpread(result.spread);
  }
  if (wanted.includes("balancers")) printBalancers((result.balancers = await measureRealBalancers(processes, folder, { balancers: quick ? 4 : 20, shards: 2, changes: quick ? 30 : 300 })));
  return result;
}

function boundsOf({ manager, swap, spread, balancers }: SizeResult): Bound[] {
  const bounds: Bound[] = [];
  // A weight, as it is written: its language, its version, and what every message has around it.
  if (manager !== undefined) bounds.push({ measure: "bytes of a change of one weight / bytes of everything", measured: manager.changeBytes / manager.wholeBytes, bound: 0.01 });
  if (swap !== undefined) bounds.push({ measure: "p99 of the longest pause of a swap on a shard that serves, ms", measured: Math.max(...swap.pauses.map(({ ms }) => ms.p99)), bound: 5 });
  if (spread !== undefined) bounds.push({ measure: "worker that is furthest from an even share of the load", measured: Math.max(...spread.map(({ furthest }) => furthest)), bound: 0.1 });
  if (balancers !== undefined) bounds.push({ measure: `p99 from a durable change to every shard of ${balancers.balancers} balancers, ms`, measured: balancers.spreading.p99, bound: 100 });
  return bounds;
}

function printManager({ workers, links, residentMiB, joinMs, wholeBytes, changeBytes, durable, everywhere, changeCpuMs }: FollowedManagerResult): void {
  print(`\nA manager of ${workers} workers that ${links} simulated balancers follow\n`);
  print(`  memory: ${Object.entries(residentMiB).map(([when, mebibytes]) => `${when} ${mebibytes} MiB`).join(", ")}\n`);
  print(`  all have joined after ${joinMs.toFixed(0)} ms, with ${wholeBytes} bytes each\n`);
  print(`  a change of one weight: ${changeBytes} bytes to each, ${changeCpuMs.toFixed(1)} ms of the manager's CPU\n`);
  print(`  ${renderSpread("until it is durable", durable)}  ${renderSpread("until every one has acknowledged", everywhere)}\n`);
}

function printSwap({ workers, connections, pauses, start, heapMiB }: SwapPauseResult): void {
  print(`A shard of two, ${workers} workers, ${connections} connections, ${heapMiB.toFixed(0)} MiB of heap: how long it is stopped\n`);
  for (const { what, ms } of [...pauses, ...start]) print(`  ${renderSpread(what, ms)}`);
  print("\n");
}

function printSpread(results: readonly LoadSpreadResult[]): void {
  print("Load of workers that not every shard connects to\n");
  for (const { balancers, shards, connections, furthest } of results) print(`  ${balancers} balancers of ${shards} shards with ${connections} connections each: at most ${(100 * furthest).toFixed(1)} % from even\n`);
  print("\n");
}

function printBalancers({ balancers, shards, durable, everywhere, spreading }: RealBalancersResult): void {
  print(`${balancers} balancer processes of ${shards} shards, on this machine\n  ${renderSpread("until a change is durable", durable)}  ${renderSpread("until it is active on every shard", everywhere)}  ${renderSpread("from the one to the other", spreading)}\n`);
}
