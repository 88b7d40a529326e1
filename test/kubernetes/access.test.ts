// Who we are at a real API server, and what it says to people when it refuses.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { UserError } from "../../src/base/errors.js";
import type { ApiError } from "../../src/kubernetes/api-error.js";
import { ApiServer } from "../../src/kubernetes/api-server.js";
import { type AccessOptions, clusterAccess } from "../../src/kubernetes/cluster-access.js";
import { Discovery } from "../../src/kubernetes/discovery.js";
import { configMaps, deployments, pods, type ResourceKind } from "../../src/kubernetes/objects.js";
import { ControlPlane } from "../support/control-plane.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const admin = await plane.api;
const namespace = await plane.namespace("access");
const serviceAccounts: ResourceKind = { apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts" };
const roles: ResourceKind = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", plural: "roles" };
const roleBindings: ResourceKind = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", plural: "rolebindings" };

async function apiWith(options: Partial<AccessOptions>): Promise<ApiServer> {
  return new ApiServer(await clusterAccess({ environment: {}, clock: systemClock, ...options }), systemClock);
}

function kubeconfigFor(user: object): string {
  const path = join(plane.folder, `user-${Math.random().toString(36).slice(2)}.kubeconfig`);
  writeFileSync(path, plane.kubeconfigText(user, namespace));
  return path;
}

/** What a call fails with. */
async function failureOf(work: Promise<unknown>): Promise<ApiError> {
  return work.then(
    () => {
      throw new Error("it succeeded");
    },
    (thrown: unknown) => thrown as ApiError,
  );
}

await admin.create({ resource: serviceAccounts, namespace }, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "reader" } });
await admin.create({ resource: roles, namespace }, { apiVersion: roles.apiVersion, kind: "Role", metadata: { name: "reader" }, ...{ rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] } });
await admin.create({ resource: roleBindings, namespace }, {
  apiVersion: roles.apiVersion, kind: "RoleBinding", metadata: { name: "reader" },
  ...{ roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" }, subjects: [{ kind: "ServiceAccount", name: "reader", namespace }] },
});

void t.test("a pod's own account: its namespace, its token, and a new token when the old one is refused", async (t) => {
  const folder = join(plane.folder, "account");
  mkdirSync(folder);
  writeFileSync(join(folder, "ca.crt"), readFileSync(join(plane.folder, "ca.crt")));
  writeFileSync(join(folder, "namespace"), namespace);
  writeFileSync(join(folder, "token"), "not-a-token\n");
  const { hostname, port } = new URL(plane.server);
  const api = await apiWith({ environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }, accountFolder: folder });
  t.equal(api.access.namespace, namespace);
  const refused = await failureOf(api.list({ resource: pods, namespace }));
  t.equal(refused.kind, "unauthorized");
  writeFileSync(join(folder, "token"), await plane.tokenOf(namespace, "reader"));
  t.same((await api.list({ resource: pods, namespace })).items, [], "the renewed token is read");
  const forbidden = await failureOf(api.create({ resource: configMaps, namespace }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } }));
  t.equal(forbidden.kind, "forbidden");
  t.match(forbidden.message, /cannot create the ConfigMap x in the namespace access: .*kubectl auth can-i create configmaps --namespace access --as system:serviceaccount:access:reader/);
  api.close();
});

void t.test("a client certificate", async (t) => {
  plane.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "alice.key");
  plane.certificate("alice", "/O=system:masters/CN=alice", "extendedKeyUsage=clientAuth");
  const data = (name: string): string => readFileSync(join(plane.folder, name)).toString("base64");
  for (const user of [{ "client-certificate": "alice.crt", "client-key": "alice.key" }, { "client-certificate-data": data("alice.crt"), "client-key-data": data("alice.key") }]) {
    const api = await apiWith({ kubeconfig: kubeconfigFor(user) });
    t.ok(Array.isArray((await api.list({ resource: pods, namespace })).items));
    api.close();
  }
});

void t.test("a program that logs in is run once, and again when its token is refused", async (t) => {
  const [count, token] = [join(plane.folder, "count"), join(plane.folder, "exec-token")];
  const program = join(plane.folder, "log-in");
  writeFileSync(program, `#!/bin/sh\necho run >> ${count}\nprintf '{"status":{"token":"%s"}}' "$(cat ${token})"\n`);
  chmodSync(program, 0o755);
  writeFileSync(token, "old");
  const api = await apiWith({ kubeconfig: kubeconfigFor({ exec: { apiVersion: "client.authentication.k8s.io/v1", command: program } }) });
  t.equal((await failureOf(api.list({ resource: pods, namespace }))).kind, "unauthorized");
  writeFileSync(token, plane.adminToken);
  await api.list({ resource: pods, namespace });
  await api.list({ resource: pods, namespace });
  const runs = readFileSync(count, "utf8").trim().split("\n").length;
  t.ok(runs <= 3, `it ran ${runs} times`);
  api.close();
  const broken = await apiWith({ kubeconfig: kubeconfigFor({ exec: { command: "./no-such-program", installHint: "get it from the shelf" } }) });
  const failure = await failureOf(broken.list({ resource: pods, namespace }));
  t.ok(failure instanceof UserError);
  t.match(failure.message, /no-such-program.*failed.*get it from the shelf/);
});

