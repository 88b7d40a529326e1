// Deployments as the configuration wants them, against a real API server and its controllers; the test plays the kubelet.
import t, { type Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { systemRandom } from "../../src/base/random.js";
import type { ApiServer } from "../../src/kubernetes/api-server.js";
import { Discovery } from "../../src/kubernetes/discovery.js";
import { type ApiObject, type Deployment, deployments, type ObjectMeta, pods, type ResourceKind } from "../../src/kubernetes/objects.js";
import { KubernetesPlatform } from "../../src/manager/platform/kubernetes/kubernetes-platform.js";
import { objectName } from "../../src/manager/platform/kubernetes/version-names.js";
import { defaultVersionSettings } from "../../src/manager/platform/kubernetes/version-objects.js";
import type { WantedVersion } from "../../src/manager/platform/platform.js";
import { ControlPlane } from "../support/control-plane.js";
import { FakeKubelet } from "../support/fake-kubelet.js";
import { recordingLogger } from "../support/recording-logger.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
const admin = await plane.api;
const kubelet = new FakeKubelet({ api: await plane.connect() });
await kubelet.start();
t.teardown(async () => {
  await kubelet.stop();
  await plane.stop();
});
const discovery = await Discovery.of(admin);
const budgets = discovery.podDisruptionBudgets;
const serviceAccounts: ResourceKind = { apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts" };

function wantedPython(version: string, workers: number): WantedVersion {
  return { language: "python", version, source: { kind: "run", run: { kind: "builtin", builtin: "python", workers, environment: {} } } };
}

/** A leadership that the test gives and takes. */
class GivenLeadership {
  readonly leader = "test";
  private readonly listeners: (() => void)[] = [];
  constructor(public term: number | undefined) {}
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }
  give(term: number | undefined): void {
    this.term = term;
    for (const listener of this.listeners) listener();
  }
}

async function platformIn(t: Test, namespace: string, leadership = new GivenLeadership(1), api?: ApiServer) {
  const log = recordingLogger();
  const own = api ?? (await plane.connect());
  const platform = new KubernetesPlatform({ api: own, namespace, settings: { ...defaultVersionSettings, lintelImage: "lintel:1" }, discovery, leadership, random: systemRandom, logger: log.logger });
  await platform.start();
  t.teardown(() => platform.close());
  return { platform, api: own, log, leadership };
}

async function newNamespace(name: string): Promise<string> {
  await plane.namespace(name);
  await admin.create({ resource: serviceAccounts, namespace: name }, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "lintel-linter" } });
  return name;
}

type Full = Deployment & { metadata: ObjectMeta; spec: { replicas: number; template: { metadata: ObjectMeta; spec: { nodeSelector?: object; containers: { name: string; image: string }[] } } } };
const nameOf = (version: WantedVersion): string => objectName("lintel", version);
const read = (namespace: string, version: WantedVersion) => admin.get<Full>({ resource: deployments, namespace, name: nameOf(version) });
const listening = (platform: KubernetesPlatform, version: string): number => platform.workers().filter((worker) => worker.version === version && worker.state === "listening").length;

void t.test("a version runs, is scaled, and goes with everything of its own and nothing else", async (t) => {
  const namespace = await newNamespace("life");
  const other = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "other", labels: { "app.kubernetes.io/instance": "lintel" } }, spec: { replicas: 1, selector: { matchLabels: { app: "other" } }, template: { metadata: { labels: { app: "other" } }, spec: { containers: [{ name: "c", image: "i" }] } } } };
  await admin.create<ApiObject>({ resource: deployments, namespace }, other);
  const { platform, api, log } = await platformIn(t, namespace);
  const python = wantedPython("0.17.3", 1);
  const before = api.counts.writes;
  const atMs = systemClock.nowMs();
  platform.want([python], 1);
  await waitUntil("a worker", () => listening(platform, "0.17.3") === 1);
  t.comment(`a worker listens ${(systemClock.nowMs() - atMs).toFixed(0)} ms after it was wanted`);
  const made = await read(namespace, python);
  t.match(made.metadata.labels, { "lintel.dev/language": "python", "lintel.dev/version": "0.17.3" });
  const [worker] = platform.workers();
  t.match(worker?.endpoint, { host: /^127\.1\./, port: 7070 });
  await waitUntil("its budget", () => admin.get({ resource: budgets, namespace, name: nameOf(python) }).then(() => true, () => false));
  t.equal(api.counts.writes - before, 2, "one write for each object");

  for (const count of [5, 2]) {
    platform.want([wantedPython("0.17.3", count)], count);
    await waitUntil(`${count} workers`, () => platform.workers().length === count && listening(platform, "0.17.3") === count);
  }
  // One more for each scale; another one where the object is read as it was before the write.
  t.ok(api.counts.writes - before <= 6, `${api.counts.writes - before} writes`);
  t.match(log.text(), /scaled.*from=1 to=5/);

  platform.want([], 6);
  await waitUntil("all to be gone", () => platform.workers().length === 0);
  await waitUntil("the objects, too", async () => (await admin.list({ resource: deployments, namespace })).items.length === 1 && (await admin.list({ resource: budgets, namespace })).items.length === 0);
  t.equal((await admin.get({ resource: deployments, namespace, name: "other" })).metadata?.name, "other", "what is not ours stays");
  t.same(kubelet.failures, []);
});

