// Balancers without a manager: they read the configuration and the workers themselves, and say on their own Pods what they serve.
import t from "tap";
import { type Deployment, deployments, type Pod } from "../../src/kubernetes/objects.js";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { ControlPlane } from "../support/control-plane.js";
import { zoneOfNode } from "../support/fake-kubelet.js";
import { LintelInCluster } from "../support/lintel-in-cluster.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
const cluster = await LintelInCluster.start(plane, "own-link");
t.teardown(async () => {
  await cluster.stop();
  await plane.stop();
});
const api = await plane.api;
const source = Buffer.from('{"a": 1}\n');

async function statusOfCluster(...words: readonly string[]): Promise<StatusDocument> {
  const { code, stdout, stderr } = await cluster.clusterStatus("-o", "json", ...words);
  if (code !== 0) throw new Error(`status --kubernetes ended with ${code ?? "?"}: ${stderr}`);
  return JSON.parse(stdout) as StatusDocument;
}

void t.test("balancers follow the ConfigMap and the pods; a manager's --wait and status --kubernetes know what they serve", { timeout: 300_000 }, async (t) => {
  const { process: manager } = await cluster.startManager();
  await cluster.did("register", "json", "1.0", "--builtin", "json", "--weight", "100", "--replicas", "1");
  await waitUntil("its worker", async () => (await cluster.workers()).some(({ state }) => state === "listening"), 60_000);
  const [first, second] = [await cluster.startBalancerOfCluster("balancer-a"), await cluster.startBalancerOfCluster("balancer-b")];
  const load = new OpenLoad({ url: first.url, files: [{ path: "/v1/lint/json", source }], perSecond: 20, connections: 4 });
  try {
    await cluster.did("register", "json", "2.0", "--builtin", "json", "--weight", "100", "--replicas", "1", "--wait=60s");
    const seen = (await cluster.status()).balancers;
    t.same(Object.entries(seen).map(([name, { acked, ready, shards }]) => ({ name, acked, ready, shards })), ["balancer-a", "balancer-b"].map((name) => ({ name, acked: 2, ready: true, shards: [2, 2] })), "the manager knows of them");
    const condition = (await api.get<Pod>(cluster.podPlace("balancer-a"))).status?.conditions?.find(({ type }) => type === "lintel.dev/report");
    t.match(condition, { status: "True", message: /"acked":2/ });

    await manager.end("SIGTERM");
    const status = await statusOfCluster("--wait");
    t.equal(status.revision, 2);
    t.same(Object.values(status.balancers).map(({ acked, ready }) => ({ acked, ready })), [{ acked: 2, ready: true }, { acked: 2, ready: true }]);
    t.same(Object.values(status.workers).map(({ state, zone }) => `${state} in ${zone}`), Array(2).fill(`listening in ${zoneOfNode}`));
    // Nobody but Kubernetes: pods are made and taken away by kubectl.
    const [deployment] = (await api.list<Deployment>({ resource: deployments, namespace: "own-link" }, { labelSelector: "lintel.dev/version=2.0" })).items;
    const scaled = async (replicas: number) => {
      await api.patch({ resource: deployments, namespace: "own-link", name: deployment?.metadata?.name ?? "", subresource: "scale" }, "merge", { spec: { replicas } });
      await waitUntil(`${replicas + 1} workers`, () => cluster.linters.children.size === replicas + 1, 60_000);
    };
    await scaled(3);
    await waitUntil("the balancer to use all of them", async () => (await cluster.usableAt(first)).every((count) => count === 4));
    await scaled(1);
    await second.process.end("SIGKILL");
    await plane.signal("kube-apiserver", "SIGKILL");
    // From what it has on disk.
    const again = await cluster.startBalancer("kubernetes", { POD_NAME: "balancer-b" }, "--name", "balancer-b");
    const reply = await fetch(`${again.url}/v1/lint/json`, { method: "POST", body: source });
    t.equal(reply.status, 200, "a balancer that starts while the API server is away serves what it has on disk");
    await plane.restart("kube-apiserver");
    await scaled(2);
    for (const balancer of [first, again]) await waitUntil("it to be used by both", async () => (await cluster.usableAt(balancer)).every((count) => count === 3));
  } finally {
    const results = await load.stop();
    t.comment(describeLoad(results));
    t.same(results.filter(({ status }) => status !== 200), [], "0 failed requests");
  }
  await waitUntil("both to say how they are", async () => Object.values((await statusOfCluster()).balancers).every(({ ready, stale }) => ready && !stale));
  t.match((await cluster.clusterStatus()).stdout, /^revision 2 in .*lintel-configuration/);
});

void t.test("what is in the way is said", async (t) => {
  const { code, stderr } = await cluster.clusterStatus("--namespace", "nowhere");
  t.equal(code, 1);
  t.match(stderr, /nowhere/);
  const other = await cluster.startBalancer("kubernetes:Wrong_Name").catch((error: unknown) => String(error));
  t.match(other, /ended with 2: lintel: --link kubernetes: .*expected/);
});
