/**
 * Changes sent to a manager that is killed again and again, and what must be true of them afterwards: every acknowledged one is
 * there, none twice, revisions neither repeat nor go back.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { status, type ServiceError } from "@grpc/grpc-js";
import { delay } from "../../src/base/clock.js";
import { randomBelow, type Random } from "../../src/base/random.js";
import { AdminCaller, ManagerProcess } from "./manager-process.js";

const triesMax = 20;

export interface ChangeStorm {
  readonly folder: string;
  readonly changes: number;
  /** One kill after at most so many acknowledged changes. */
  readonly changesPerKillMax: number;
  readonly random: Random;
}

export interface StormOutcome {
  /** What the administrator was told, in order. */
  readonly acknowledged: readonly { readonly requestId: string; readonly weight: number; readonly revision: number }[];
  /** Revisions as they were read after every restart, and before. */
  readonly seen: readonly number[];
  readonly kills: number;
  /** Changes whose reply was lost and that were sent again. */
  readonly repeated: number;
  /** Those of them that had been made: the kill came between the write and the reply. */
  readonly madeBefore: number;
}

/** Sends `changes` changes of one weight, one after the other, as a client with patience would: with an id, until there is an answer. */
export async function changeStorm(given: ChangeStorm): Promise<StormOutcome> {
  const started: ManagerProcess[] = [];
  try {
    return await storm(given, started);
  } finally {
    for (const manager of started) await manager.end("SIGKILL");
  }
}

async function storm({ folder, changes, changesPerKillMax, random }: ChangeStorm, started: ManagerProcess[]): Promise<StormOutcome> {
  const storePath = join(folder, "manager.json");
  const seen: number[] = [];
  const acknowledged: { requestId: string; weight: number; revision: number }[] = [];
  let [kills, repeated, madeBefore] = [0, 0, 0];
  let changeMs = 5;
  let manager = await ManagerProcess.start({ storePath });
  started.push(manager);
  let caller = new AdminCaller(manager.address);
  await caller.change({ register: { language: "python", version: "1", weight: 0, replicas: 0, workers: ["10.0.0.5:7070"], extensions: [] } });
  const restart = async (): Promise<void> => {
    caller.close();
    manager = await ManagerProcess.start({ storePath });
    started.push(manager);
    caller = new AdminCaller(manager.address);
    seen.push((await caller.status()).revision);
  };
  let untilKill = 1 + randomBelow(random, changesPerKillMax);
  for (let weight = 1; weight <= changes; weight++) {
    const requestId = randomUUID();
    let killing: Promise<void> | undefined;
    if (--untilKill <= 0) {
      untilKill = 1 + randomBelow(random, changesPerKillMax);
      kills += 1;
      const doomed = manager;
      // Anywhere between before it arrives and after it is answered.
      killing = delay(1.5 * changeMs * random.next()).then(() => doomed.end("SIGKILL"));
    }
    for (let tries = 1; tries <= triesMax && acknowledged.length < weight; tries++) {
      const startedMs = performance.now();
      try {
        const { revision } = await caller.change({ weights: { language: "python", weights: [{ version: "1", weight }] } }, { requestId });
        acknowledged.push({ requestId, weight, revision });
        if (tries === 1) changeMs = 0.8 * changeMs + 0.2 * (performance.now() - startedMs);
      } catch (thrown) {
        if ((thrown as ServiceError).code !== status.UNAVAILABLE) throw thrown;
        repeated += 1;
      }
      if (killing === undefined) continue;
      await killing;
      killing = undefined;
      await restart();
      if (acknowledged.length < weight && seen.at(-1) === weight + 1) madeBefore += 1;
    }
    if (acknowledged.length < weight) throw new Error(`change ${weight} was not answered`);
    seen.push(acknowledged.at(-1)?.revision ?? 0);
  }
  caller.close();
  await manager.end("SIGTERM");
  return { acknowledged, seen, kills, repeated, madeBefore };
}
