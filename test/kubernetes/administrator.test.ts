// An administrator's day under constant load: a version is registered, scaled, given weight, rolled, taken away, and no user's
// request fails. Workers are real processes that start and stop as their pods do.
import t from "tap";
import { deployments } from "../../src/kubernetes/objects.js";
import { ControlPlane } from "../support/control-plane.js";
import { LintelInCluster } from "../support/lintel-in-cluster.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
const cluster = await LintelInCluster.start(plane, "story");
t.teardown(async () => {
  await cluster.stop();
  await plane.stop();
});
const admin = await plane.api;
const source = Buffer.from('{"a": 1}\n');

void t.test("register, scale 1 to 5 to 2, weights, a rolling restart of the pods, unregister: 0 failed requests", { timeout: 300_000 }, async (t) => {
  await cluster.startManager();
  await cluster.did("register", "json", "1.0", "--builtin", "json", "--weight", "100", "--replicas", "1");
  await waitUntil("its worker", async () => (await cluster.workers()).some(({ state }) => state === "listening"), 60_000);
  await cluster.startBalancer();
  const [balancer] = cluster.balancers;
  const load = new OpenLoad({ url: balancer?.url ?? "", files: [{ path: "/v1/lint/json", source }], perSecond: 40, connections: 8 });
  const listening = async (version: string) => (await cluster.workers()).filter((worker) => worker.version === version && worker.state === "listening").length;
  try {
    for (const count of [5, 2]) {
      const atMs = load.nowMs;
      await cluster.did("scale", "json", "1.0", String(count), "--wait");
      await waitUntil(`${count} workers`, async () => (await listening("1.0")) === count && (await cluster.workers()).length === count, 120_000);
      t.comment(`scaled to ${count} in ${((load.nowMs - atMs) / 1000).toFixed(1)} s`);
    }
    await cluster.did("register", "json", "2.0", "--builtin", "json", "--weight", "0", "--replicas", "2");
    await waitUntil("version 2.0", async () => (await listening("2.0")) === 2, 120_000);
    await cluster.did("weights", "json", "1.0=50", "2.0=50", "--wait");
    const halvesMs = load.nowMs;
    await waitUntil("both to serve", () => new Set(load.results.filter(({ dueMs }) => dueMs > halvesMs).map(({ version }) => version)).size === 2);
    await cluster.did("weights", "json", "1.0=0", "2.0=100", "--wait");

    const [deployment] = (await admin.list({ resource: deployments, namespace: "story" }, { labelSelector: "lintel.dev/version=2.0" })).items;
    const before = new Set((await cluster.workers()).filter(({ version }) => version === "2.0").map(({ id }) => id));
    await admin.patch({ resource: deployments, namespace: "story", name: deployment?.metadata?.name ?? "" }, "strategic", { spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } } } } });
    await waitUntil("every pod to be another one", async () => {
      const now = (await cluster.workers()).filter(({ version }) => version === "2.0");
      return now.length === 2 && now.every(({ id, state }) => !before.has(id) && state === "listening");
    }, 120_000);
    await cluster.did("unregister", "json", "1.0", "--wait");
    await waitUntil("its pods to be gone", async () => (await listening("1.0")) === 0 && (await cluster.workers()).length === 2, 60_000);
    await waitUntil("some more requests", () => load.results.length > 200);
  } finally {
    const results = await load.stop();
    t.comment(describeLoad(results));
    t.same(results.filter(({ status }) => status !== 200), [], "0 failed requests");
  }
  t.same(cluster.linters.logs, [], "every worker started");
  t.same(cluster.kubelet.failures, []);
  t.same((await admin.list({ resource: deployments, namespace: "story" })).items.map(({ metadata }) => metadata?.labels?.["lintel.dev/version"]), ["2.0"]);
});

