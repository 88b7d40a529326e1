/**
 * A balancer is replaced, and stopped, under load. All of it runs in a network namespace of its own, because no connection
 * is lost only where net.ipv4.tcp_migrate_req is 1.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { holderOf } from "../../src/balancer/port-lock.js";
import { BalancerProcess, freePort, until } from "../support/balancer-process.js";
import { isInNamespace, runInNamespace } from "../support/network-namespace.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { folderWith, runLintel } from "../support/run-lintel.js";
import { KeptAlive, User } from "../support/users.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);
const limits = { drainQuietMs: "1500ms", drainTimeoutMs: "5s" };
const replacements = 20;
t.setTimeout(280_000);

if (isInNamespace) runTests();
else {
  void t.test("with connections handed over by the kernel", (t) => runInNamespace(t, fileURLToPath(import.meta.url), { "net.ipv4.tcp_migrate_req": "1" }));
  void t.test("a balancer says at its start what is lost without that", async (t) => {
    const { balancer } = await startScene(t);
    const isSet = readFileSync("/proc/sys/net/ipv4/tcp_migrate_req", "utf8").trim() === "1";
    t.equal(/tcp_migrate_req is 0: when this balancer is replaced, connections/.test(balancer.log), !isSet);
  });
}

interface Scene {
  readonly fleet: WorkerFleet;
  readonly balancer: BalancerProcess;
}

async function startScene(t: Test): Promise<Scene> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all([fleet.start({ language: "json", version: "1" }), fleet.start({ language: "json", version: "1" })]);
  const balancer = await BalancerProcess.start({ limits, languages: { json: [{ version: "1", weight: 1, workers: fleet.workers.map(({ id }) => id) }] } });
  t.teardown(async () => {
    const pid = await holderOf(balancer.port);
    await balancer.stop();
    if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
  });
  return { fleet, balancer };
}

function runTests(): void {
  void t.test("twenty replacements under load: no request fails, no connection is reset", async (t) => {
    const { balancer } = await startScene(t);
    const kept = new OpenLoad({ url: balancer.url, files, perSecond: 100 });
    const fresh = new OpenLoad({ url: balancer.url, files, perSecond: 50, keepAlive: false });
    await until(() => kept.results.length >= 100, 10_000, () => "the load to flow");
    const pids = [await holder(balancer)];
    const startMs = performance.now();
    for (let round = 0; round < replacements; round++) pids.push(await replaceBy(round % 2 === 0 ? "signal" : "flag", balancer));
    const tookMs = performance.now() - startMs;
    const keptResults = await kept.stop();
    const freshResults = await fresh.stop();
    t.comment(`${replacements} replacements in ${(tookMs / 1000).toFixed(1)} s`);
    t.comment(`kept-alive connections: ${describeLoad(keptResults)}`);
    t.comment(`a connection a request: ${describeLoad(freshResults)}`);
    t.equal([...keptResults, ...freshResults].filter(({ status }) => status !== 200).length, 0, "no request failed");
    t.equal(new Set(pids).size, replacements + 1, "every one was another process");
    await until(() => pids.slice(0, -1).every((pid) => !isAlive(pid)), 15_000, () => "the old processes to be gone");
    t.equal(await holder(balancer), pids.at(-1), "the lock answers with the last one's process id");
    t.notMatch(balancer.log, /tcp_migrate_req/, "the setting was found");
  });

  void t.test("a successor that fails leaves the old one serving, and the log says so", async (t) => {
    const { balancer } = await startScene(t);
    const load = new OpenLoad({ url: balancer.url, files, perSecond: 50 });
    const pid = await holder(balancer);
    const healthy = readFileSync(balancer.configPath, "utf8");

    balancer.writeText("languages: {json: {versions: [{version: 1, wieght: 3}]}}");
    process.kill(pid, "SIGUSR2");
    await until(() => balancer.log.includes("starting a successor"), 5_000, () => "the signal to be heard");
    process.kill(pid, "SIGUSR2");
    await until(() => balancer.log.includes("the successor did not take over"), 10_000, () => "the successor to fail");
    t.match(balancer.log, /wieght/, "the log has the successor's own sentence");
    t.match(balancer.log, /one is starting already/, "a second one is not started beside it");
    t.equal(await holder(balancer), pid);

    balancer.writeText(healthy);
    const unmanned = JSON.parse(healthy) as { admin: { listen: string }; languages: { json: { versions: { workers: string[] }[] } } };
    unmanned.admin.listen = "127.0.0.1:0";
    unmanned.languages.json.versions[0]!.workers = [`127.0.0.1:${await freePort()}`];
    const folder = folderWith({ "lintel.yaml": JSON.stringify(unmanned) });
    t.teardown(() => folder.remove());
    const run = await runLintel(["balancer", "--replace", "--link", `file:${folder.path}/lintel.yaml`]);
    t.equal(run.code, 1);
    t.match(run.stderr, /not taking over: 2 of 2 shards have no usable worker/);
    const results = await load.stop();
    t.comment(describeLoad(results));
    t.equal(results.filter(({ status }) => status !== 200).length, 0, "nobody noticed");
    t.equal(await holder(balancer), pid);
  });

  void t.test("a second balancer on the port ends with exit code 2 and names the first", async (t) => {
    const { balancer } = await startScene(t);
    const run = await runLintel(["balancer", "--link", `file:${balancer.configPath}`]);
    t.equal(run.code, 2);
    t.match(run.stderr, `port ${balancer.port} is in use by the Lintel balancer with process id ${await holder(balancer)}`);
    t.equal((await fetch(`${balancer.adminUrl}/readyz`)).status, 200, "the first one goes on");
  });

  void t.test("a connection that was kept alive over a replacement is answered once more, and told to close", async (t) => {
    const { balancer } = await startScene(t);
    const client = new KeptAlive(balancer.url);
    t.same(await client.ask(), { status: 200, closes: false, reused: false });
    await replaceBy("signal", balancer);
    t.same(await client.ask(), { status: 200, closes: true, reused: true }, "by the old process");
    t.same(await client.ask(), { status: 200, closes: false, reused: false }, "by the new one, on a new connection");
    client.close();
  });

  void t.test("a balancer that is stopped answers what it has, sends its users elsewhere, and exits", async (t) => {
    const fleet = new WorkerFleet();
    t.teardown(() => fleet.stop());
    const [quick, slow] = [await fleet.start({ language: "json", version: "1" }), await fleet.start({ language: "slow", version: "1", program: ["sleep", "0.3"], flags: ["--report", "lines"] })];
    const languages = { json: [{ version: "1", weight: 1, workers: [quick.id] }], slow: [{ version: "1", weight: 1, workers: [slow.id] }] };
    const given = { limits: { drainQuietMs: "500ms", drainTimeoutMs: "5s" }, languages };
    const [leaving, staying] = [await BalancerProcess.start(given), await BalancerProcess.start(given)];
    t.teardown(() => Promise.all([leaving.stop(), staying.stop()]));
    const users = Array.from({ length: 20 }, (_, index) => new User([leaving.url, staying.url], index % 10 === 0 ? "slow" : "json"));
    await until(() => users.every(({ answered }) => answered >= 2), 20_000, () => "every user to be answered");

    const child = leaving.child!;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await until(async () => (await readiness(leaving)) === 503, 1_000, () => "/readyz to say 503");
    const [code] = (await exited) as [number | null];
    await until(() => users.every(({ answeredElsewhere }) => answeredElsewhere >= 2), 20_000, () => "every user to be answered elsewhere");
    await Promise.all(users.map((user) => user.stop()));
    const sum = (count: (user: User) => number): number => users.reduce((total, user) => total + count(user), 0);
    t.comment(`${sum(({ answered }) => answered)} answered, ${sum(({ toldToClose }) => toldToClose)} told to close, ${sum(({ refused }) => refused)} new connections refused, ${sum(({ cut }) => cut)} cut`);
    t.equal(code, 0, "it ended by itself");
    t.equal(sum(({ cut }) => cut), 0, "no request that it had taken was lost");
    t.ok(sum(({ toldToClose }) => toldToClose) > 0, "kept-alive connections were told");
  });
}

async function replaceBy(way: "signal" | "flag", balancer: BalancerProcess): Promise<number> {
  const before = await holder(balancer);
  if (way === "flag") await balancer.spawn(["--replace"]);
  else {
    const ready = readyCount(balancer);
    process.kill(before, "SIGUSR2");
    await until(() => readyCount(balancer) > ready, 20_000, () => `the successor to be ready; the log: ${balancer.log.slice(-2_000)}`);
  }
  return holder(balancer);
}

function readyCount(balancer: BalancerProcess): number {
  return balancer.log.split('"balancer ready"').length;
}

async function holder(balancer: BalancerProcess): Promise<number> {
  const pid = await holderOf(balancer.port);
  if (pid === undefined) throw new Error(`nobody holds the port; the log: ${balancer.log.slice(-2_000)}`);
  return pid;
}

/** One that has ended but was not yet waited for is gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function readiness(balancer: BalancerProcess): Promise<number> {
  return (await fetch(`${balancer.adminUrl}/readyz`)).status;
}
