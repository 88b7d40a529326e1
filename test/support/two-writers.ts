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

const triesMax = 20;

/** A manager in a process of its own. */
export interface WrittenTo {
  readonly address: string;
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface TwoWriters {
  /** Starts the manager of that name, also again; ManagerProcess on a file in `folder` when it is not given. */
  readonly startManager?: (name: string) => Promise<WrittenTo>;
  readonly folder: string;
  readonly changesEach: number;
  /** The language of a writer's n-th version; "python" for all when it is not given. A language with hundreds of versions makes every change large. */
  readonly languageOf?: (index: number) => string;
  /** 0: nobody is killed. */
  readonly killsEach: number;
  readonly random: Random;
}

/** What each writer was told: revision by version. */
export async function twoWriters(given: TwoWriters): Promise<ReadonlyMap<string, number>[]> {
  const storePath = join(given.folder, "manager.json");
  const started: WrittenTo[] = [];
  const startManager = given.startManager ?? ((name: string) => ManagerProcess.start({ storePath, auditPath: join(given.folder, `${name}.audit`), shared: true }));
  const start = async (name: string): Promise<WrittenTo> => {
    const manager = await startManager(name);
    started.push(manager);
    return manager;
  };
  try {
    return await Promise.all(["a", "b"].map((name) => writer(name, start, given)));
  } finally {
    for (const manager of started) await manager.end("SIGKILL");
  }
}

async function writer(name: string, start: (name: string) => Promise<WrittenTo>, { changesEach, killsEach, languageOf = () => "python", random }: TwoWriters): Promise<Map<string, number>> {
  const told = new Map<string, number>();
  const killedAt = new Set(Array.from({ length: killsEach }, () => 1 + randomBelow(random, changesEach - 1)));
  let manager = await start(name);
  let caller = new AdminCaller(manager.address);
  for (let index = 0; index < changesEach; index++) {
    const version = `${name}-${index}`;
    const requestId = randomUUID();
    const doomed = manager;
    const killing = killedAt.has(index) ? delay(randomBelow(random, 20)).then(() => doomed.end("SIGKILL")) : undefined;
    for (let tries = 1; tries <= triesMax && !told.has(version); tries++) {
      try {
        const { revision } = await caller.change({ register: { language: languageOf(index), version, weight: 1, replicas: 0, workers: [], extensions: [] } }, { requestId });
        told.set(version, revision);
      } catch (thrown) {
        if ((thrown as ServiceError).code !== status.UNAVAILABLE) throw thrown;
      }
      await killing;
      if (killing === undefined || manager !== doomed) continue;
      caller.close();
      manager = await start(name);
      caller = new AdminCaller(manager.address);
    }
    if (!told.has(version)) throw new Error(`${version} was not answered`);
  }
  caller.close();
  return told;
}
