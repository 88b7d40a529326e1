/** Workers that break their contract, or refuse everything: named, worked around, and never a flood of retries. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";
import { delay } from "../../src/base/clock.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { FaultyProxy } from "../support/faulty-proxy.js";
import { describeLoad, OpenLoad, percentile } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);

void t.test("garbage, truncated frames and a wrong identity: no request fails, each worker is named with the reason", async (t) => {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  const linter = { language: "json", version: "1" };
  const [healthy, forGarbage, forTruncation, stranger] = await Promise.all([
    fleet.start(linter),
    fleet.start(linter),
    fleet.start(linter),
    fleet.start({ language: "json", version: "other" }),
  ]);
  const garbage = await new FaultyProxy(forGarbage.port).start();
  const truncation = await new FaultyProxy(forTruncation.port).start();
  t.teardown(() => Promise.all([garbage.stop(), truncation.stop()]));
  const workers = [healthy.id, garbage.id, truncation.id, stranger.id];
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers }] } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 200 });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= 200, 10_000, () => "the load to flow");
  garbage.fault = { kind: "garbage" };
  truncation.fault = { kind: "truncate" };
  const named = async (id: string): Promise<boolean> => (await balancer.workerStatus(id)).every(({ state, reason }) => state !== "ready" && reason !== "");
  for (const { id } of [garbage, truncation, stranger]) await until(() => named(id), 5_000, () => `${id} to be named in the status`);
  await delay(2_000);
  for (const id of [garbage.id, truncation.id, stranger.id]) {
    const [first] = await balancer.workerStatus(id);
    t.comment(`${id}: ${first?.state ?? "?"}: ${first?.reason ?? ""}`);
  }
  t.match((await balancer.workerStatus(stranger.id))[0]?.reason, /says it is json other/);
  const results = await load.stop();
  t.comment(describeLoad(results));
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "every request is answered");
});

void t.test("all workers refuse: the retries stay within their budget and every answer is quick", async (t) => {
  const program = fileURLToPath(new URL("../support/refusing-worker.js", import.meta.url));
  const children = [0, 1, 2].map(() => fork(program));
  t.teardown(() => Promise.all(children.map(async (child) => (child.kill("SIGKILL"), once(child, "exit")))));
  const ports = await Promise.all(children.map(async (child) => ((await once(child, "message")) as [{ port: number }])[0].port));
  const workers = ports.map((port) => `127.0.0.1:${port}`);
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers }] } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 300 });
  t.teardown(() => load.stop());
  // What the budget had saved up before the outage is spent within its window; the bound is on what comes then.
  await delay(6_000);
  const seconds = 5;
  const attempts = async (): Promise<number> => balancer.metric("lintel_worker_attempts_total");
  const before = [await attempts(), load.results.length] as const;
  await delay(seconds * 1_000);
  const made = (await attempts()) - before[0];
  const asked = load.results.length - before[1];
  const results = await load.stop();
  t.comment(`${describeLoad(results)}; ${made} attempts for ${asked} requests`);
  t.ok(results.every(({ status, error }) => status === 503 && error === "overloaded"), "each is told that the service is at its limit");
  // Two shards have the ten a second each; a second's worth for the edges of the window.
  t.ok(made <= 1.2 * asked + 2 * 10 * (seconds + 1), `${made} attempts are within the budget`);
  t.comment(`median ${percentile(results, 0.5).toFixed(1)} ms`);
});
