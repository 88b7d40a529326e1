// What an administrator reads when a cluster says no: the object, the reason, the next command; and that nothing is left behind.
import t, { type Test } from "tap";
import { type ApiObject, configMaps, type Deployment, deployments, type ResourceKind } from "../../src/kubernetes/objects.js";
import { Discovery } from "../../src/kubernetes/discovery.js";
import { ControlPlane } from "../support/control-plane.js";
import { LintelInCluster } from "../support/lintel-in-cluster.js";
import { administratorOf } from "../support/run-admin.js";
import { runLintel } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
const cluster = await LintelInCluster.start(plane, "errors");
t.teardown(async () => {
  await cluster.stop();
  await plane.stop();
});
const api = await plane.api;
const namespace = "errors";
const { podDisruptionBudgets } = await Discovery.of(api);
const quotas: ResourceKind = { apiVersion: "v1", kind: "ResourceQuota", plural: "resourcequotas" };
const first = await cluster.startManager();

interface Refused {
  readonly manager?: string;
  readonly words: readonly string[];
  readonly sentence: RegExp;
}

async function refuses(t: Test, { manager = first.address, words, sentence }: Refused): Promise<void> {
  const admin = administratorOf(manager);
  const before = await admin.asks("status");
  const { code, stderr } = await admin.tries(...words);
  t.equal(code, 2, `${words.join(" ")}: ${stderr.trim()}`);
  t.match(stderr, sentence);
  t.same(((await admin.asks("status")) as { revision: number }).revision, (before as { revision: number }).revision, "nothing is stored");
  t.same((await api.list<Deployment>({ resource: deployments, namespace })).items, [], "no Deployment is left behind");
  t.same((await api.list({ resource: podDisruptionBudgets, namespace })).items, [], "and no PodDisruptionBudget");
}

void t.test("an image's name that is none", (t) => refuses(t, { words: ["register", "python", "1", "--image", "Registry/Lintel Python:1"], sentence: /"Registry\/Lintel Python:1" is no image's name.*expected one such as registry\.example\/lintel-python:0\.18\.0/ }));

void t.test("a command, which has no machine to run on", (t) => refuses(t, { words: ["register", "shell", "1", "--command", "shellcheck"], sentence: /build one that has the program .* and register it with --image/ }));

void t.test("a namespace that is not there", async (t) => {
  const { address } = await cluster.startManager(["--worker-namespace", "nowhere"]);
  await refuses(t, { manager: address, words: ["register", "python", "1", "--builtin", "python"], sentence: /there is no namespace nowhere; create it with: kubectl create namespace nowhere/ });
});

void t.test("--check finds what is not there, whatever one's rights, and makes nothing", async (t) => {
  const check = (...flags: readonly string[]) => runLintel(["manager", "--platform", "kubernetes", "--check", ...flags], { env: { KUBECONFIG: plane.kubeconfig(undefined, namespace) } });
  const nowhere = await check("--worker-namespace", "nowhere");
  t.equal(nowhere.code, 1);
  t.match(nowhere.stdout, /^missing {2}.*there is no namespace nowhere; create it with: kubectl create namespace nowhere$/m);
  t.match((await check("--namespace", "elsewhere")).stdout, /^missing {2}.*ConfigMap lintel-configuration in the namespace elsewhere: there is no namespace elsewhere/m);
  const unmade = await check("--store", "configmap:another");
  t.equal(unmade.code, 0, unmade.stdout);
  t.match(unmade.stdout, /the ConfigMap another in the namespace errors is not there yet; the manager makes it/);
  const names = (await api.list({ resource: configMaps, namespace })).items.map(({ metadata }) => metadata?.name);
  t.notOk(names.includes("another"), "a dry run");
});

void t.test("a quota of Deployments", async (t) => {
  await api.create({ resource: quotas, namespace }, { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, ...{ spec: { hard: { "count/deployments.apps": "0" } } } });
  await waitUntil("the quota to be counted", async () => JSON.stringify(await api.get({ resource: quotas, namespace, name: "none" })).includes('"used"'));
  await refuses(t, { words: ["register", "python", "1", "--builtin", "python"], sentence: /Deployment lintel-python-1-\w+ in the namespace errors: .*exceeded quota: none.*kubectl describe quota --namespace errors/ });
  await api.delete({ resource: quotas, namespace, name: "none" });
});

void t.test("rights that are missing", async (t) => {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", plural: "roles" };
  const binding = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", plural: "rolebindings" };
  const rules = [
    { apiGroups: [""], resources: ["configmaps"], verbs: ["*"] },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["*"] },
    { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch"] },
    { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: ["list", "watch"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
  ];
  await api.create<ApiObject>({ resource: role, namespace }, { apiVersion: role.apiVersion, kind: role.kind, metadata: { name: "reader" }, ...{ rules } });
  await api.create<ApiObject>({ resource: binding, namespace }, { apiVersion: binding.apiVersion, kind: binding.kind, metadata: { name: "reader" }, ...{ roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" }, subjects: [{ kind: "ServiceAccount", name: "default", namespace }] } });
  const kubeconfig = plane.kubeconfig(await plane.tokenOf(namespace, "default"), namespace);
  const { address } = await cluster.startManager([], { KUBECONFIG: kubeconfig });
  await refuses(t, { manager: address, words: ["register", "python", "1", "--builtin", "python"], sentence: /cannot (patch|create) the Deployment lintel-python-1-\w+ in the namespace errors: .*forbidden.*kubectl auth can-i (patch|create) deployments\.apps --namespace errors --as system:serviceaccount:errors:default/ });
});

void t.test("an API server that is away: a manager says so and ends, and --check, too", { timeout: 60_000 }, async (t) => {
  await plane.signal("kube-apiserver", "SIGKILL");
  const env = { KUBECONFIG: plane.kubeconfig(undefined, namespace) };
  const sentence = /the API server https:\/\/127\.0\.0\.1:\d+ cannot be reached \(connect ECONNREFUSED .*kubectl cluster-info/;
  for (const flags of [["--check"], ["--worker-image", "lintel:1"]]) {
    const { code, stdout, stderr } = await runLintel(["manager", "--platform", "kubernetes", ...flags], { env });
    t.equal(code, 1, flags.join(" "));
    t.match(stdout + stderr, sentence);
    t.notMatch(stdout + stderr, /\n {4}at /, "no stack");
  }
  const refused = await administratorOf(first.address).tries("register", "python", "1", "--builtin", "python");
  t.equal(refused.code, 1);
  t.match(refused.stderr, sentence);
  t.match(refused.stderr, /nothing was changed/);
});

void t.test("what is typed wrong", async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--platform", "kubernetes", "--store", "file:/tmp/x", "--worker-image", "i"], /--store file:\/tmp\/x: with Kubernetes expected configmap:NAME/],
    [["--platform", "kubernetes", "--shared-store", "--worker-image", "i"], /--shared-store is not for --platform kubernetes/],
    [["--store", "file:/tmp/x", "--worker-image", "i"], /--worker-image is for Kubernetes; add --platform kubernetes/],
    [["--store", "file:/tmp/x", "--check"], /--check looks at a cluster; add --platform kubernetes/],
    [["--platform", "kubernetes", "--kubeconfig", "/nowhere/config", "--check"], /\/nowhere\/config/],
  ];
  for (const [flags, sentence] of wrong) {
    const { code, stderr } = await runLintel(["manager", ...flags], { env: { KUBECONFIG: plane.kubeconfig() } });
    t.equal(code, 2, stderr.trim());
    t.match(stderr, sentence);
  }
});
