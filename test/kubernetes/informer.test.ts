// List and watch against a real API server that is killed, stopped and started again.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { createLogger } from "../../src/base/logger.js";
import { systemRandom } from "../../src/base/random.js";
import { ApiServer } from "../../src/kubernetes/api-server.js";
import { clusterAccess } from "../../src/kubernetes/cluster-access.js";
import { Informer, type InformerTimes } from "../../src/kubernetes/informer.js";
import { type ConfigMap, configMaps } from "../../src/kubernetes/objects.js";
import { ControlPlane } from "../support/control-plane.js";
import { CuttableProxy } from "../support/cuttable-proxy.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const api = await plane.api;

const log: string[] = [];
const logger = createLogger({ level: "info", format: "text", write: (line) => void log.push(line) });

async function configMapsOf(namespace: string, times: Partial<InformerTimes> = {}) {
  const own = await plane.connect();
  const place = { resource: configMaps, namespace };
  const informer = new Informer<string>({ api: own, place, fieldSelector: "metadata.name!=kube-root-ca.crt", keep: (object) => (object as ConfigMap).data?.["value"] ?? "", random: systemRandom, logger, times });
  return { own, place, informer };
}

function configMap(name: string, value: string): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value } };
}

void t.test("what there is, what comes, changes and goes", async (t) => {
  const { informer, place } = await configMapsOf(await plane.namespace("changes"));
  let calls = 0;
  informer.onChange(() => {
    calls++;
    if (calls === 2) throw new Error("a listener that fails");
  });
  await api.create(place, configMap("a", "1"));
  informer.start();
  await informer.whenSynced();
  t.same([...informer.items], [["a", "1"]]);
  const atMs = systemClock.nowMs();
  await api.create(place, configMap("b", "2"));
  await waitUntil("b", () => informer.items.get("b") === "2");
  t.comment(`a write and its event: ${(systemClock.nowMs() - atMs).toFixed(1)} ms`);
  await api.patch({ ...place, name: "a" }, "merge", { data: { value: "3" } });
  await waitUntil("the change of a", () => informer.items.get("a") === "3");
  await api.delete({ ...place, name: "b" });
  await waitUntil("b to go", () => !informer.items.has("b"));
  t.ok(calls >= 4, "a listener that failed is called again");
  t.ok(log.some((line) => line.includes("a listener that fails")), "and its failure is in the log");
  t.equal(informer.staleForMs, 0);
  await informer.stop();
  await api.create(place, configMap("c", "4"));
  t.notOk(informer.items.has("c"), "stopped is stopped");
});

void t.test("an informer that is stopped while it starts leaves nothing under way", async (t) => {
  const { own, informer } = await configMapsOf(await plane.namespace("starting"));
  informer.start();
  await informer.stop();
  const asked = own.counts.requests;
  await plane.namespace("starting-later");
  t.equal(own.counts.requests, asked);
});

void t.test("a watch that the server ends goes on from where it was, without a list", async (t) => {
  const { own, informer, place } = await configMapsOf(await plane.namespace("ending"), { watchPeriodMs: 1_000 });
  informer.start();
  await waitUntil("three watches", () => own.counts.watches >= 3);
  await api.create(place, configMap("a", "1"));
  await waitUntil("a", () => informer.items.has("a"));
  t.equal(own.counts.lists, 1);
  await informer.stop();
});