void t.test("what an administrator changed on other fields stays; what drifted on ours is put back", async (t) => {
  const namespace = await newNamespace("drift");
  const { platform, api } = await platformIn(t, namespace);
  const python = wantedPython("1", 1);
  const place = { resource: deployments, namespace, name: nameOf(python) };
  platform.want([python], 1);
  await waitUntil("a worker", () => listening(platform, "1") === 1);
  await admin.patch(place, "strategic", { metadata: { annotations: { note: "mine" } }, spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } }, spec: { nodeSelector: { disk: "fast" }, containers: [{ name: "sidecar", image: "s:1" }] } } } });
  await admin.patch(place, "strategic", { spec: { template: { spec: { containers: [{ name: "linter", image: "evil:1" }] } } } });
  await admin.patch(place, "merge", { metadata: { labels: { "lintel.dev/language": "perl" } } });
  const isBack = (object: Full): boolean => object.spec.template.spec.containers.some(({ name, image }) => name === "linter" && image === "lintel:1") && object.metadata.labels?.["lintel.dev/language"] === "python";
  await waitUntil("ours to be put back", async () => isBack(await read(namespace, python)));
  await admin.patch({ ...place, subresource: "scale" }, "merge", { spec: { replicas: 4 } });
  await waitUntil("the scale to be put back", async () => (await read(namespace, python)).spec.replicas === 1);
  const after = await read(namespace, python);
  t.equal(after.metadata.annotations?.["note"], "mine");
  t.equal(after.spec.template.metadata.annotations?.["kubectl.kubernetes.io/restartedAt"], "now");
  t.same(after.spec.template.spec.nodeSelector, { disk: "fast" });
  t.ok(after.spec.template.spec.containers.some(({ name }) => name === "sidecar"));
  await admin.delete({ resource: budgets, namespace, name: nameOf(python) });
  await waitUntil("the budget to be made again", () => admin.get({ resource: budgets, namespace, name: nameOf(python) }).then(() => true, () => false));
  await admin.delete(place, { propagation: "Background" });
  await waitUntil("the Deployment to be made again", () => admin.get(place).then(() => true, () => false));
  await waitUntil("its worker", () => listening(platform, "1") === 1 && platform.workers().length === 1);
  const quiet = api.counts.requests;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  t.ok(api.counts.requests - quiet <= 3, `${api.counts.requests - quiet} requests while nothing happens`);
});

void t.test("only the leader acts; one with an old term, or with an old configuration, does no harm", async (t) => {
  const namespace = await newNamespace("terms");
  const follower = await platformIn(t, namespace, new GivenLeadership(undefined));
  const leader = await platformIn(t, namespace, new GivenLeadership(7));
  const python = wantedPython("1", 1);
  const [before] = [follower.api.counts.writes];
  follower.platform.want([python], 1);
  leader.platform.want([python], 1);
  await waitUntil("a worker at both", () => listening(leader.platform, "1") === 1 && listening(follower.platform, "1") === 1);
  t.equal(follower.api.counts.writes, before, "a follower sees the workers and writes nothing");
  // It believes to lead, with a term that is over.
  follower.leadership.give(6);
  follower.platform.want([wantedPython("1", 9)], 2);
  await waitUntil("it to notice", () => follower.log.text().includes("term 7"));
  follower.platform.want([], 3);
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.equal((await read(namespace, python)).spec.replicas, 1);
  t.equal(follower.api.counts.writes, before, "an old term writes nothing");
  // The next leader knows an older configuration: version 2 was registered in revision 5, which it has not seen.
  leader.platform.want([python, wantedPython("2", 1)], 5);
  await waitUntil("version 2", () => listening(leader.platform, "2") === 1);
  leader.leadership.give(undefined);
  follower.leadership.give(8);
  follower.platform.want([python], 4);
  await waitUntil("the new term to be written", async () => (await read(namespace, python)).metadata.annotations?.["lintel.dev/term"] === "8");
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.equal(listening(follower.platform, "2"), 1, "what a newer configuration made is not removed");
  follower.platform.want([python], 6);
  await waitUntil("version 2 to go once it is known to be unwanted", () => listening(follower.platform, "2") === 0);
});

