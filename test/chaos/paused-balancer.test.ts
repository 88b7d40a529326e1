/**
 * A balancer that stands still (SIGSTOP) during a change, with another one beside it, under load: `--wait` names it and ends with 4,
 * nobody else waits for it; told to go on it converges at once, and serves nothing of the older revision once it has
 * acknowledged the newer.
 */
import { join } from "node:path";
import t, { type Test } from "tap";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { type LightWorker, startLightWorker } from "../support/light-workers.js";
import { type Follower, startFollower, startManager } from "../support/managed-service.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { type Administrator, administratorOf } from "../support/run-admin.js";
import { folderWith } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

const rounds = Number(process.env["LINTEL_TEST_ROUNDS"] ?? 5);
/** A balancer that has not acknowledged for 5 s is stale. */
const staleWithinMs = 8_000;
const convergeMsMax = 2_000;
const files = [{ path: "/v1/lint/python", source: Buffer.from("import os\n") }];

interface Stage {
  readonly admin: Administrator;
  readonly paused: Follower;
  readonly other: Follower;
}

async function stage(t: Test): Promise<Stage> {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const workers = (await Promise.all(["1", "2"].map((version) => startLightWorker("python", version)))) as [LightWorker, LightWorker];
  t.teardown(() => workers.forEach((worker) => worker.end()));
  const manager = await startManager(t, join(folder.path, "manager.json"), ["--platform", "none"]);
  const admin = administratorOf(manager.address);
  await admin.does("register", "python", "1", "--worker", workers[0].id, "--weight", "1");
  await admin.does("register", "python", "2", "--worker", workers[1].id);
  const [paused, other] = (await Promise.all(["paused", "other"].map((name) => startFollower(t, manager.address, { name, state: folder.path })))) as [Follower, Follower];
  await admin.does("status", "--wait");
  return { admin, paused, other };
}

async function statusOf(admin: Administrator): Promise<StatusDocument> {
  return (await admin.asks("status")) as StatusDocument;
}

/** One change while it stands still; the load on both goes on. */
async function round(t: Test, { admin, paused }: Stage, loads: Readonly<Record<"paused" | "other", OpenLoad>>, version: string): Promise<void> {
  const { revision } = await statusOf(admin);
  paused.kill("SIGSTOP");
  const late = await admin.tries("weights", "python", `${version}=1`, "--wait=500ms", "-o", "json");
  t.equal(late.code, 4, "stored, and not active everywhere in time");
  t.match(JSON.parse(late.stdout), { revision: revision + 1, barrier: { open: false, laggards: { paused: { shards: [revision] } } } });
  t.notMatch(late.stdout, /"other"/, "nobody else lags");
  t.match(late.stderr, new RegExp(`revision ${revision + 1} is stored, but after 500ms not active everywhere:\\n {2}paused: shard 0 has ${revision}, `));
  const otherFromMs = loads.other.nowMs;

  const goOnMs = performance.now();
  paused.kill("SIGCONT");
  await waitUntil("it to acknowledge", async () => (await statusOf(admin)).balancers["paused"]?.acked === revision + 1, 20_000);
  const convergedMs = performance.now() - goOnMs;
  const ackedMs = loads.paused.nowMs;
  t.comment(`revision ${revision + 1} was acknowledged ${convergedMs.toFixed(0)} ms after it went on`);
  t.ok(convergedMs <= convergeMsMax, `it converged within ${convergeMsMax} ms (${convergedMs.toFixed(0)} ms)`);
  await Promise.all([loads.paused.settled(ackedMs + 300), loads.other.settled(ackedMs + 300)]);
  const of = (load: OpenLoad, fromMs: number, tillMs: number): string[] => load.results.filter(({ dueMs }) => dueMs > fromMs && dueMs < tillMs).map((result) => result.version);
  const after = of(loads.paused, ackedMs, ackedMs + 300);
  t.ok(after.length > 0 && after.every((one) => one === version), `after it acknowledged, all of ${after.length} requests went to ${version}`);
  const others = of(loads.other, otherFromMs, ackedMs);
  t.ok(others.every((one) => one === version), `the other one served ${version} all the time`);
}

void t.test("a balancer that stands still during a change is named; going on, it converges and never goes back", { timeout: 120_000 }, async (t) => {
  const there = await stage(t);
  const { admin, paused, other } = there;
  // Before the other teardowns, which ask it to stop.
  t.teardown(() => paused.kill("SIGCONT"));
  const loads = { paused: new OpenLoad({ url: paused.url, files, perSecond: 100 }), other: new OpenLoad({ url: other.url, files, perSecond: 100 }) };
  t.teardown(() => Promise.all(Object.values(loads).map((load) => load.stop())));
  for (let index = 0; index < rounds; index++) await round(t, there, loads, index % 2 === 0 ? "2" : "1");

  paused.kill("SIGSTOP");
  await admin.does("weights", "python", "1=1", "2=1");
  await waitUntil("it to be stale", async () => (await statusOf(admin)).balancers["paused"]?.stale === true, staleWithinMs);
  t.match(await statusOf(admin), { balancers: { paused: { stale: true, reason: /^no acknowledgement for 5\.\d s$/ }, other: { stale: false, acked: rounds + 3 } } }, "after 5 s it is marked stale by name");
  paused.kill("SIGCONT");
  t.match(await admin.asks("status", "--wait"), { balancers: { paused: { stale: false, acked: rounds + 3, shards: [rounds + 3] } } }, "and is not any more when it is back");

  for (const [name, load] of Object.entries(loads)) {
    const results = await load.stop();
    t.comment(`${name}: ${describeLoad(results)}`);
    t.same(results.filter(({ status }) => status !== 200).map(({ status, error }) => `${status} ${error}`), [], `${name}: no request failed`);
  }
});
