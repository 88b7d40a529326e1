/** What happens to workers must not reach users: real processes under a constant open load, each with its numbers. */
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);
const linter = { language: "json", version: "1" };

async function threeWorkers(t: Test): Promise<{ fleet: WorkerFleet; balancer: BalancerProcess; load: OpenLoad }> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all([fleet.start(linter), fleet.start(linter), fleet.start(linter)]);
  const versions = [{ version: "1", weight: 1, workers: fleet.workers.map(({ id }) => id) }];
  const balancer = await BalancerProcess.start({ languages: { json: versions } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 200 });
  await until(() => load.results.length >= 100, 10_000, () => "the load to flow");
  return { fleet, balancer, load };
}

void t.test("kill -9 of one of three workers, ten times: no request fails", async (t) => {
  const { fleet, balancer, load } = await threeWorkers(t);
  for (let round = 0; round < 10; round++) {
    const worker = fleet.workers[round % 3]!;
    await fleet.end(worker, "SIGKILL");
    await delay(100);
    await fleet.start(linter, worker.port);
    await until(async () => (await balancer.workerStatus(worker.id)).every(({ state }) => state === "ready"), 10_000, () => `${worker.id} to be back`);
  }
  const results = await load.stop();
  t.comment(describeLoad(results));
  t.equal(results.filter(({ status }) => status !== 200).length, 0);
});
