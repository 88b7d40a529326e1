/**
 * Two managers in processes of their own on one store, a writer at each, and both processes killed now and then. Every change
 * registers a version of its own, so that a lost one is a version that is not there.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { status, type ServiceError } from "@grpc/grpc-js";
import { delay } from "../../src/base/clock.js";
import { randomBelow, type Random } from "../../src/base/random.js";
import { AdminCaller, ManagerProcess } from "./manager-process.js";

export interface TwoWriters {
  readonly folder: string;
  readonly changesEach: number;
  /** 0: nobody is killed. */
  readonly killsEach: number;
  readonly random: Random;
}

/** What each writer was told: revision by version. */
export async function twoWriters({ folder, changesEach, killsEach, random }: TwoWriters): Promise<ReadonlyMap<string, number>[]> {
  const storePath = join(folder, "manager.json");
  const writer = async (name: string): Promise<Map<string, number>> => {
    const auditPath = join(folder, `${name}.audit`);
    const told = new Map<string, number>();
    const killedAt = new Set(Array.from({ length: killsEach }, () => 1 + randomBelow(random, changesEach - 1)));
    let manager = await ManagerProcess.start({ storePath, auditPath, shared: true });
    let caller = new AdminCaller(manager.address);
    for (let index = 0; index < changesEach; index++) {
      const version = `${name}-${index}`;
      const requestId = randomUUID();
      const doomed = manager;
      if (killedAt.has(index)) void delay(randomBelow(random, 20)).then(() => doomed.end("SIGKILL"));
      for (let tries = 1; ; tries++) {
        if (tries > 20) throw new Error(`${version} was not answered`);
        try {
          const { revision } = await caller.change({ register: { language: "python", version, weight: 1, replicas: 0, workers: [], extensions: [] } }, { requestId });
          told.set(version, revision);
          break;
        } catch (thrown) {
          if ((thrown as ServiceError).code !== status.UNAVAILABLE) throw thrown;
          if (manager.child.exitCode === null && manager.child.signalCode === null) continue;
          caller.close();
          manager = await ManagerProcess.start({ storePath, auditPath, shared: true });
          caller = new AdminCaller(manager.address);
        }
      }
    }
    caller.close();
    await manager.end("SIGKILL");
    return told;
  };
  return Promise.all([writer("a"), writer("b")]);
}
