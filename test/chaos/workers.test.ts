/** What happens to workers must not reach users: real processes under a constant open load, each with its numbers. */
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { FaultyProxy } from "../support/faulty-proxy.js";
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

/** Workers, a balancer before them (or before `front`), and a load that flows. */
async function threeWorkers(t: Test, perSecond = 200, front?: (fleet: WorkerFleet) => Promise<string[]>): Promise<Scene> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all([fleet.start(linter), fleet.start(linter), fleet.start(linter)]);
  const workers = front === undefined ? fleet.workers.map(({ id }) => id) : await front(fleet);
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
  fleet.pause(worker);
  await delay(1_000);
  const found = await attemptsAt(balancer, worker);
  t.ok((await balancer.workerStatus(worker.id)).every(({ state, reason }) => state !== "ready" && reason !== ""), "status names it with a reason");
  await delay(9_000);
  t.equal(await attemptsAt(balancer, worker), found, "after 1 s it gets no new attempt");
  fleet.resume(worker);
  await until(async () => (await attemptsAt(balancer, worker)) > found, 15_000, () => "it to get requests again");
  const results = await load.stop();
  t.comment(describeLoad(results));
  t.equal(failures(results).length, 0, "every request is answered");
});

void t.test("one worker ten times slower gets under a third of a fair share", async (t) => {
  const proxies: FaultyProxy[] = [];
  t.teardown(() => Promise.all(proxies.map((proxy) => proxy.stop())));
  const { balancer, load } = await threeWorkers(t, 200, async (fleet) => {
    for (const { port } of fleet.workers) proxies.push(await new FaultyProxy(port).start());
    return proxies.map(({ id }) => id);
  });
  await delay(2_000);
  const healthy = [...load.results];
  const slow = proxies[0] as FaultyProxy;
  slow.fault = { kind: "slow", delayMs: 40 };
  await delay(1_000);
  const settled = load.results.length;
  const before = await attemptsAt(balancer, slow);
  await delay(5_000);
  const mine = (await attemptsAt(balancer, slow)) - before;
  const results = await load.stop();
  const after = results.slice(settled);
  const share = mine / after.length;
  const ratio = percentile(after, 0.99) / percentile(healthy, 0.99);
  t.comment(`${describeLoad(after)}; the slow one's share ${(share * 100).toFixed(1)} % of ${after.length} requests; p99 ${ratio.toFixed(2)} x that of the healthy set`);
  t.equal(failures(results).length, 0, "every request is answered");
  t.ok(share < 1 / 9, "under a third of its fair third");
});

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
