// The store in a ConfigMap: compared before it is swapped, by several writers, with an API server that is killed or stopped
// while it is written to.
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { systemRandom } from "../../src/base/random.js";
import { type ConfigMap, configMaps } from "../../src/kubernetes/objects.js";
import { ApiServer } from "../../src/kubernetes/api-server.js";
import { clusterAccess } from "../../src/kubernetes/cluster-access.js";
import { ConfigMapStore, type ConfigMapStoreOptions, configurationKey } from "../../src/manager/store/config-map-store.js";
import { emptyConfiguration, type StoredConfiguration } from "../../src/manager/stored-configuration.js";
import { ControlPlane } from "../support/control-plane.js";
import { recordingLogger } from "../support/recording-logger.js";
import { configured, registerChange } from "../support/stored-configurations.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const admin = await plane.api;
const name = "lintel-configuration";

const first = configured(registerChange("python", "1", { weight: 1, workers: ["10.0.0.5:7070"] }));
const second = configured(registerChange("python", "1", { weight: 1, workers: ["10.0.0.5:7070"] }), { kind: "drain", workerId: "10.0.0.5:7070", drained: true });

async function storeIn(namespace: string, given: Partial<ConfigMapStoreOptions> = {}) {
  const log = recordingLogger();
  const store = new ConfigMapStore({ api: await plane.connect(), namespace, name, random: systemRandom, logger: log.logger, ...given });
  return { store, log };
}

/** The next revision, with one more thing in it. */
function grown(current: StoredConfiguration, what: string): StoredConfiguration {
  return { ...current, revision: current.revision + 1, drained: [...current.drained, what], history: [] };
}

void t.test("what is written is read again, and what others put beside it stays", async (t) => {
  const namespace = await plane.namespace("written");
  const { store } = await storeIn(namespace);
  t.equal(store.name, "configmap:written/lintel-configuration");
  t.same(await store.read(), emptyConfiguration, "nothing yet");
  t.same(await store.write(0, first), { kind: "written" });
  await admin.patch({ resource: configMaps, namespace, name }, "merge", { metadata: { labels: { team: "a" } }, data: { note: "ours" } });
  t.same(await store.write(1, second), { kind: "written" }, "a change of labels is no other writer");
  const { metadata, data } = await admin.get<ConfigMap>({ resource: configMaps, namespace, name });
  t.match(metadata?.labels, { team: "a", "app.kubernetes.io/part-of": "lintel" });
  t.equal(data?.["note"], "ours");
  t.same(await (await storeIn(namespace)).store.read(), second, "by the next manager, too");
});

void t.test("a write that is not based on what is there changes nothing and says what is there", async (t) => {
  const namespace = await plane.namespace("based");
  const { store } = await storeIn(namespace);
  const { store: other } = await storeIn(namespace);
  await store.write(0, first);
  t.same(await other.write(0, grown(emptyConfiguration, "x")), { kind: "conflict", current: first }, "of two that begin, one does");
  t.same(await store.write(7, { ...first, revision: 8 }), { kind: "conflict", current: first });
  t.same(await other.write(1, second), { kind: "written" });
  t.same(await store.write(1, second), { kind: "written" }, "what is there already, word for word, is written");
  t.same(await store.write(1, grown(first, "y")), { kind: "conflict", current: second });
});

void t.test("many writers: each revision is one writer's, and each hears of the others'", async (t) => {
  const namespace = await plane.namespace("writers");
  const writers = await Promise.all(["a", "b", "c"].map(async (writer) => ({ writer, ...(await storeIn(namespace)), heard: [] as number[] })));
  const won = new Map<number, string>();
  for (const { store, heard } of writers) store.watch(({ revision }) => heard.push(revision));
  await Promise.all(
    writers.map(async ({ store, writer }) => {
      let current = await store.read();
      for (let own = 0; own < 15; ) {
        const next = grown(current, `${writer}-${own}`);
        const outcome = await store.write(current.revision, next);
        if (outcome.kind === "written") {
          t.notOk(won.has(next.revision), `revision ${next.revision} is written once`);
          won.set(next.revision, writer);
          own += 1;
          current = next;
        } else if (outcome.kind === "conflict") current = outcome.current;
        else throw new Error(outcome.reason);
      }
    }),
  );
  const { revision, drained } = await writers[0]!.store.read();
  t.equal(revision, 45);
  t.equal(new Set(drained).size, 45, "and none is lost");
  for (const { store, heard, writer } of writers) {
    await waitUntil(`${writer} to hear of the newest`, () => heard.at(-1) === 45);
    t.same(heard, [...heard].sort((one, other) => one - other), `${writer} heard of ${heard.length}, never of an older one`);
    await store.close();
  }
});