void t.test("a pod that turns unready, or is told to end, listens no more within 250 ms", async (t) => {
  const namespace = await newNamespace("unready");
  const { platform } = await platformIn(t, namespace);
  platform.want([wantedPython("1", 3)], 1);
  await waitUntil("three workers", () => listening(platform, "1") === 3);
  const [first, second] = platform.workers();
  const stateOf = (id = "") => platform.workers().find((worker) => worker.id === id);
  const setReady = (status: "True" | "False") => admin.patch({ resource: pods, namespace, name: first?.id ?? "", subresource: "status" }, "strategic", { status: { conditions: [{ type: "Ready", status }] } });
  const after = async (what: string, act: () => Promise<unknown>, isSo: () => boolean): Promise<void> => {
    const atMs = systemClock.nowMs();
    await Promise.all([act(), waitUntil(what, isSo)]);
    const tookMs = systemClock.nowMs() - atMs;
    t.ok(tookMs < 250, `${what} after ${tookMs.toFixed(0)} ms`);
  };
  await after("it is not ready", () => setReady("False"), () => stateOf(first?.id)?.state === "starting" && stateOf(first?.id)?.endpoint === undefined);
  await after("it is ready again", () => setReady("True"), () => stateOf(first?.id)?.state === "listening");
  await after("it leaves", () => admin.delete({ resource: pods, namespace, name: second?.id ?? "" }, { gracePeriodSeconds: 30 }), () => stateOf(second?.id)?.endpoint === undefined);
  await waitUntil("another one", () => listening(platform, "1") === 3);
});

void t.test("what cannot be run is refused before anything is made", async (t) => {
  const namespace = await newNamespace("refusals");
  const { platform } = await platformIn(t, namespace);
  const image = (name: string): WantedVersion => ({ language: "python", version: "1", source: { kind: "image", image: name, workers: 1 } });
  t.equal(await platform.refusalOf(image("lintel-python:1")), "");
  t.match(await platform.refusalOf(image("Lintel Python")), /is no image's name/);
  t.match(await platform.refusalOf({ ...image(""), source: { kind: "run", run: { kind: "command", command: ["shellcheck", "-"], report: "auto", workers: 1, environment: {} } } }), /build one that has the program and runs "lintel linter python .* -- shellcheck -"/);
  const nowhere = new KubernetesPlatform({ api: admin, namespace: "nowhere", settings: { ...defaultVersionSettings, lintelImage: "lintel:1" }, discovery, leadership: new GivenLeadership(1), random: systemRandom, logger: recordingLogger().logger });
  t.match(await nowhere.refusalOf(image("a")), /there is no namespace nowhere; create it with: kubectl create namespace nowhere/);
  const stranger = await plane.connect(await plane.tokenOf(namespace, "default"));
  const forbidden = new KubernetesPlatform({ api: stranger, namespace, settings: { ...defaultVersionSettings, lintelImage: "lintel:1" }, discovery, leadership: new GivenLeadership(1), random: systemRandom, logger: recordingLogger().logger });
  t.match(await forbidden.refusalOf(image("a")), /cannot get the Deployment .*forbidden.*kubectl auth can-i get deployments.apps --namespace refusals/);
  const foreign = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: nameOf(image("a")) }, spec: { replicas: 0, selector: { matchLabels: { app: "x" } }, template: { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "c", image: "i" }] } } } };
  await admin.create<ApiObject>({ resource: deployments, namespace }, foreign);
  t.match(await platform.refusalOf(image("a")), /there is a Deployment .* already, and Lintel did not make it/);
  platform.want([image("a")], 1);
  await waitUntil("the status to say so", () => platform.workers().some(({ reason }) => reason.includes("Lintel did not make it")));
  t.equal((await admin.list({ resource: pods, namespace })).items.length, 0, "nothing was made");
});

void t.test("pods that a quota does not allow are a reason in the status, and run when there is room", async (t) => {
  const namespace = await newNamespace("quota");
  const quotas: ResourceKind = { apiVersion: "v1", kind: "ResourceQuota", plural: "resourcequotas" };
  const quota = (count: string): ApiObject => ({ apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "pods" }, ...{ spec: { hard: { pods: count } } } });
  await admin.create({ resource: quotas, namespace }, quota("1"));
  await waitUntil("the quota to be counted", async () => JSON.stringify(await admin.get({ resource: quotas, namespace, name: "pods" })).includes('"used"'));
  const { platform } = await platformIn(t, namespace);
  platform.want([wantedPython("1", 3)], 1);
  await waitUntil("the reason", () => platform.workers().some(({ reason }) => reason.includes("exceeded quota")));
  t.match(platform.workers().find(({ state }) => state === "pausing")?.reason, /its pods cannot be made: .*exceeded quota: pods.*kubectl describe quota --namespace quota/);
  await waitUntil("the one that is allowed", () => listening(platform, "1") === 1);
  await admin.patch({ resource: quotas, namespace, name: "pods" }, "merge", { spec: { hard: { pods: "10" } } });
  await waitUntil("all three", () => listening(platform, "1") === 3, 60_000);
  await waitUntil("no more reason", () => platform.workers().length === 3);
});
