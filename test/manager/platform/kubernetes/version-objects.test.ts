// What versions are called in Kubernetes, what their objects look like, and when those have drifted; no cluster needed.
import fc from "fast-check";
import t from "tap";
import { Discovery } from "../../../../src/kubernetes/discovery.js";
import { deployments, type Pod } from "../../../../src/kubernetes/objects.js";
import { driftOf, quantity } from "../../../../src/manager/platform/kubernetes/drift.js";
import { imageProblem } from "../../../../src/manager/changes/image-name.js";
import { workerOf } from "../../../../src/manager/platform/kubernetes/pod-workers.js";
import { labelValue, objectName } from "../../../../src/manager/platform/kubernetes/version-names.js";
import { defaultVersionSettings, versionObjects } from "../../../../src/manager/platform/kubernetes/version-objects.js";
import type { WantedVersion } from "../../../../src/manager/platform/platform.js";

const settings = { ...defaultVersionSettings, lintelImage: "lintel:1" };
const python: WantedVersion = { language: "python", version: "0.17.3", source: { kind: "run", run: { kind: "builtin", builtin: "python", workers: 3, environment: { A: "b" } } } };
const language = fc.stringMatching(/^[a-z0-9][a-z0-9+#.-]{0,63}$/);
const version = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$/);

void t.test("every version has a name and labels that Kubernetes takes, and no two have the same", (t) => {
  const seen = new Map<string, string>();
  const values = new Map<string, string>();
  fc.assert(
    fc.property(language, version, (language, version) => {
      const name = objectName("lintel", { language, version });
      if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) || name.length > 46) throw new Error(`the name ${name}`);
      const key = `${language} ${version}`;
      if (seen.has(name) && seen.get(name) !== key) throw new Error(`${key} and ${seen.get(name) ?? ""} are both ${name}`);
      seen.set(name, key);
      for (const word of [language, version]) {
        const value = labelValue(word);
        if (!/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(value) || value.length > 63) throw new Error(`the label ${value} of ${word}`);
        if (values.has(value) && values.get(value) !== word) throw new Error(`${word} and ${values.get(value) ?? ""} are both ${value}`);
        values.set(value, word);
      }
    }),
    { numRuns: 2_000 },
  );
  t.not(objectName("lintel", { language: "c-1", version: "2" }), objectName("lintel", { language: "c", version: "1-2" }));
  t.not(labelValue("c++"), labelValue("c#"));
  t.equal(labelValue("0.17.3"), "0.17.3", "what can stay as it is stays");
  t.end();
});

void t.test("probes are those the cluster has", (t) => {
  const at = (minor: number, policy: string) => JSON.stringify(versionObjects(python, settings, Discovery.known(`v1.${minor}.0`, minor, [policy, "apps/v1"]), deployments));
  t.match(at(20, "policy/v1beta1"), /"tcpSocket":\{"port":7070\}/);
  t.match(at(20, "policy/v1beta1"), /"policy\/v1beta1"/);
  t.match(at(31, "policy/v1"), /"grpc":\{"port":7070\}/);
  t.match(at(31, "policy/v1"), /"policy\/v1"/);
  t.end();
});

void t.test("an image's own command is left alone, a built-in linter is this program", (t) => {
  const discovery = Discovery.known("v1.31.0", 31, ["policy/v1"]);
  const objects = versionObjects({ ...python, source: { kind: "image", image: "lintel-python:2", workers: 4 } }, settings, discovery, deployments);
  t.equal(objects.replicas, 4);
  t.notMatch(JSON.stringify(objects), /"args"/);
  t.match(JSON.stringify(versionObjects(python, settings, discovery, deployments)), /"args":\["linter","python","--builtin","python","--listen","0.0.0.0:7070","--as-version","0.17.3","--threads","2"\]/);
  t.end();
});

