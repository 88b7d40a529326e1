// What deploy/kubernetes installs, on a real API server with a real kubectl: every manifest is accepted, the rights in them are
// what a manager needs and nothing else, and a manager that has them does all it has to.
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseAllDocuments } from "yaml";
import { type ApiObject, type Deployment, deployments, type Pod, pods, type ResourceKind } from "../../src/kubernetes/objects.js";
import { isApiError } from "../../src/kubernetes/api-error.js";
import { ControlPlane } from "../support/control-plane.js";
import { zoneOfNode } from "../support/fake-kubelet.js";
import { LintelInCluster } from "../support/lintel-in-cluster.js";
import { mainPath, runLintel, runProcess } from "../support/run-lintel.js";
import { repositoryRoot } from "../support/source-module.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const api = await plane.api;
const deploy = join(repositoryRoot, "deploy/kubernetes");
const overlay = (name: string): string => join(deploy, "overlays", name);
const leases: ResourceKind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", plural: "leases" };
const secrets: ResourceKind = { apiVersion: "v1", kind: "Secret", plural: "secrets" };
const configMaps: ResourceKind = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps" };
const rulesReviews: ResourceKind = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", plural: "selfsubjectrulesreviews" };

type Container = { readonly args?: readonly string[]; readonly image: string; readonly securityContext: object };
type Manifest = ApiObject & { readonly spec?: { readonly template?: { readonly spec: { readonly containers: readonly Container[]; readonly securityContext: object; readonly automountServiceAccountToken: boolean } } } };

function built(name: string): Manifest[] {
  return parseAllDocuments(plane.kubectl(["kustomize", overlay(name)])).map((document) => document.toJS() as Manifest);
}

void t.test("every overlay is accepted", (t) => {
  plane.kubectl(["apply", "-f", join(deploy, "base/namespaces.yaml")]);
  for (const name of ["small", "balancers-alone", "highly-available-1.20"]) {
    const said = plane.kubectl(["apply", "--dry-run=server", "--validate=true", "-k", overlay(name)]);
    t.equal(said.trim().split("\n").filter((line) => /(created|configured|unchanged) \(server dry run\)$/.test(line)).length, built(name).length, `${name}: ${built(name).length} objects`);
  }
  // This server is too old for one kind of it alone.
  const newer = built("highly-available").filter((manifest) => manifest.apiVersion !== "policy/v1");
  t.match(plane.kubectl(["apply", "--dry-run=server", "--validate=true", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: newer }) }), /lintel-balancer/);
  t.same(built("highly-available").map(({ kind, metadata }) => `${kind} ${metadata?.name}`), built("highly-available-1.20").map(({ kind, metadata }) => `${kind} ${metadata?.name}`));
  t.end();
});

void t.test("every container is locked down, and only managers have a token", (t) => {
  for (const { kind, metadata, spec } of built("highly-available")) {
    if (kind !== "Deployment") continue;
    const name = metadata?.name ?? "";
    const pod = spec?.template?.spec;
    t.match(pod?.securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } }, name);
    t.equal(pod?.automountServiceAccountToken, name === "lintel-manager", name);
    for (const { securityContext, image } of pod?.containers ?? []) {
      t.same(securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } }, name);
      t.match(image, /^lintel:\d/, "an image with a version");
    }
  }
  t.end();
});

type Rule = { readonly verbs: readonly string[]; readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly resourceNames?: readonly string[] };

/** Everything that an account may do in a namespace, but for what everybody may: to ask what it may. */
async function rightsOf(account: string, namespace: string): Promise<string[]> {
  const own = await plane.connect(await plane.tokenOf(...(account.split("/") as [string, string])));
  const review = await own.create<ApiObject & { status?: { resourceRules: readonly Rule[] } }>({ resource: rulesReviews }, { apiVersion: rulesReviews.apiVersion, kind: rulesReviews.kind, ...{ spec: { namespace } } });
  return (review.status?.resourceRules ?? [])
    .flatMap(({ verbs, apiGroups, resources, resourceNames = [] }) => resources.map((resource) => `${verbs.join(",")} ${resource}${apiGroups.join(",") === "" ? "" : `.${apiGroups.join(",")}`}${resourceNames.length === 0 ? "" : ` ${resourceNames.join(",")}`}`))
    .filter((line) => !line.includes("selfsubject"))
    .sort();
}

