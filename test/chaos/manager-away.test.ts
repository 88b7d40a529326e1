/**
 * A minute without a manager, under load: no request fails, workers that die meanwhile are avoided, a balancer that restarts
 * meanwhile serves from its disk, and two seconds after the manager is back a change is everywhere and the workers are all there.
 */
import { join } from "node:path";
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { identityOf } from "../../src/manager/platform/process-identity.js";
import { type Follower, type ManagerHere, startFollower, startManager } from "../support/managed-service.js";
import { describeLoad, type LoadResult, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { type Administrator, administratorOf } from "../support/run-admin.js";
import { folderWith } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

const awayMs = Number(process.env["LINTEL_TEST_AWAY_MS"] ?? 60_000);
const convergeMsMax = 2_000;
/** A request that was under way, and the sign of a connection that breaks, cross within that. */
const noticeMsMax = 500;
const perSecond = 100;

interface Stage {
  readonly folder: string;
  readonly manager: ManagerHere;
  readonly admin: Administrator;
  readonly steady: Follower;
  readonly other: Follower;
  /** Process ids by the workers' ids. */
  readonly pids: ReadonlyMap<string, number>;
}

async function workersOf(admin: Administrator): Promise<[id: string, worker: StatusDocument["workers"][string]][]> {
  return Object.entries(((await admin.asks("workers")) as StatusDocument).workers);
}

/** A manager that runs three workers, and two balancers that follow it. */
async function stage(t: Test): Promise<Stage> {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const manager = await startManager(t, join(folder.path, "manager.json"));
  const admin = administratorOf(manager.address);
  await admin.does("register", "json", "1.0", "--builtin", "json", "--weight", "1", "--replicas", "3");
  const [steady, other] = (await Promise.all(["steady", "other"].map((name) => startFollower(t, manager.address, { name, state: folder.path })))) as [Follower, Follower];
  await admin.does("status", "--wait");
  await waitUntil("its workers to listen", async () => (await workersOf(admin)).every(([, { state }]) => state === "listening"));
  const pids = new Map((await workersOf(admin)).map(([id, { pid }]) => [id, pid]));
  // They outlive a killed manager by design, and must not outlive a test that fails.
  t.teardown(() => [...pids.values()].filter((pid) => identityOf(pid) !== "").forEach((pid) => process.kill(pid, "SIGKILL")));
  return { folder: folder.path, manager, admin, steady, other, pids };
}

function loadOn(t: Test, { url }: Follower): OpenLoad {
  const load = new OpenLoad({ url, files: realJsonFiles(20), perSecond });
  t.teardown(() => load.stop());
  return load;
}

/** Whether both balancers follow again, and every shard of theirs has the revision. */
async function isEverywhere(admin: Administrator, revision: number): Promise<boolean> {
  const { balancers } = (await admin.asks("balancers")) as StatusDocument;
  const states = Object.values(balancers);
  return states.length === 2 && states.every(({ connected, stale, acked, shards }) => connected && !stale && acked === revision && shards.every((one) => one === revision));
}

function checkLoad(t: Test, name: string, results: readonly LoadResult[]): void {
  t.comment(`${name}: ${describeLoad(results)}`);
  t.same(results.filter(({ status }) => status !== 200).map(({ status, error }) => `${status} ${error}`), [], `${name}: no request failed`);
}

/** `back` brings the manager back, and resolves when it can be asked. */
async function outage(t: Test, { folder, manager, admin, steady, other, pids }: Stage, lastsMs: number, back: () => Promise<unknown>): Promise<void> {
  const load = loadOn(t, steady);
  await load.settled(1_000);
  const awaySinceMs = performance.now();

  const [victim, victimPid] = [...pids][0]!;
  process.kill(victimPid, "SIGKILL");
  const killedMs = load.nowMs;
  await other.stop();
  const restarted = await startFollower(t, manager.address, { name: "other", state: folder });
  t.match(restarted.stderr(), /serving the last good snapshot from the disk/, "a balancer that restarts serves from its disk");
  const otherLoad = loadOn(t, restarted);
  await delay(Math.max(0, lastsMs - (performance.now() - awaySinceMs)));
  const awayTillMs = load.nowMs;

  const startMs = performance.now();
  await back();
  const backMs = performance.now();
  await admin.does("weights", "json", "1.0=2", "--reason", "the manager is back");
  await waitUntil("the change to be everywhere", () => isEverywhere(admin, 2), 20_000);
  const everywhereMs = performance.now() - backMs;
  await waitUntil("three workers to listen", async () => (await workersOf(admin)).filter(([, { state }]) => state === "listening").length === pids.size, 20_000);
  const convergedMs = performance.now() - backMs;
  // A new worker gets little for some seconds (slow start), as long as warm ones have time.
  await waitUntil("the dead worker's successor to be used", () => load.results.some(({ dueMs, worker }) => dueMs > awayTillMs && worker === victim), 20_000);
  const usedMs = performance.now() - backMs;
  t.comment(`away for ${((startMs - awaySinceMs) / 1000).toFixed(1)} s; back in ${(backMs - startMs).toFixed(0)} ms; a change was everywhere ${everywhereMs.toFixed(0)} ms later, three workers listened after ${convergedMs.toFixed(0)} ms, the dead one's successor was used after ${usedMs.toFixed(0)} ms`);
  t.ok(convergedMs <= convergeMsMax, `everything converged within ${convergeMsMax} ms (${convergedMs.toFixed(0)} ms)`);
  await waitUntil("both to be ready", async () => {
    const { balancers } = (await admin.asks("status", "--wait")) as StatusDocument;
    const isReady = Object.values(balancers).every(({ ready, stale }) => ready && !stale);
    if (!isReady) t.comment(`not ready yet: ${JSON.stringify(balancers)}`);
    return isReady;
  });

  const [results, otherResults] = [await load.stop(), await otherLoad.stop()];
  checkLoad(t, "the balancer that stayed", results);
  checkLoad(t, "the balancer that restarted", otherResults);
  const away = results.filter(({ dueMs }) => dueMs > killedMs + noticeMsMax && dueMs < awayTillMs);
  t.ok(away.length > 0 && away.every(({ worker, attempts }) => worker !== victim && attempts === 1), `of ${away.length} requests none was tried at the dead worker`);
  const kept = [...pids].slice(1);
  const now = new Map((await workersOf(admin)).map(([id, { pid }]) => [id, pid]));
  t.same(kept.map(([id]) => now.get(id)), kept.map(([, pid]) => pid), "the workers that lived are the same processes");
}

void t.test(`the manager is killed with -9 and stays away for ${awayMs / 1000} s`, { skip: process.platform !== "linux" && "needs /proc", timeout: awayMs + 120_000 }, async (t) => {
  const there = await stage(t);
  there.manager.kill("SIGKILL");
  await waitUntil("the manager to be gone", () => identityOf(there.manager.pid) === "");
  await outage(t, there, awayMs, () => startManager(t, join(there.folder, "manager.json"), ["--listen", there.manager.address]));
});

void t.test(`the manager stands still (SIGSTOP) for ${awayMs / 4000} s`, { skip: process.platform !== "linux" && "needs /proc", timeout: awayMs + 120_000 }, async (t) => {
  const there = await stage(t);
  const resume = (): void => there.manager.kill("SIGCONT");
  // Before the other teardowns, which ask it to stop.
  t.teardown(resume);
  there.manager.kill("SIGSTOP");
  await outage(t, there, awayMs / 4, async () => {
    resume();
    await there.admin.does("status");
  });
});