void t.test("drift is in our fields alone", (t) => {
  const wanted = { spec: { replicas: 2, template: { containers: [{ name: "linter", image: "a:1", resources: { requests: { cpu: "500m" } }, args: ["x"] }] } } };
  const found = {
    spec: { replicas: 2, paused: true, template: { nodeSelector: { a: "b" }, containers: [{ name: "sidecar", image: "s" }, { name: "linter", image: "a:1", imagePullPolicy: "Always", resources: { requests: { cpu: "0.5" } }, args: ["x"] }] } },
    status: {},
  };
  t.same(driftOf(wanted, found), [], "what others added is theirs, and half a CPU is half a CPU");
  const changed = structuredClone(found);
  changed.spec.replicas = 3;
  changed.spec.template.containers[1]!.image = "a:2";
  t.same(driftOf(wanted, changed), ["spec.replicas", "spec.template.containers[linter].image"]);
  changed.spec.template.containers[1]!.args = ["x", "y"];
  t.ok(driftOf(wanted, changed).includes("spec.template.containers[linter].args"), "a list without keys is ours as a whole");
  t.same(driftOf(wanted, { spec: { replicas: 2 } }), ["spec.template.containers[linter].name", "spec.template.containers[linter].image", "spec.template.containers[linter].resources.requests.cpu", "spec.template.containers[linter].args"]);
  t.equal(quantity("1Gi"), quantity("1024Mi"));
  t.equal(quantity("x"), undefined);
  t.end();
});

void t.test("images' names", (t) => {
  for (const good of ["a", "lintel-python:0.18.0", "registry.example:5000/team/lintel:1", `a@sha256:${"0".repeat(64)}`, "a/b__c/d-e.f:T_1"]) t.equal(imageProblem(good), "", good);
  for (const [bad, why] of [["Team/x", /lower case/], ["a b", /a space/], ["a:", /tag is empty/], ["", /no image's name/], ["a//b", /no image's name/], ["registry.example/Lintel:1", /lower case/], [":1", /no image/]] as const) t.match(imageProblem(bad), why, bad);
  t.end();
});

void t.test("what a pod is as a worker", (t) => {
  const metadata = { name: "p", annotations: { "lintel.dev/language": "c++", "lintel.dev/version": "1+b" }, creationTimestamp: "2024-01-01T00:00:00Z" };
  const ready = { type: "Ready", status: "True", lastTransitionTime: "2024-01-01T00:00:05Z" };
  const listening: Pod = { metadata, status: { phase: "Running", podIP: "10.1.2.3", conditions: [ready] } };
  t.match(workerOf(listening), { id: "p", language: "c++", version: "1+b", state: "listening", endpoint: { id: "p", host: "10.1.2.3", port: 7070 }, sinceUnixMs: Date.parse("2024-01-01T00:00:05Z") });
  const leaving = workerOf({ ...listening, metadata: { ...metadata, deletionTimestamp: "2024-01-01T00:01:00Z" } });
  t.match(leaving, { state: "leaving" });
  t.equal(leaving?.endpoint, undefined);
  const unready = workerOf({ ...listening, status: { ...listening.status, conditions: [{ ...ready, status: "False" }] } } as Pod);
  t.match(unready, { state: "starting" });
  t.equal(unready?.endpoint, undefined);
  const waiting = (reason: string, message: string) => workerOf({ metadata, status: { phase: "Pending", containerStatuses: [{ name: "linter", restartCount: 2, state: { waiting: { reason, message } } }] } } as Pod);
  t.match(waiting("InvalidImageName", 'couldn\'t parse image "A"'), { state: "starting", reason: /InvalidImageName: couldn't parse/, restarts: 2 });
  t.match(waiting("CrashLoopBackOff", "back-off 40s"), { state: "pausing" });
  t.match(workerOf({ metadata, status: { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }] } } as Pod), { reason: "Unschedulable: 0/3 nodes" });
  t.equal(workerOf({ metadata, status: { phase: "Failed" } } as Pod), undefined, "an evicted pod is over");
  t.equal(workerOf({ metadata: { name: "other" } }), undefined, "a pod of something else");
  t.end();
});