void t.test("an API server that is killed and comes back: nothing is missed, and it is not flooded", async (t) => {
  const { own, informer, place } = await configMapsOf(await plane.namespace("killed"));
  informer.start();
  await informer.whenSynced();
  await api.create(place, configMap("a", "1"));
  await api.create(place, configMap("b", "1"));
  await waitUntil("both", () => informer.items.size === 2);
  const before = { ...own.counts };
  await plane.signal("kube-apiserver", "SIGKILL");
  await waitUntil("the loss to be noticed", () => informer.staleForMs > 0);
  t.same([...informer.items.keys()].sort(), ["a", "b"], "what is known stays known");
  await plane.restart("kube-apiserver");
  const backMs = systemClock.nowMs();
  await api.delete({ ...place, name: "a" });
  await api.create(place, configMap("c", "1"));
  await waitUntil("the newest state", () => !informer.items.has("a") && informer.items.has("c"), 30_000);
  const tookMs = systemClock.nowMs() - backMs;
  const [lists, watches] = [own.counts.lists - before.lists, own.counts.watches - before.watches];
  t.comment(`up to date ${tookMs.toFixed(0)} ms after its return, with ${lists} lists and ${watches} attempts to watch`);
  t.ok(tookMs < 2_000, "within two seconds");
  t.ok(lists <= 2, "at most a list for what expired");
  t.ok(watches <= 60, "attempts about once a second");
  await informer.stop();
});

void t.test("a version that is no longer kept (410): it lists anew, once, and what went meanwhile is gone", { timeout: 90_000 }, async (t) => {
  const namespace = await plane.namespace("expired");
  const place = { resource: configMaps, namespace };
  const proxy = await CuttableProxy.start(Number(new URL(plane.server).port));
  const kubeconfig = join(plane.folder, "expired.kubeconfig");
  writeFileSync(kubeconfig, plane.kubeconfigText({ token: plane.adminToken }, namespace).replace(plane.server, `https://127.0.0.1:${proxy.port}`));
  const own = new ApiServer(await clusterAccess({ kubeconfig, environment: {}, clock: systemClock }), systemClock, { timeoutMs: 1_000 });
  const informer = new Informer<string>({ api: own, place, fieldSelector: "metadata.name!=kube-root-ca.crt", keep: (object) => (object as ConfigMap).data?.["value"] ?? "", random: systemRandom, logger, times: { silenceMs: 300 } });
  t.teardown(async () => {
    await informer.stop();
    own.close();
    proxy.stop();
  });
  await api.create(place, configMap("a", "1"));
  informer.start();
  await informer.whenSynced();
  proxy.cut();
  await waitUntil("it to notice", () => informer.waitsBecause !== "", 30_000);
  await api.delete({ ...place, name: "a" });
  await api.create(place, configMap("b", "1"));
  // A new API server remembers no event of before its start.
  await plane.restart("kube-apiserver");
  const { lists } = own.counts;
  t.same([...informer.items.keys()], ["a"], "what is known stays known");
  const backMs = systemClock.nowMs();
  proxy.mend();
  await waitUntil("the newest state", () => !informer.items.has("a") && informer.items.has("b"), 30_000);
  t.comment(`up to date ${(systemClock.nowMs() - backMs).toFixed(0)} ms after it could be reached`);
  t.equal(own.counts.lists - lists, 1, "by one list");
  await api.create(place, configMap("c", "1"));
  await waitUntil("what comes after it", () => informer.items.has("c"));
  t.equal(own.counts.lists - lists, 1, "which was all");
});

void t.test("an API server that is stopped is noticed though its watch stays open, and heard again when it goes on", async (t) => {
  const { own, informer, place } = await configMapsOf(await plane.namespace("stopped"), { silenceMs: 500 });
  informer.start();
  await informer.whenSynced();
  await plane.signal("kube-apiserver", "SIGSTOP");
  const stoppedMs = systemClock.nowMs();
  await waitUntil("the silence to be noticed", () => informer.waitsBecause !== "", 30_000);
  t.comment(`noticed after ${(systemClock.nowMs() - stoppedMs).toFixed(0)} ms: ${informer.waitsBecause}`);
  t.match(informer.waitsBecause, /did not answer within/);
  const lists = own.counts.lists;
  await plane.signal("kube-apiserver", "SIGCONT");
  const backMs = systemClock.nowMs();
  await api.create(place, configMap("a", "1"));
  await waitUntil("a", () => informer.items.has("a"), 30_000);
  t.comment(`up to date ${(systemClock.nowMs() - backMs).toFixed(0)} ms after it went on`);
  t.equal(own.counts.lists, lists, "without a list");
  await informer.stop();
});
