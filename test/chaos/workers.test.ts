/** What happens to workers must not reach users: real processes under a constant open load, each with its numbers. */
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import { median } from "../support/alternation.js";
import { BalancerProcess, until, type VersionGiven } from "../support/balancer-process.js";
import { Lateness } from "../support/lateness.js";
import { LimitedFleet } from "../support/limited-fleet.js";
import { describeLoad, type LoadResult, OpenLoad, percentile } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { type FleetWorker, WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);
const linter = { language: "json", version: "1" };

interface Scene {
  readonly fleet: WorkerFleet;
  readonly balancer: BalancerProcess;
  readonly load: OpenLoad;
}

/** Workers, a balancer before them, and a load that flows. */
async function threeWorkers(t: Test, perSecond = 200): Promise<Scene> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all([fleet.start(linter), fleet.start(linter), fleet.start(linter)]);
  const workers = fleet.workers.map(({ id }) => id);
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers }] } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= 100, 10_000, () => "the load to flow");
  return { fleet, balancer, load };
}

function failures(results: readonly LoadResult[]): readonly LoadResult[] {
  return results.filter(({ status }) => status !== 200);
}

function attemptsAt(balancer: BalancerProcess, worker: { id: string }): Promise<number> {
  return balancer.metric("lintel_worker_attempts_total", { worker: worker.id });
}

async function spreadingOf(balancer: BalancerProcess): Promise<(readonly string[])[]> {
  const { shards } = await balancer.status();
  return shards.map(({ status }) => status?.spreading ?? []);
}

async function untilReady(balancer: BalancerProcess, worker: { id: string }): Promise<void> {
  await until(async () => (await balancer.workerStatus(worker.id)).every(({ state }) => state === "ready"), 15_000, () => `${worker.id} to be back`);
}

void t.test("kill -9 of one of three workers, ten times: no request fails, and the dead one gets nothing", async (t) => {
  const { fleet, balancer, load } = await threeWorkers(t);
  let late = 0;
  for (let round = 0; round < 10; round++) {
    const worker = fleet.workers[round % 3] as FleetWorker;
    await fleet.end(worker, "SIGKILL");
    await delay(50);
    const before = await attemptsAt(balancer, worker);
    await delay(100);
    late += (await attemptsAt(balancer, worker)) - before;
    await fleet.start(linter, worker.port);
    await untilReady(balancer, worker);
  }
  const results = await load.stop();
  t.comment(describeLoad(results));
  t.equal(failures(results).length, 0, "every request is answered");
  t.equal(late, 0, "no new request goes to a worker 50 ms after its death");
});

void t.test("SIGSTOP of one of three workers for 10 s: no request fails, it is found within 1 s and comes back by itself", async (t) => {
  const { fleet, balancer, load } = await threeWorkers(t);
  const worker = fleet.workers[0] as FleetWorker;
  const lateness = new Lateness();
  t.teardown(() => lateness.stop());
  const unusable = async (): Promise<boolean> => (await balancer.workerStatus(worker.id)).every(({ state, reason }) => state !== "ready" && reason !== "");
  const stoppedMs = performance.now();
  fleet.pause(worker);
  await until(unusable, 10_000, () => "status to name it with a reason");
  const foundMs = performance.now() - stoppedMs;
  const found = await attemptsAt(balancer, worker);
  await delay(10_000 - foundMs);
  t.equal(await attemptsAt(balancer, worker), found, "it gets no new attempt");
  fleet.resume(worker);
  await until(async () => (await attemptsAt(balancer, worker)) > found, 15_000, () => "it to get requests again");
  await untilReady(balancer, worker);
  const results = await load.stop();
  t.comment(`found after ${foundMs.toFixed(0)} ms, of which a thread that does nothing may be late by ${lateness.highestMs.toFixed(0)}; ${describeLoad(results)}`);
  t.ok(foundMs < 1_000 + 2 * lateness.highestMs, "it is found within a second, and what the machine itself takes");
  t.equal(failures(results).length, 0, "every request is answered");
});

