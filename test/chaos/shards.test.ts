/** A shard that crashes is nobody's business but its own connections'. Real shards, real workers, a steady load. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { shardCells, type Statistics } from "../../src/shard/statistics.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { type Trouble, troubleVariable } from "../support/crashing-shard.js";
import { type InProcessBalancer, startBalancer, versionOf } from "../support/balancer-in-process.js";
import { median } from "../support/alternation.js";
import { Lateness } from "../support/lateness.js";
import { realJsonFiles } from "../support/real-files.js";
import { folderWith } from "../support/run-lintel.js";
import { type ClientResult, SteadyClients } from "../support/steady-clients.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const linter = { language: "json", version: "1" };
const clientCount = 40;
const crashes = 5;
const backMsMax = 1_000;
/** What a thread that does nothing is late by, at the 99th percentile, where nobody else wants the processors. */
const quietMsMax = 1;
t.setTimeout(200_000);

void t.test("a shard that crashes, again and again: only its own connections see it, and it is back within a second", async (t) => {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all([fleet.start(linter), fleet.start(linter)]);
  const service = await startBalancer("json", [versionOf(fleet.workers.map(({ port }) => port))]);
  const { balancer } = service;
  t.teardown(() => balancer.drain());
  const lateness = new Lateness();
  t.teardown(() => lateness.stop());
  const clients = new SteadyClients(service.url, realJsonFiles(50), clientCount, 100);
  const backMs: number[] = [];
  const disturbed: ClientResult[] = [];
  const calm: ClientResult[] = [];
  for (let crash = 0; crash < crashes; crash++) {
    await until(() => clients.connectionsAt(0) > 0 && clients.connectionsAt(0) + clients.connectionsAt(1) === clientCount, 10_000, () => "connections at both shards");
    const before = clients.results.length;
    const others = clients.connectionsAt(1);
    await crashShard(service, clients, backMs);
    const during = clients.results.slice(before);
    const failed = during.filter(({ status }) => status !== 200);
    const mine = clientCount - others;
    t.ok(failed.length <= mine, `crash ${crash + 1}: ${failed.length} of ${mine} connections of the shard saw it, and ${others} were at the other`);
    t.same(failed.filter(({ shard }) => shard !== 0), [], "nobody else saw it");
    disturbed.push(...during.filter(({ shard }) => shard === 1));
    const calmFrom = clients.results.length;
    clients.reconnect();
    await until(() => clients.results.length >= calmFrom + clientCount * 5, 10_000, () => "the load to flow");
    calm.push(...clients.results.slice(calmFrom).filter(({ shard }) => shard === 1));
  }
  const results = await clients.stop();
  t.comment(`${results.length} requests, ${results.filter(({ status }) => status !== 200).length} cut in ${crashes} crashes; back after ${backMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  t.comment(`p99 at the other shard: ${p99(calm).toFixed(1)} ms, while the first was down ${p99(disturbed).toFixed(1)} ms`);
  checkBack(t, backMs, lateness);
  await checkStatistics(t, service, results);
});

const troubles: readonly Trouble[] = ["timer", "request", "promise", "leak"];
/** So that what leaks comes near it within seconds. */
const heapMebibytesMax = 100;

void t.test("whatever a shard's trouble is, the process goes on: only its own connections see it, and it is back within a second", async (t) => {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all([fleet.start(linter), fleet.start(linter)]);
  const folder = folderWith({});
  t.teardown(() => folder.remove());
  const path = join(folder.path, "trouble");
  const preload = new URL("../support/crashing-shard.js", import.meta.url).href;
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers: fleet.workers.map(({ id }) => id) }] } }, {
    NODE_OPTIONS: `--import=${preload} --max-old-space-size=${heapMebibytesMax}`,
    [troubleVariable]: path,
  });
  t.teardown(() => balancer.stop());
  const lateness = new Lateness();
  t.teardown(() => lateness.stop());
  const clients = new SteadyClients(balancer.url, realJsonFiles(50), clientCount, 100);
  const backMs: number[] = [];
  for (const [crash, trouble] of troubles.entries()) {
    await until(() => clients.connectionsAt(0) > 0 && clients.connectionsAt(0) + clients.connectionsAt(1) === clientCount, 10_000, () => "connections at both shards");
    const before = clients.results.length;
    const mine = clients.connectionsAt(0);
    writeFileSync(`${path}.new`, trouble);
    renameSync(`${path}.new`, path);
    await until(() => balancer.log.split('"shard crashed"').length > crash + 1 || balancer.child?.exitCode !== null || balancer.child.signalCode !== null, 60_000, () => `the crash (${trouble}); the log: ${balancer.log}`);
    const crashedMs = performance.now();
    await until(async () => (await balancer.status()).shards.every(({ index, listening, restarts }) => listening && (index > 0 || restarts === crash + 1)), 10_000, () => "the shard to be back");
    backMs.push(performance.now() - crashedMs);
    const seen = clients.results.length;
    await until(() => clients.results.length >= seen + clientCount, 10_000, () => "every client to send again");
    const failed = clients.results.slice(before).filter(({ status }) => status !== 200);
    t.ok(failed.length <= mine, `${trouble}: ${failed.length} of ${mine} connections of the shard saw it, and ${clientCount - mine} were at the other`);
    t.same(failed.filter(({ shard }) => shard !== 0), [], "nobody else saw it");
    clients.reconnect();
  }
  await clients.stop();
  t.comment(`back after ${backMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  checkBack(t, backMs, lateness);
  const reasons = [...balancer.log.matchAll(/"shard crashed","shard":0,"reason":"(.*?)(?:\\n|")/g)].map(([, reason]) => reason);
  t.match(reasons, [/trouble in a timer/, /trouble in a request/, /trouble in a promise/, /MiB of heap that a thread may have/], "the log says what it was");
  t.equal(balancer.child?.exitCode, null, "it is the same process");
});

/** Each time; on a machine that is busy with something else mostly. */
function checkBack(t: Test, backMs: readonly number[], { p99Ms: lateMs }: Lateness): void {
  const isQuiet = lateMs <= quietMsMax;
  t.ok((isQuiet ? Math.max(...backMs) : median(backMs)) < backMsMax, `back within a second${isQuiet ? "" : `, mostly: a thread that does nothing is late by ${lateMs.toFixed(1)} ms`}`);
}

/** Resolves when the shard listens again and some requests have gone by. */
async function crashShard({ balancer }: InProcessBalancer, clients: SteadyClients, backMs: number[]): Promise<void> {
  const startMs = performance.now();
  balancer.crashShard(0);
  await until(() => balancer.notReadyBecause() !== "", 5_000, () => "the crash");
  await until(() => balancer.notReadyBecause() === "", 10_000, () => "the shard to be back");
  backMs.push(performance.now() - startMs);
  const seen = clients.results.length;
  await until(() => clients.results.length >= seen + clientCount, 10_000, () => "every client to send again");
}

/** Counters survive the crashes; gauges are those of the living. */
async function checkStatistics(t: Test, { balancer, log }: InProcessBalancer, results: readonly ClientResult[]): Promise<void> {
  const answered = results.filter(({ status }) => status === 200).length;
  const counted = balancer.statistics.reduce((sum, one) => sum + latencyCount(one), 0);
  t.ok(counted >= answered && counted <= results.length, `${counted} requests counted, ${answered} answered, ${results.length} sent`);
  await until(() => gauge(balancer.statistics, shardCells.connections) === 0, 5_000, () => "the connections to be gone");
  for (const cell of [shardCells.exchangesInFlight, shardCells.bodyBytesHeld]) t.equal(gauge(balancer.statistics, cell), 0, "nothing is held");
  const { shards } = await balancer.status();
  t.same(shards.map(({ restarts, listening, ackedRevision }) => ({ restarts, listening, ackedRevision })), [
    { restarts: crashes, listening: true, ackedRevision: 1 },
    { restarts: 0, listening: true, ackedRevision: 1 },
  ]);
  t.equal(shards.flatMap(({ status }) => status?.workers ?? []).reduce((sum, { inFlight }) => sum + inFlight, 0), 0, "no attempt is left at a worker");
  t.equal(log.filter((line) => line.includes("shard crashed")).length, crashes, "the log says so");
}

function gauge(statistics: readonly Statistics[], cell: number): number {
  return statistics.reduce((sum, one) => sum + one.get(one.shardCell(cell)), 0);
}

/** Over all languages' latency buckets: requests that were answered or given up. */
function latencyCount(one: Statistics): number {
  let count = 0;
  for (let slot = 0; slot < 4; slot++) {
    for (let cell = one.latencyCell(slot, 0); cell < one.latencySumCell(slot); cell++) count += one.get(cell);
  }
  return count;
}

function p99(results: readonly ClientResult[]): number {
  const sorted = results.map(({ latencyMs }) => latencyMs).sort((one, other) => one - other);
  return sorted[Math.floor(0.99 * sorted.length)] ?? 0;
}
