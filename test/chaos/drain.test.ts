/** Leaving has an end: whoever never lets go is left behind after the drain timeout, and nobody else pays for it. */
import { once } from "node:events";
import t, { type Test } from "tap";
import { BadClients } from "../support/bad-clients.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { User } from "../support/users.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);
const drainTimeoutMs = 2_000;
/** What ending itself takes on a busy machine. */
const exitMsMax = 5_000;
t.setTimeout(120_000);

void t.test("a worker that is told to stop exits after its drain timeout when a balancer never lets go of it", async (t) => {
  const { fleet, languages } = await startWorkers(t);
  const [serving, frozen] = [await BalancerProcess.start({ languages }), await BalancerProcess.start({ languages })];
  t.teardown(() => Promise.all([serving.stop(), frozen.stop()]));
  const load = new OpenLoad({ url: serving.url, files, perSecond: 100 });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= 100, 20_000, () => "the load to flow");
  const leaving = fleet.workers[0]!;
  frozen.child!.kill("SIGSTOP");
  const tookMs = await timeOf(fleet.end(leaving, "SIGTERM"));
  const results = await load.stop();
  frozen.child!.kill("SIGCONT");
  t.comment(`it exited after ${tookMs.toFixed(0)} ms; ${describeLoad(results)}`);
  t.ok(tookMs >= drainTimeoutMs && tookMs < drainTimeoutMs + exitMsMax, `after its ${drainTimeoutMs} ms`);
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "the other balancer's users did not notice");
});

void t.test("a worker that every balancer has let go of does not wait for the timeout", async (t) => {
  const { fleet, languages } = await startWorkers(t, 60_000);
  const balancer = await BalancerProcess.start({ languages });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 100 });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= 100, 20_000, () => "the load to flow");
  const tookMs = await timeOf(fleet.end(fleet.workers[0]!, "SIGTERM"));
  const results = await load.stop();
  t.comment(`it exited after ${tookMs.toFixed(0)} ms; ${describeLoad(results)}`);
  t.ok(tookMs < exitMsMax, "at once");
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "nobody noticed");
});

void t.test("a balancer that is told to stop exits after its drain timeout when clients never finish", async (t) => {
  const { languages } = await startWorkers(t);
  const given = { limits: { drainQuietMs: "500ms", drainTimeoutMs }, languages };
  const [leaving, staying] = [await BalancerProcess.start(given), await BalancerProcess.start(given)];
  t.teardown(() => Promise.all([leaving.stop(), staying.stop()]));
  const users = Array.from({ length: 20 }, () => new User([leaving.url, staying.url], "json"));
  t.teardown(() => Promise.all(users.map((user) => user.stop())));
  const hanging = new BadClients(leaving.port, "/v1/lint/json");
  t.teardown(() => hanging.stop());
  hanging.add("slow-body", 5, 0);
  await until(async () => users.every(({ answered }) => answered >= 2) && (await leaving.metric("lintel_shard_connections")) >= users.length + 5, 20_000, () => "everybody to be there");
  const child = leaving.child!;
  const exited = once(child, "exit") as Promise<[number | null]>;
  child.kill("SIGTERM");
  const tookMs = await timeOf(exited);
  await until(() => users.every(({ answeredElsewhere }) => answeredElsewhere >= 2), 20_000, () => "every user to be answered elsewhere");
  await Promise.all(users.map((user) => user.stop()));
  const cut = users.reduce((sum, user) => sum + user.cut, 0);
  t.comment(`it exited with ${(await exited)[0] ?? "?"} after ${tookMs.toFixed(0)} ms; ${cut} requests of other users cut`);
  t.ok(tookMs >= drainTimeoutMs && tookMs < drainTimeoutMs + exitMsMax, `after its ${drainTimeoutMs} ms`);
  t.equal((await exited)[0], 0, "by itself");
  t.equal(cut, 0, "nobody else lost a request");
});

async function startWorkers(t: Test, timeoutMs = drainTimeoutMs): Promise<{ fleet: WorkerFleet; languages: { json: { version: string; weight: number; workers: string[] }[] } }> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  const linter = { language: "json", version: "1", flags: ["--drain-timeout", `${timeoutMs}ms`] };
  await Promise.all([fleet.start(linter), fleet.start(linter)]);
  return { fleet, languages: { json: [{ version: "1", weight: 1, workers: fleet.workers.map(({ id }) => id) }] } };
}

async function timeOf(happening: Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await happening;
  return performance.now() - startMs;
}
