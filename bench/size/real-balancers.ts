/** From a change to active on every shard of twenty balancers: real processes on this machine, each with its disk. */
import type { Processes } from "../autocannon/processes.js";
import { mainPath, RealManager, untilPrinted } from "./real-manager.js";
import { type Spread, spreadOf } from "./spread.js";

export interface RealBalancersResult {
  readonly balancers: number;
  readonly shards: number;
  /** ms from the request of a change; how long that takes is the disk's to say. */
  readonly durable: Spread;
  readonly everywhere: Spread;
  /** ms from the one to the other. */
  readonly spreading: Spread;
}

export interface RealBalancersGiven {
  readonly balancers: number;
  readonly shards: number;
  readonly changes: number;
}

const language = "python";
const versions = ["1.0.0", "2.0.0"] as const;

export async function measureRealBalancers(processes: Processes, folder: string, { balancers, shards, changes }: RealBalancersGiven): Promise<RealBalancersResult> {
  const workers = await processes.serve("static-worker", { language, versions, reportBytes: 300 }, "");
  const manager = await RealManager.start(processes, folder, [
    { language, extensions: [".py"], spill: true, versions: versions.map((version, index) => ({ version, weight: 50, workers: [{ id: `127.0.0.1:${workers.ports[index]!}`, host: "127.0.0.1", port: workers.ports[index]! }] })) },
  ]);
  const started = Array.from({ length: balancers }, (_, index) => {
    const own = ["--name", `b${index}`, "--state", folder, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", String(shards)];
    return processes.start(process.execPath, [mainPath, "balancer", "--link", `manager:${manager.address}`, ...own], { cores: "" });
  });
  for (const balancer of started) await untilPrinted(balancer, /"msg":"balancer ready"/);
  await manager.untilFollowed(balancers);
  const outcomes: { durableMs: number; everywhereMs: number }[] = [];
  for (let index = 0; index < changes; index++) {
    const weights = versions.map((version, at) => ({ version, weight: at === 0 ? 1 + (index % 99) : 100 }));
    outcomes.push(await manager.change({ weights: { language, weights } }, `active-${index}`));
  }
  for (const { stop } of started) await stop();
  await manager.stop();
  await workers.stop();
  return {
    balancers,
    shards,
    durable: spreadOf(outcomes.map(({ durableMs }) => durableMs)),
    everywhere: spreadOf(outcomes.map(({ everywhereMs }) => everywhereMs)),
    spreading: spreadOf(outcomes.map(({ durableMs, everywhereMs }) => everywhereMs - durableMs)),
  };
}
