// The control plane of Kubernetes fails under load: killed, stopped, without its etcd. Users notice nothing, changes are refused with a
// sentence or late, and all is up to date soon after its return, without a storm of requests.
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import { systemRandom } from "../../src/base/random.js";
import { Informer } from "../../src/kubernetes/informer.js";
import { configMaps, deployments, leases, pods } from "../../src/kubernetes/objects.js";
import { ControlPlane } from "../support/control-plane.js";
import { LintelInCluster } from "../support/lintel-in-cluster.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { recordingLogger } from "../support/recording-logger.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
const cluster = await LintelInCluster.start(plane, "outages");
t.teardown(async () => {
  await cluster.stop();
  await plane.stop();
});
const source = Buffer.from('{"a": 1}\n');
/** Of its return; the issue of all this, and what a person calls at once. */
const convergedMs = 2_000;

await cluster.startManager();
await cluster.did("register", "json", "1.0", "--builtin", "json", "--weight", "100", "--replicas", "3");
await waitUntil("its workers", async () => (await cluster.workers()).filter(({ state }) => state === "listening").length === 3, 60_000);
const managed = await cluster.startBalancer();
const own = await cluster.startBalancerOfCluster("balancer-own");
let replicas = 3;

/** How often the API server was asked for lists and watches since it started. */
function asked(): number {
  const lines = plane.kubectl(["get", "--raw", "/metrics"]).split("\n").filter((line) => /^apiserver_request_total\{.*resource="(pods|nodes|configmaps|deployments|poddisruptionbudgets|leases)".*verb="(LIST|WATCH)"/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** `outage` takes the API server away and brings it back; its promise resolves when it is back. `during` it one worker dies. */
async function survives(t: Test, outage: (during: () => Promise<void>) => Promise<void>): Promise<void> {
  const loads = [managed, own].map(({ url }) => new OpenLoad({ url, files: [{ path: "/v1/lint/json", source }], perSecond: 15, connections: 4 }));
  try {
    await outage(async () => {
      const attempt = cluster.admin("weights", "json", "1.0=100", "2.0=0");
      const [victim] = cluster.linters.children.values();
      victim?.kill("SIGKILL");
      const refused = await attempt;
      t.not(refused.code, 0);
      t.comment(`a change: ${refused.stderr.trim()}`);
      t.match(refused.stderr, /the API server|2\.0/);
    });
    const backMs = performance.now();
    replicas = replicas === 3 ? 4 : 3;
    // It may have been asked in the middle of a pause.
    await waitUntil("a change to be taken", async () => (await cluster.admin("scale", "json", "1.0", String(replicas))).code === 0, 20_000);
    const takenMs = performance.now() - backMs;
    t.comment(`a change is taken ${takenMs.toFixed(0)} ms after its return`);
    t.ok(takenMs < convergedMs, `a change is taken ${takenMs.toFixed(0)} ms after its return`);
    await cluster.did("status", "--wait=20s");
    const activeMs = performance.now() - backMs;
    t.comment(`and active on every shard of both balancers after ${activeMs.toFixed(0)} ms`);
    t.ok(activeMs < convergedMs, `a change is active everywhere ${activeMs.toFixed(0)} ms after its return`);
    for (const balancer of [managed, own]) await waitUntil("every shard to have as many workers as there should be", async () => (await cluster.usableAt(balancer)).every((count) => count === replicas), 60_000);
    t.comment(`lists and watches since: ${asked()}`);
  } finally {
    for (const load of loads) {
      const results = await load.stop();
      t.comment(describeLoad(results));
      t.same(results.filter(({ status }) => status !== 200), [], "0 failed requests");
    }
  }
}

void t.test("the API server is killed", { timeout: 120_000 }, async (t) => {
  await survives(t, async (during) => {
    await plane.signal("kube-apiserver", "SIGKILL");
    await during();
    await plane.restart("kube-apiserver");
  });
  await delay(2_000);
  t.ok(asked() < 120, `${asked()} lists and watches of everybody since it came back`);
});

/**
 * After an outage of etcd the API server is back when it has noticed, and tells watchers again: it tries after pauses of its own, with a
 * connection for each kind of object.
 */
async function toldAgain(): Promise<void> {
  const api = await plane.api;
  const place = { resource: configMaps, namespace: "outages" };
  const informer = new Informer({ api, place, fieldSelector: "metadata.name=told", keep: ({ metadata }) => metadata?.resourceVersion, random: systemRandom, logger: recordingLogger().logger });
  for (const resource of [configMaps, pods, deployments, leases]) {
    await waitUntil(`the API server to read ${resource.plural} again`, () => api.list({ resource, namespace: "outages" }).then(() => true, () => false), 30_000);
  }
  informer.start();
  await informer.whenSynced();
  await waitUntil("the API server to write again", () => api.create(place, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "told" } }).then(() => true, () => false), 30_000);
  await waitUntil("the API server to tell again", () => informer.items.size === 1, 30_000);
  await informer.stop();
}

void t.test("etcd is killed", { timeout: 120_000 }, async (t) => {
  const before = asked();
  await survives(t, async (during) => {
    await plane.signal("etcd", "SIGKILL");
    await during();
    await plane.restart("etcd");
    await toldAgain();
  });
  t.ok(asked() - before < 120, `${asked() - before} lists and watches of everybody`);
});

void t.test("the API server stands still for half a minute", { timeout: 180_000 }, async (t) => {
  const before = asked();
  await survives(t, async (during) => {
    await plane.signal("kube-apiserver", "SIGSTOP");
    const until = delay(30_000);
    await during();
    await until;
    await plane.signal("kube-apiserver", "SIGCONT");
  });
  t.ok(asked() - before < 120, `${asked() - before} lists and watches of everybody`);
});
