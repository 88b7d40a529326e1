/**
 * What a large fleet costs `lintel manager`: memory, bytes of a change, time until everybody has acknowledged. The balancers are
 * simulated, all in one process beside it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Processes } from "../autocannon/processes.js";
import { type FleetSize, languagesOf, weightsOf, workersIn } from "./fleet-size.js";
import { RealManager } from "./real-manager.js";
import type { LinksHeard } from "./simulated-links.js";
import { type Spread, spreadOf } from "./spread.js";

export interface FollowedManagerResult {
  readonly workers: number;
  readonly links: number;
  /** MiB resident: with nothing stored, with everything, with every link following, after the changes. */
  readonly residentMiB: Readonly<Record<"empty" | "configured" | "followed" | "changed", number>>;
  /** From the first Hello until every link has acknowledged the whole. */
  readonly joinMs: number;
  readonly wholeBytes: number;
  readonly changeBytes: number;
  /** ms from the request of a change. */
  readonly durable: Spread;
  readonly everywhere: Spread;
  /** ms of the manager's CPU per change. */
  readonly changeCpuMs: number;
}

export interface FollowedManagerGiven {
  readonly size: FleetSize;
  readonly links: number;
  readonly changes: number;
}

export async function measureFollowedManager(processes: Processes, folder: string, { size, links, changes }: FollowedManagerGiven): Promise<FollowedManagerResult> {
  const nothing = await RealManager.start(processes, folder, []);
  const empty = nothing.facts().residentMiB;
  await nothing.stop();
  const manager = await RealManager.start(processes, folder, languagesOf(size));
  const configured = manager.facts().residentMiB;

  const child = fork(fileURLToPath(new URL("./simulated-links.js", import.meta.url)));
  const heard = async (): Promise<LinksHeard> => {
    child.send("heard");
    return ((await once(child, "message")) as [LinksHeard])[0];
  };
  child.send({ address: manager.address, count: links });
  const joinMs = await manager.untilFollowed(links);
  const whole = await heard();
  const before = manager.facts();
  const outcomes: { durableMs: number; everywhereMs: number }[] = [];
  for (let index = 0; index < changes; index++) outcomes.push(await manager.change({ weights: weightsOf(size, index) }, `size-${index}`));
  const after = manager.facts();
  const all = await heard();
  child.disconnect();
  await once(child, "exit");
  await manager.stop();
  return {
    workers: workersIn(size),
    links,
    residentMiB: { empty, configured, followed: before.residentMiB, changed: after.residentMiB },
    joinMs,
    wholeBytes: Math.round(whole.bytes / whole.messages),
    changeBytes: Math.round((all.bytes - whole.bytes) / (all.messages - whole.messages)),
    durable: spreadOf(outcomes.map(({ durableMs }) => durableMs)),
    everywhere: spreadOf(outcomes.map(({ everywhereMs }) => everywhereMs)),
    changeCpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / changes,
  };
}
