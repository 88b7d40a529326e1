// The scrape configuration that deploy/kubernetes ships, in a real Prometheus, on the pods that its account sees at a real API server: it
// scrapes a real balancer and a real manager with the token. Debian's Prometheus is built without Kubernetes, so that the test makes
// of pods what a discovery makes of them; what follows from that is the shipped configuration's.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { ApiServer } from "../../src/kubernetes/api-server.js";
import { type ApiObject, type Pod, pods } from "../../src/kubernetes/objects.js";
import { missing } from "../interop/debian.js";
import { freePort } from "../support/balancer-process.js";
import { ControlPlane } from "../support/control-plane.js";
import { LintelInCluster, type LintelProcess } from "../support/lintel-in-cluster.js";
import { repositoryRoot } from "../support/source-module.js";
import { waitUntil } from "../support/wait-until.js";

const skip = missing("prometheus", ["prometheus", "--version"]);
const deploy = join(repositoryRoot, "deploy/kubernetes");

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
}
type Workload = ApiObject & { readonly spec?: { readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> }; readonly spec: { readonly containers: readonly Container[] } } } };
type ScrapedPod = Pod & { readonly spec?: { readonly containers: readonly Pick<Container, "ports">[] } };
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** As `kubernetes_sd_configs` with the role `pod` has it: a target for each port, what is known of its pod in labels. */
async function discovered(api: ApiServer, namespace: string): Promise<object[]> {
  const { items } = await api.list<ScrapedPod>({ resource: pods, namespace });
  return items.flatMap(({ metadata, spec, status }) => {
    const labels = Object.entries(metadata?.labels ?? {}).map(([name, value]) => [`__meta_kubernetes_pod_label_${name.replace(/[^a-zA-Z0-9_]/g, "_")}`, value] as const);
    const known = { ...Object.fromEntries(labels), __meta_kubernetes_pod_name: metadata?.name ?? "", __meta_kubernetes_pod_phase: status?.phase ?? "" };
    return (spec?.containers ?? []).flatMap(({ ports }) => ports.map(({ name, containerPort }) => ({ targets: [`${status?.podIP}:${containerPort}`], labels: { ...known, __meta_kubernetes_pod_container_port_name: name } })));
  });
}

/** On `prometheus.yml` in a folder. */
async function startPrometheus(t: Test, folder: string) {
  const port = await freePort();
  const prometheus = spawn("prometheus", [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => prometheus.kill("SIGKILL"));
  let log = "";
  prometheus.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ask = async (query: string): Promise<readonly Sample[]> => {
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => undefined);
    return reply?.ok === true ? ((await reply.json()) as { data: { result: readonly Sample[] } }).data.result : [];
  };
  return { ask, said: () => log.slice(-2_000) };
}