void t.test("the rights are these, and no others", async (t) => {
  plane.kubectl(["apply", "-k", overlay("small")]);
  t.same(await rightsOf("lintel/lintel-manager", "lintel"), ["get,list,watch,patch configmaps lintel-configuration,lintel-fleet", "get,update leases.coordination.k8s.io lintel-manager", "list,watch nodes", "list,watch pods"]);
  t.same(await rightsOf("lintel/lintel-manager", "lintel-linters"), ["get,list,watch,create,patch,delete deployments.apps", "list,watch nodes", "list,watch pods", "list,watch,create,patch,delete poddisruptionbudgets.policy", "patch deployments/scale.apps"]);
  t.same(await rightsOf("lintel/lintel-manager", "default"), ["list,watch nodes"]);
  for (const account of ["lintel/lintel-balancer", "lintel-linters/lintel-linter"]) {
    for (const namespace of ["lintel", "lintel-linters", "kube-system"]) t.same(await rightsOf(account, namespace), [], `${account} in ${namespace}`);
  }
  const manager = await plane.connect(await plane.tokenOf("lintel", "lintel-manager"));
  const forbidden: (() => Promise<unknown>)[] = [
    () => manager.delete({ resource: leases, namespace: "lintel", name: "lintel-manager" }),
    () => manager.list({ resource: secrets, namespace: "lintel" }),
    () => manager.list({ resource: configMaps, namespace: "lintel" }),
    () => manager.delete({ resource: configMaps, namespace: "lintel", name: "lintel-configuration" }),
    () => manager.list({ resource: deployments, namespace: "lintel" }),
    () => manager.create({ resource: pods, namespace: "lintel-linters" }, { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } }),
  ];
  for (const attempt of forbidden) {
    const outcome = await attempt().then(() => "done", (thrown: unknown) => (isApiError(thrown, "forbidden") ? "forbidden" : String(thrown)));
    t.equal(outcome, "forbidden");
  }
});

void t.test("with just these rights a manager does all it has to; without them --check says what is missing", { timeout: 120_000 }, async (t) => {
  const kubeconfig = plane.kubeconfig(await plane.tokenOf("lintel", "lintel-manager"), "lintel");
  const [container] = built("small").find(({ kind, metadata }) => kind === "Deployment" && metadata?.name === "lintel-manager")?.spec?.template?.spec.containers ?? [];
  const shipped = (container?.args ?? []).filter((arg) => /^--(platform|store|worker-namespace|audit-log)=/.test(arg));
  t.equal(shipped.length, 4);
  const check = await runLintel(["manager", ...shipped, "--check"], { env: { KUBECONFIG: kubeconfig } });
  t.equal(check.code, 0, check.stdout + check.stderr);
  t.match(check.stdout, /everything that a manager needs is there/);
  const stranger = await runLintel(["manager", ...shipped, "--check"], { env: { KUBECONFIG: plane.kubeconfig(await plane.tokenOf("lintel", "default"), "lintel") } });
  t.equal(stranger.code, 1);
  t.match(stranger.stdout, /missing {2}may not create deployments\.apps in the namespace lintel-linters; apply the Roles of deploy\/kubernetes, then look with: kubectl auth can-i create deployments\.apps --namespace lintel-linters/);

  const cluster = await LintelInCluster.in(plane, "lintel", "lintel-linters");
  t.teardown(() => cluster.stop());
  const { process } = await cluster.startManager(shipped.filter((arg) => /worker-namespace|store/.test(arg)), { KUBECONFIG: kubeconfig });
  await cluster.did("register", "json", "1.0", "--builtin", "json", "--weight", "100", "--replicas", "1");
  const listening = async (): Promise<number> => (await cluster.workers()).filter(({ state }) => state === "listening").length;
  await waitUntil("its worker", async () => (await listening()) === 1, 60_000);
  t.same((await cluster.workers()).map(({ zone }) => zone), [zoneOfNode], "with the zone of its node");
  await cluster.did("scale", "json", "1.0", "2");
  await waitUntil("two workers", async () => (await listening()) === 2, 60_000);
  await cluster.did("weights", "json", "1.0=0");
  await cluster.did("unregister", "json", "1.0");
  await waitUntil("everything of it to be gone", async () => (await api.list<Deployment>({ resource: deployments, namespace: "lintel-linters" })).items.length === 0, 60_000);
  t.notMatch(process.log, /forbidden/i);
  // What an administrator applies again takes nothing away.
  plane.kubectl(["apply", "-k", overlay("small")]);
  t.equal((await cluster.status()).revision, 4);
});

void t.test("balancers without a manager have just the rights they need, and do with them", { timeout: 120_000 }, async (t) => {
  plane.kubectl(["apply", "-k", overlay("balancers-alone")]);
  t.teardown(() => plane.kubectl(["apply", "-k", overlay("small")]));
  t.same(await rightsOf("lintel/lintel-balancer", "lintel"), ["get,list,watch configmaps lintel-configuration", "patch pods/status"]);
  t.same(await rightsOf("lintel/lintel-balancer", "lintel-linters"), ["list,watch pods"]);
  const pod = built("balancers-alone").find(({ kind, metadata }) => kind === "Deployment" && metadata?.name === "lintel-balancer")?.spec?.template?.spec;
  t.same((pod as { volumes?: readonly { name: string }[] } | undefined)?.volumes?.map(({ name }) => name).sort(), ["metrics", "settings", "state", "tmp"]);
  const args = pod?.containers[0]?.args ?? [];
  const cluster = await LintelInCluster.in(plane, "lintel", "lintel-linters");
  t.teardown(() => cluster.stop());
  const env = { KUBECONFIG: plane.kubeconfig(await plane.tokenOf("lintel", "lintel-balancer"), "lintel") };
  const { process } = await cluster.startBalancerOfCluster("balancer-shipped", env, ...args.filter((arg) => arg.startsWith("--worker-namespace=")));
  const link = args.find((arg) => arg.startsWith("--link="));
  t.equal(link, "--link=kubernetes:lintel-configuration");
  await waitUntil("its report", async () => (await api.get<Pod>({ resource: pods, namespace: "lintel", name: "balancer-shipped" })).status?.conditions?.some(({ type, message }) => type === "lintel.dev/report" && message?.includes('"acked":4')) === true);
  t.notMatch(process.log, /forbidden/i);
});

