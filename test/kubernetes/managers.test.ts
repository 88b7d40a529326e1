// Several managers on one ConfigMap: each serves, no write is lost, the Lease says who makes Deployments, and one that is cut off
// does no harm.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import { type ConfigMap, configMaps, type Deployment, deployments } from "../../src/kubernetes/objects.js";
import { configurationFrom } from "../../src/manager/store/stored-text.js";
import { ControlPlane } from "../support/control-plane.js";
import { CuttableProxy } from "../support/cuttable-proxy.js";
import { LintelInCluster, type RunningManager } from "../support/lintel-in-cluster.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { administratorOf } from "../support/run-admin.js";
import { twoWriters } from "../support/two-writers.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const api = await plane.api;
const source = Buffer.from('{"a": 1}\n');
const seed = Number(process.env["LINTEL_TEST_SEED"] ?? Date.now() % 1_000_000);

void t.test(`500 interleaved writes to two managers, which are killed now and then: nothing lost, nothing twice (seed ${seed})`, { timeout: 300_000 }, async (t) => {
  const cluster = await LintelInCluster.start(plane, "writes");
  t.teardown(() => cluster.stop());
  let starts = 0;
  const startManager = async () => {
    starts += 1;
    const { address, process } = await cluster.startManager();
    return { address, end: (signal: NodeJS.Signals) => process.end(signal) };
  };
  const told = await twoWriters({ startManager, folder: "", changesEach: 250, languageOf: (index) => `language-${index % 25}`, killsEach: 6, random: seededRandom(seed) });
  t.ok(starts > 2, `managers were started ${starts} times`);
  const stored = (await api.get<ConfigMap>({ resource: configMaps, namespace: "writes", name: "lintel-configuration" })).data?.["configuration.json"] ?? "";
  const { revision, languages } = configurationFrom(stored, "the store");
  const all = told.flatMap((one) => [...one]);
  t.equal(revision, 500, "one revision for each change");
  t.same(languages.flatMap(({ versions }) => versions.map(({ version }) => version)).sort(), all.map(([version]) => version).sort(), "every change is there");
  t.same(all.map(([, at]) => at).sort((a, b) => a - b), Array.from(all, (_, index) => index + 1), "no revision was told twice");
  for (const one of told) t.same([...one.values()], [...one.values()].sort((a, b) => a - b), "and each writer saw them grow");
});