void t.test("nowhere to look, a context that is not there", async (t) => {
  const environment = { HOME: "/nowhere" };
  await t.rejects(clusterAccess({ kubeconfig: kubeconfigFor({ token: "x" }), context: "none", environment, clock: systemClock }), { message: /has no context none; it has: test/ });
  await t.rejects(clusterAccess({ kubeconfig: "/nowhere/config", environment, clock: systemClock }), { message: /\/nowhere\/config cannot be read/ });
});

void t.test("requests use one connection again", async (t) => {
  const api = await plane.connect();
  const times: number[] = [];
  for (let count = 0; count < 20; count++) {
    const atMs = systemClock.nowMs();
    await api.get({ resource: serviceAccounts, namespace, name: "reader" });
    times.push(systemClock.nowMs() - atMs);
  }
  const [first = 0] = times;
  const median = times.sort((one, other) => one - other)[10] ?? 0;
  t.comment(`the first ${first.toFixed(1)} ms, the median of 20 ${median.toFixed(1)} ms`);
  t.ok(median < first, "later ones need no handshake");
});

void t.test("refusals name the object, the reason and the next command", async (t) => {
  const missing = await failureOf(admin.create({ resource: configMaps, namespace: "nowhere" }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } }));
  t.equal(missing.kind, "namespace-missing");
  t.match(missing.message, /the ConfigMap x in the namespace nowhere: there is no namespace nowhere; create it with: kubectl create namespace nowhere/);

  const absent = await failureOf(admin.get({ resource: deployments, namespace, name: "x" }));
  t.equal(absent.kind, "not-found");
  t.match(absent.message, /kubectl get deployments.apps --namespace access/);

  const quotas: ResourceKind = { apiVersion: "v1", kind: "ResourceQuota", plural: "resourcequotas" };
  const full = await plane.namespace("full");
  await admin.create({ resource: quotas, namespace: full }, { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, ...{ spec: { hard: { configmaps: "0" } } } });
  let quota: ApiError | undefined;
  let count = 0;
  // Until a controller has counted what is there, everything is refused in other words.
  await waitUntil("the quota", async () => {
    quota = await admin.create({ resource: configMaps, namespace: full }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `x${++count}` } }).then(() => undefined, (thrown: unknown) => thrown as ApiError);
    return quota?.kind === "quota";
  });
  t.equal(quota?.kind, "quota");
  t.match(quota?.message, /exceeded quota: none.*kubectl describe quota --namespace full/);

  const wrong = await failureOf(admin.create({ resource: deployments, namespace }, { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "Not_A_Name" } }));
  t.equal(wrong.kind, "invalid");
  t.match(wrong.message, /the Deployment Not_A_Name in the namespace access: the API server refuses it: .*metadata.name/);

  await admin.create({ resource: configMaps, namespace }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "twice" } });
  t.equal((await failureOf(admin.create({ resource: configMaps, namespace }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "twice" } }))).kind, "exists");
  t.equal((await failureOf(admin.patch({ resource: configMaps, namespace, name: "twice" }, "merge", { metadata: { resourceVersion: "1" }, data: { a: "b" } }))).kind, "conflict");
  const large = { data: { a: "x".repeat(1024 * 1024 + 1) } };
  t.equal((await failureOf(admin.patch({ resource: configMaps, namespace, name: "twice" }, "merge", large))).kind, "invalid", "a ConfigMap over its limit");
});

void t.test("nobody there, and somebody who does not answer", async (t) => {
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const { port } = silent.address() as { port: number };
  const path = (server: string): string => {
    const text = plane.kubeconfigText({ token: "x" }, namespace).replace(plane.server, server);
    const file = join(plane.folder, `other-${Math.random().toString(36).slice(2)}.kubeconfig`);
    writeFileSync(file, text);
    return file;
  };
  const nobody = await apiWith({ kubeconfig: path("https://127.0.0.1:1") });
  const unreachable = await failureOf(nobody.get({ resource: pods, namespace, name: "x" }));
  t.equal(unreachable.kind, "unreachable");
  t.match(unreachable.message, /cannot get the Pod x in the namespace access: the API server https:\/\/127.0.0.1:1 cannot be reached \(connect ECONNREFUSED 127.0.0.1:1\); look with: kubectl cluster-info/);
  const mute = new ApiServer(await clusterAccess({ kubeconfig: path(`https://127.0.0.1:${port}`), environment: {}, clock: systemClock }), systemClock, { timeoutMs: 100 });
  const late = await failureOf(mute.get({ resource: pods, namespace, name: "x" }));
  t.equal(late.kind, "timeout");
  t.match(late.message, /did not answer within 100 ms/);
  mute.close();
  silent.close();
});

void t.test("what this server has, and what another one would have", async (t) => {
  const here = await Discovery.of(admin);
  t.match(here.version, /^v1\.20\./);
  t.equal(here.podDisruptionBudgets.apiVersion, "policy/v1beta1");
  t.notOk(here.hasGrpcProbes);
  t.equal(here.unfit, "");
  const newer = Discovery.known("v1.31.0", 31, ["policy/v1", "apps/v1"]);
  t.equal(newer.podDisruptionBudgets.apiVersion, "policy/v1");
  t.ok(newer.hasGrpcProbes);
  t.match(Discovery.known("v1.19.1", 19, []).unfit, /v1.19.1.*at least 1.20/);
  t.throws(() => Discovery.known("v1.31.0", 31, []).podDisruptionBudgets, UserError);
});