void t.test("secrets.sh makes what managers and balancers need, once", async (t) => {
  const kubeconfig = plane.kubeconfig();
  const run = (...args: readonly string[]) => spawnSync(join(deploy, "secrets.sh"), args, { encoding: "utf8", env: { ...process.env, KUBECONFIG: kubeconfig, PATH: `${plane.programs}:${process.env["PATH"] ?? ""}` } });
  const first = run();
  t.equal(first.status, 0, first.stdout + first.stderr);
  const tokens = async (): Promise<unknown> => (await api.get<ApiObject & { data: object }>({ resource: secrets, namespace: "lintel", name: "lintel-tokens" })).data;
  const before = await tokens();
  const second = run();
  t.match(second.stdout, /are there already/);
  t.same(await tokens(), before);
  t.match(run("token").stdout, /^[0-9a-f]{48}\n$/);
  t.match(run("metrics-token").stdout, /^[0-9a-f]{48}\n$/);
  const named = built("small").flatMap(({ kind, spec }) => (kind === "Deployment" ? [...JSON.stringify(spec).matchAll(/"secretName":"([^"]+)"/g)].map(([, name]) => name ?? "") : []));
  t.ok(named.length > 0);
  for (const name of new Set(named)) {
    const found = await api.get({ resource: secrets, namespace: "lintel", name }).catch((thrown: unknown) => isApiError(thrown, "not-found") ? undefined : Promise.reject(thrown as Error));
    t.ok(found, `the Secret ${name} that a pod mounts is there`);
  }
});

void t.test("kubectl lintel reaches a manager with the certificate and the token of secrets.sh", { timeout: 60_000 }, async (t) => {
  const folder = join(plane.folder, "forwarding");
  mkdirSync(folder);
  const { data: tls } = await api.get<ApiObject & { data: Record<string, string> }>({ resource: secrets, namespace: "lintel", name: "lintel-manager-tls" });
  const { data: tokens } = await api.get<ApiObject & { data: Record<string, string> }>({ resource: secrets, namespace: "lintel", name: "lintel-tokens" });
  for (const [name, value] of Object.entries({ ...tls, ...tokens })) writeFileSync(join(folder, name), Buffer.from(value, "base64"), { mode: 0o600 });
  const cluster = await LintelInCluster.in(plane, "lintel", "lintel-linters");
  t.teardown(() => cluster.stop());
  const env = { KUBECONFIG: plane.kubeconfig(await plane.tokenOf("lintel", "lintel-manager"), "lintel") };
  const { address } = await cluster.startManager(["--worker-namespace", "lintel-linters", "--tls-cert", join(folder, "tls.crt"), "--tls-key", join(folder, "tls.key"), "--tokens-file", join(folder, "tokens")], env);
  // There is no kubelet that could forward a port; all else is kubectl's.
  writeFileSync(join(folder, "kubectl"), `#!/bin/sh\ncase "$*" in *port-forward*) echo "Forwarding from ${address} -> 9900"; exec sleep 60;; esac\nexec ${join(plane.programs, "kubectl")} "$@"\n`, { mode: 0o755 });
  symlinkSync(mainPath, join(folder, "lintel"));
  const plugin = await runProcess(join(deploy, "kubectl-lintel"), ["status"], { env: { KUBECONFIG: plane.kubeconfig(), PATH: `${folder}:${process.env["PATH"] ?? ""}` } });
  t.equal(plugin.code, 0, plugin.stderr);
  t.equal(plugin.stderr, "");
  t.match(plugin.stdout, /^revision 4 in .*lintel-configuration/);
});

void t.test("kubectl lintel is lintel admin", (t) => {
  const folder = join(plane.folder, "bin");
  mkdirSync(folder);
  symlinkSync(mainPath, join(folder, "lintel"));
  const env = { PATH: `${folder}:${deploy}:${plane.programs}:${process.env["PATH"] ?? ""}` };
  const said = plane.kubectl(["lintel", "status", "--kubernetes", "--namespace", "lintel", "--worker-namespace", "lintel-linters"], { env });
  t.match(said, /^revision 4 in .*lintel-configuration.*namespace lintel-linters/);
  t.throws(() => plane.kubectl(["lintel", "status", "--kubernetes", "--namespace", "nowhere"], { env }), /ended with 1: lintel: cannot get the ConfigMap lintel-configuration in the namespace nowhere/);
  t.end();
});