void t.test("what does not fit is refused before it hurts, and a warning comes earlier", async (t) => {
  const namespace = await plane.namespace("large");
  const { store, log } = await storeIn(namespace);
  await store.write(0, first);
  t.same(await store.write(1, grown(first, "x".repeat(900_000))), { kind: "written" });
  t.match(log.text(), /close to what its ConfigMap holds/);
  const outcome = await store.write(2, grown({ ...first, revision: 2 }, "x".repeat(1_000_000)));
  t.match(outcome, { kind: "too-large", reason: /^the configuration would take .* more than configmap:large\/lintel-configuration holds .*unregister what is not needed/ });
  t.equal((await store.read()).revision, 2);
  const generous = await storeIn(namespace, { textBytesMax: 4_000_000 });
  t.match(await generous.store.write(2, grown({ ...first, revision: 2 }, "x".repeat(1_100_000))), { kind: "failed", reason: /Too long/ }, "the API server's own word when ours is not heard");
});

void t.test("what was edited by hand is refused with its place, and not taken over", async (t) => {
  const namespace = await plane.namespace("edited");
  const { store, log } = await storeIn(namespace);
  await store.write(0, first);
  const heard: number[] = [];
  store.watch(({ revision }) => heard.push(revision));
  await admin.patch({ resource: configMaps, namespace, name }, "merge", { data: { [configurationKey]: '{"format":1,"revision":7}' } });
  await waitUntil("the log to say so", () => log.text().includes("languages"));
  t.same(heard, []);
  await t.rejects(store.read(), { name: "UserError", message: /configmap:edited\/lintel-configuration cannot be used: languages/ });
  await store.close();
});

void t.test("refusals are sentences: no such namespace, not allowed, nobody there", async (t) => {
  const nowhere = await storeIn("nowhere");
  t.same(await nowhere.store.read(), emptyConfiguration);
  t.match(await nowhere.store.write(0, first), { kind: "failed", reason: /there is no namespace nowhere; create it with: kubectl create namespace nowhere/ });
  const namespace = await plane.namespace("stranger");
  const token = await plane.tokenOf(namespace, "default");
  const stranger = await storeIn(namespace, { api: await plane.connect(token) });
  await t.rejects(stranger.store.read(), { message: /cannot get the ConfigMap lintel-configuration in the namespace stranger: .*kubectl auth can-i get configmaps/ });
});

void t.test("an API server that is killed under two writers: nothing is lost, nothing twice", async (t) => {
  const namespace = await plane.namespace("killed");
  const done = { a: 0, b: 0, unknown: 0 };
  let stop = false;
  const write = async (writer: "a" | "b"): Promise<void> => {
    const { store } = await storeIn(namespace);
    let current = emptyConfiguration;
    while (!stop) {
      const what = `${writer}-${done[writer]}`;
      const next = grown(current, what);
      const outcome = await store.write(current.revision, next);
      if (outcome.kind === "written") {
        done[writer]++;
        current = next;
      } else if (outcome.kind === "conflict") current = outcome.current;
      else {
        // As a manager does: what is read after a failure is final.
        done.unknown++;
        const read = await store.read().catch(() => undefined);
        if (read === undefined) continue;
        if (read.drained.includes(what)) done[writer]++;
        current = read;
      }
    }
  };
  const writing = Promise.all([write("a"), write("b")]);
  for (let round = 0; round < 2; round++) {
    const before = done.a + done.b;
    await waitUntil("some writes", () => done.a + done.b > before + 20, 30_000);
    await plane.restart("kube-apiserver");
  }
  stop = true;
  await writing;
  const { store } = await storeIn(namespace);
  const { drained, revision } = await store.read();
  t.comment(`${revision} revisions, ${done.a} and ${done.b} of the two writers, ${done.unknown} failures`);
  t.equal(drained.length, revision);
  t.equal(new Set(drained).size, drained.length, "nothing twice");
  t.equal(drained.filter((what) => what.startsWith("a-")).length, done.a, "what was said to be written is there");
  t.equal(drained.filter((what) => what.startsWith("b-")).length, done.b);
});

void t.test("a write that the API server got before it was stopped does not happen after it was said not to have happened", async (t) => {
  const namespace = await plane.namespace("late");
  const access = await clusterAccess({ kubeconfig: plane.kubeconfig(), environment: {}, clock: systemClock });
  const impatient = new ApiServer(access, systemClock, { timeoutMs: 300 });
  t.teardown(() => impatient.close());
  const { store } = await storeIn(namespace, { api: impatient });
  await store.write(0, first);
  await plane.signal("kube-apiserver", "SIGSTOP");
  const outcome = await store.write(1, second);
  t.match(outcome, { kind: "failed", reason: /did not answer within 300 ms/ });
  await plane.signal("kube-apiserver", "SIGCONT");
  let said: StoredConfiguration | undefined;
  await waitUntil("an answer", async () => (said = await store.read().catch(() => undefined)) !== undefined, 30_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal((await store.read()).revision, said?.revision, "what was read first is what stays");
});