void t.test("one worker ten times slower gets under a third of a fair share, and the tail stays", async (t) => {
  // Two languages under the same load at the same time, so that whatever else the machine does happens to both.
  const fleet = new LimitedFleet();
  t.teardown(() => fleet.stop());
  const usual = { slots: 16, "takes-ms": 20, sigma: 0.6 };
  const [healthy, two, [slow]] = await Promise.all([
    fleet.start(3, { ...usual, language: "healthy" }),
    fleet.start(2, { ...usual, language: "uneven" }),
    fleet.start(1, { ...usual, language: "uneven", "takes-ms": 200 }),
  ]);
  const of = (workers: string[]): VersionGiven[] => [{ version: "1", weight: 1, workers }];
  const balancer = await BalancerProcess.start({ languages: { healthy: of(healthy), uneven: of([...two, slow!]) } });
  t.teardown(() => balancer.stop());
  const loadOf = (language: string): OpenLoad => new OpenLoad({ url: balancer.url, files: realJsonFiles(50, language), perSecond: 100 });
  const [calm, uneven] = [loadOf("healthy"), loadOf("uneven")];
  t.teardown(() => Promise.all([calm.stop(), uneven.stop()]));
  // How slow it is has to be seen first.
  await delay(8_000);
  const attempts = (): Promise<number> => balancer.metric("lintel_worker_attempts_total", { worker: slow! });
  const [before, fromMs] = [await attempts(), uneven.nowMs];
  const ratios: number[] = [];
  while (ratios.length < 3 || (ratios.length < 8 && median(ratios) > 2)) {
    const [calmFrom, unevenFrom] = [calm.results.length, uneven.results.length];
    await delay(4_000);
    ratios.push(percentile(uneven.results.slice(unevenFrom), 0.99) / percentile(calm.results.slice(calmFrom), 0.99));
  }
  const mine = (await attempts()) - before;
  const [calmResults, unevenResults] = [await calm.stop(), await uneven.stop()];
  const asked = unevenResults.filter(({ dueMs }) => dueMs >= fromMs).length;
  const share = mine / asked;
  t.comment(`without: ${describeLoad(calmResults)}`);
  t.comment(`with: ${describeLoad(unevenResults)}; the slow one's share ${(share * 100).toFixed(1)} % of ${asked} requests`);
  t.comment(`p99 ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")} x that of the healthy set`);
  t.equal(failures([...calmResults, ...unevenResults]).length, 0, "every request is answered");
  t.ok(share < 1 / 9, "under a third of its fair third");
  t.ok(median(ratios) <= 2, "p99 at most twice that of the healthy set");
});

for (const count of [1, 3, 5]) {
  void t.test(`all of ${count} workers stop for 3 s: each is ejected, they are used all the same, and nobody is refused`, async (t) => {
    const fleet = new WorkerFleet();
    t.teardown(() => fleet.stop());
    await Promise.all(Array.from({ length: count }, () => fleet.start(linter)));
    const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers: fleet.workers.map(({ id }) => id) }] } });
    t.teardown(() => balancer.stop());
    const load = new OpenLoad({ url: balancer.url, files, perSecond: 20 });
    t.teardown(() => load.stop());
    await until(() => load.results.length >= 20, 10_000, () => "the load to flow");
    const stoppedMs = performance.now();
    for (const worker of fleet.workers) fleet.pause(worker);
    await until(async () => (await balancer.metric("lintel_version_spreading_shards")) === 2, 10_000, () => "both shards to spread over all");
    const spreadMs = performance.now() - stoppedMs;
    t.equal(await balancer.metric("lintel_worker_usable_shards"), 0, "the metrics say that none is trusted");
    t.same(await spreadingOf(balancer), [["json 1"], ["json 1"]], "so does the status of each shard");
    await delay(Math.max(0, 3_000 - spreadMs));
    for (const worker of fleet.workers) fleet.resume(worker);
    const resumedMs = load.nowMs;
    await until(async () => (await balancer.metric("lintel_worker_usable_shards")) === 2 * count, 15_000, () => "all to be trusted again");
    const results = await load.stop();
    t.comment(`all ejected after ${spreadMs.toFixed(0)} ms, trusted again ${(load.nowMs - resumedMs).toFixed(0)} ms after they went on; ${describeLoad(results)}`);
    t.equal(failures(results).length, 0, "every request is answered");
    t.equal(await balancer.metric("lintel_version_spreading_shards"), 0);
    t.same(await spreadingOf(balancer), [[], []]);
  });
}

void t.test("rolling restart of all workers, twice: no request fails", async (t) => {
  const { fleet, balancer, load } = await threeWorkers(t);
  for (let round = 0; round < 6; round++) {
    const worker = fleet.workers[round % 3] as FleetWorker;
    await fleet.end(worker, "SIGTERM");
    await fleet.start(linter, worker.port);
    await untilReady(balancer, worker);
  }
  const results = await load.stop();
  t.comment(describeLoad(results));
  t.equal(failures(results).length, 0, "every request is answered");
});