void t.test("a manager that is cut off refuses changes, loses its balancers to the other one, and the Lease", { timeout: 300_000 }, async (t) => {
  const cluster = await LintelInCluster.start(plane, "cut");
  const proxy = await CuttableProxy.start(Number(new URL(plane.server).port));
  t.teardown(async () => {
    proxy.mend();
    await cluster.stop();
    proxy.stop();
  });
  const viaProxy = join(plane.folder, "proxy.kubeconfig");
  writeFileSync(viaProxy, plane.kubeconfigText({ token: plane.adminToken }, "cut").replace(plane.server, `https://127.0.0.1:${proxy.port}`));
  const cutOff = await cluster.startManager([], { KUBECONFIG: viaProxy });
  await cluster.did("register", "json", "1.0", "--builtin", "json", "--weight", "100", "--replicas", "1");
  await waitUntil("its worker", async () => (await cluster.workers()).some(({ state }) => state === "listening"), 60_000);
  const first = await cluster.startBalancer(`manager:${cutOff.address}`);
  const other = await cluster.startManager();
  const both = `manager:${cutOff.address},${other.address}`;
  await cluster.startBalancer(both);
  await cluster.startBalancer(both);
  const at = ({ address }: RunningManager) => administratorOf(address);
  const revisionsAt = async (manager: RunningManager) => {
    const { balancers } = (await at(manager).asks("status")) as { balancers: Record<string, { acked: number; connected: boolean; reason: string }> };
    return Object.values(balancers).map(({ acked, connected, reason }) => ({ acked, connected, reason }));
  };
  const active = (revision: number) => ({ acked: revision, connected: true, reason: "" });
  for (const manager of [cutOff, other]) {
    await waitUntil(`all balancers at ${manager.address}`, async () => JSON.stringify(await revisionsAt(manager)) === JSON.stringify(Array(3).fill(active(1))));
  }
  await at(other).does("weights", "json", "1.0=50", "--wait");
  await waitUntil("both managers to know of it", async () => JSON.stringify(await revisionsAt(cutOff)) === JSON.stringify(Array(3).fill(active(2))));
  await cluster.balancers[0]?.process.end("SIGTERM");
  t.equal(first, cluster.balancers[0]);
  await waitUntil("the one that left to be forgotten by both", async () => (await revisionsAt(cutOff)).length === 2 && (await revisionsAt(other)).length === 2);
  const termOf = async () => Number((await api.list<Deployment>({ resource: deployments, namespace: "cut" })).items[0]?.metadata?.annotations?.["lintel.dev/term"]);
  const termBefore = await termOf();
  const load = new OpenLoad({ url: cluster.balancers[1]?.url ?? "", files: [{ path: "/v1/lint/json", source }], perSecond: 20, connections: 4 });
  try {
    proxy.cut();
    const refusal = at(cutOff).tries("weights", "json", "1.0=60");
    // The barrier is closed until every balancer of either manager has it.
    const atMs = load.nowMs;
    await at(other).does("weights", "json", "1.0=70", "--wait=60s");
    t.comment(`a change is active everywhere ${((load.nowMs - atMs) / 1000).toFixed(1)} s after the cut`);
    t.same(await revisionsAt(other), Array(2).fill(active(3)), "when --wait returned every balancer had it");
    const refused = await refusal;
    t.equal(refused.code, 1, refused.stderr);
    t.match(refused.stderr, /the API server https:.* did not answer within 5000 ms; .*nothing was changed/);
    await at(other).does("scale", "json", "1.0", "2", "--wait");
    await waitUntil("the other one to lead and make it so", () => cluster.linters.children.size === 2, 60_000);
    t.ok((await termOf()) > termBefore, "in a term of its own");
  } finally {
    const results = await load.stop();
    t.comment(describeLoad(results));
    t.same(results.filter(({ status }) => status !== 200), [], "0 failed requests");
  }
  proxy.mend();
  await waitUntil("the one that was cut off to know what is newest", async () => ((await at(cutOff).asks("status")) as { revision: number }).revision === 4, 30_000);
  await at(cutOff).does("weights", "json", "1.0=80", "--wait");
});

void t.test("a balancer whose only manager is cut off says so, serves what it has, and follows again", { timeout: 120_000 }, async (t) => {
  const cluster = await LintelInCluster.start(plane, "lonely");
  const proxy = await CuttableProxy.start(Number(new URL(plane.server).port));
  t.teardown(async () => {
    proxy.mend();
    await cluster.stop();
    proxy.stop();
  });
  const viaProxy = join(plane.folder, "lonely.kubeconfig");
  writeFileSync(viaProxy, plane.kubeconfigText({ token: plane.adminToken }, "lonely").replace(plane.server, `https://127.0.0.1:${proxy.port}`));
  const cutOff = await cluster.startManager([], { KUBECONFIG: viaProxy });
  await cluster.did("register", "json", "1.0", "--builtin", "json", "--weight", "100", "--replicas", "1");
  await waitUntil("its worker", async () => (await cluster.workers()).some(({ state }) => state === "listening"), 60_000);
  const balancer = await cluster.startBalancer(`manager:${cutOff.address}`);
  const other = await cluster.startManager();
  type Status = { readonly staleBecause: string; readonly shards: readonly { readonly ackedRevision: number }[] };
  const status = async () => (await (await fetch(`${balancer.adminUrl}/status`)).json()) as Status;
  const revisions = async () => (await status()).shards.map(({ ackedRevision }) => ackedRevision);
  t.equal((await status()).staleBecause, "");
  proxy.cut();
  await waitUntil("it to know that its manager is cut off", async () => (await status()).staleBecause !== "", 60_000);
  t.match((await status()).staleBecause, new RegExp(`^${cutOff.address}: .*this manager has not heard of its store for \\d+ s`));
  await administratorOf(other.address).does("weights", "json", "1.0=50");
  t.same(await revisions(), [1, 1], "what is newer it has from nobody");
  t.equal((await fetch(`${balancer.url}/v1/lint/json`, { method: "POST", body: source })).status, 200);
  proxy.mend();
  await waitUntil("it to follow again", async () => (await status()).staleBecause === "" && (await revisions()).every((revision) => revision === 2), 60_000);
});