void t.test("Prometheus finds every balancer and manager, is let in, and nobody else is", { skip, timeout: 180_000 }, async (t) => {
  const plane = await ControlPlane.start();
  t.teardown(() => plane.stop());
  const api = await plane.api;
  plane.kubectl(["create", "namespace", "monitoring"]);
  plane.kubectl(["create", "serviceaccount", "prometheus", "--namespace", "monitoring"]);
  plane.kubectl(["apply", "-f", join(deploy, "base/namespaces.yaml")]);
  plane.kubectl(["apply", "-k", join(deploy, "prometheus")]);
  const token = "0123456789abcdef0123456789abcdef0123456789abcdef";
  const tokenFile = join(plane.folder, "metrics-token");
  writeFileSync(tokenFile, `${token}\n`);

  // The shipped pods, with the real ports of processes here. Where the flags name 9902 the test has a port of its own.
  const shipped = parseAllDocuments(plane.kubectl(["kustomize", join(deploy, "overlays/small")])).map((document) => document.toJS() as Workload);
  const podOf = async (name: string, metricsPort: number): Promise<void> => {
    const template = shipped.find(({ kind, metadata }) => kind === "Deployment" && metadata?.name === name)?.spec?.template;
    const [container] = template?.spec.containers ?? [];
    t.same(container?.args.filter((arg) => arg.startsWith("--metrics")), ["--metrics=0.0.0.0:9902", "--metrics-token-file=/etc/lintel/metrics/token"], name);
    t.equal(container?.ports.find((port) => port.name === "metrics")?.containerPort, 9902);
    const ports = container?.ports.map((port) => (port.name === "metrics" ? { ...port, containerPort: metricsPort } : port));
    const place = { resource: pods, namespace: "lintel" };
    const spec = { automountServiceAccountToken: false, containers: [{ name: "c", image: "i", ports }] };
    await api.create<ApiObject>(place, { apiVersion: "v1", kind: "Pod", metadata: { name: `${name}-x`, labels: template?.metadata.labels ?? {} }, ...{ spec } });
    await api.patch({ ...place, name: `${name}-x`, subresource: "status" }, "strategic", { status: { phase: "Running", podIP: "127.0.0.1", conditions: [{ type: "Ready", status: "True" }] } });
  };
  const flags = ["--metrics", "0.0.0.0:0", "--metrics-token-file", tokenFile];
  const cluster = await LintelInCluster.in(plane, "lintel", "lintel-linters");
  t.teardown(() => cluster.stop());
  const manager = await cluster.startManager(flags);
  const balancer = await cluster.startBalancer(undefined, {}, ...flags);
  const portOf = ({ log }: LintelProcess): number => Number(/"metrics":(\d+)/.exec(log)?.[1]);
  await podOf("lintel-manager", portOf(manager.process));
  await podOf("lintel-balancer", portOf(balancer.process));
  t.equal((await fetch(`http://127.0.0.1:${portOf(balancer.process)}/metrics`)).status, 401);

  const configuration = parse(readFileSync(join(deploy, "prometheus/prometheus.yml"), "utf8")) as { scrape_configs: [{ authorization: object; kubernetes_sd_configs?: [object] }] };
  const [job] = configuration.scrape_configs;
  t.same(job.kubernetes_sd_configs, [{ role: "pod", namespaces: { names: ["lintel"] } }]);
  t.same(job.authorization, { credentials_file: "/etc/prometheus/lintel/token" });
  const folder = join(plane.folder, "prometheus");
  mkdirSync(folder);
  const account = await plane.connect(await plane.tokenOf("monitoring", "prometheus"));
  writeFileSync(join(folder, "pods.json"), JSON.stringify(await discovered(account, "lintel")));
  delete job.kubernetes_sd_configs;
  Object.assign(job, { file_sd_configs: [{ files: ["pods.json"] }], authorization: { credentials_file: tokenFile }, scrape_interval: "1s" });
  writeFileSync(join(folder, "lintel.rules.yml"), readFileSync(join(repositoryRoot, "deploy/prometheus/lintel.rules.yml")));
  writeFileSync(join(folder, "prometheus.yml"), stringify(configuration));
  const { ask, said } = await startPrometheus(t, folder);
  await waitUntil("both to be scraped", async () => (await ask("up == 1")).length === 2, 90_000).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${said()}`, { cause: error });
  });
  const found = (await ask("up")).map(({ metric: { job: name, instance }, value: [, value] }) => ({ name, instance, value }));
  t.same(found.sort((one, other) => ((one.name ?? "") < (other.name ?? "") ? -1 : 1)), [{ name: "lintel-balancer", instance: "lintel-balancer-x", value: "1" }, { name: "lintel-manager", instance: "lintel-manager-x", value: "1" }], "by the names that rules and dashboard know");
  t.equal((await ask('lintel_manager_revision{job="lintel-manager"}')).length, 1);
  t.ok((await ask('lintel_shard_exchanges_in_flight{job="lintel-balancer"}')).length >= 1);
});
