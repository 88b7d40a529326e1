/** Workers that break their contract: named and worked around. */
import t from "tap";
import { delay } from "../../src/base/clock.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { FaultyProxy } from "../support/faulty-proxy.js";
import { LimitedFleet } from "../support/limited-fleet.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);

void t.test("garbage, truncated frames, wrong ids and a wrong identity: no request fails, each worker is named with the reason", async (t) => {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  const linter = { language: "json", version: "1" };
  const [healthy, forGarbage, forTruncation, forIds, stranger] = await Promise.all([
    fleet.start(linter),
    fleet.start(linter),
    fleet.start(linter),
    fleet.start(linter),
    fleet.start({ language: "json", version: "other" }),
  ]);
  const garbage = await new FaultyProxy(forGarbage.port).start();
  const truncation = await new FaultyProxy(forTruncation.port).start();
  const ids = await new FaultyProxy(forIds.port).start();
  t.teardown(() => Promise.all([garbage.stop(), truncation.stop(), ids.stop()]));
  const workers = [healthy.id, garbage.id, truncation.id, ids.id, stranger.id];
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers }] } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 200 });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= 200, 10_000, () => "the load to flow");
  garbage.fault = { kind: "garbage" };
  truncation.fault = { kind: "truncate" };
  ids.fault = { kind: "wrong-id" };
  const named = async (id: string): Promise<boolean> => (await balancer.workerStatus(id)).every(({ state, reason }) => state !== "ready" && reason !== "");
  for (const { id } of [garbage, truncation, ids, stranger]) await until(() => named(id), 5_000, () => `${id} to be named in the status`);
  await delay(2_000);
  for (const id of [garbage.id, truncation.id, ids.id, stranger.id]) {
    const [first] = await balancer.workerStatus(id);
    t.comment(`${id}: ${first?.state ?? "?"}: ${first?.reason ?? ""}`);
  }
  t.match((await balancer.workerStatus(stranger.id))[0]?.reason, /says it is json other/);
  const results = await load.stop();
  t.comment(describeLoad(results));
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "every request is answered");
});

void t.test("a worker that begins to answer wrongly is found by its own known question and gets nothing more", async (t) => {
  const fleet = new LimitedFleet();
  t.teardown(() => fleet.stop());
  const usual = { slots: 16, "takes-ms": 5 };
  await fleet.start(2, usual);
  const [liar] = await fleet.start(1, { ...usual, "lies-after-ms": 4_000 });
  const startMs = performance.now();
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers: fleet.addresses }] } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 100 });
  t.teardown(() => load.stop());
  const attempts = (): Promise<number> => balancer.metric("lintel_worker_attempts_total", { worker: liar! });
  const reasons = async (): Promise<string[]> => (await balancer.workerStatus(liar!)).map(({ reason }) => reason);
  await until(() => load.nowMs > 2_000, 10_000, () => "the load to flow");
  t.same([await reasons(), (await attempts()) > 0], [["", ""], true], "it was trusted");
  await until(async () => (await reasons()).every((reason) => reason.includes("known question wrongly")), 30_000, () => "every shard to see it");
  const foundMs = performance.now() - startMs;
  const found = await attempts();
  await delay(3_000);
  const results = await load.stop();
  t.comment(`wrong from about 4 s on, found by all after ${(foundMs / 1_000).toFixed(1)} s: ${(await reasons())[0] ?? ""}; ${describeLoad(results)}`);
  t.equal(await attempts(), found, "it gets nothing more");
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "every request is answered");
});
