/** A whole Lintel on a control plane of its own: managers and balancers as processes, workers as pods, an administrator who types. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pods, type ObjectPlace, type ResourceKind } from "../../src/kubernetes/objects.js";
import type { BalancerDocument, StatusDocument, WorkerDocument } from "../../src/client/admin-documents.js";
import { freePort } from "./balancer-process.js";
import type { BalancerStatus } from "../../src/balancer/balancer.js";
import { isApiError } from "../../src/kubernetes/api-error.js";
import type { ControlPlane } from "./control-plane.js";
import { FakeKubelet } from "./fake-kubelet.js";
import { PodLinters } from "./pod-linters.js";
import { administratorOf } from "./run-admin.js";
import { type LintelRun, mainPath, runLintel } from "./run-lintel.js";
import { waitUntil } from "./wait-until.js";

const serviceAccounts: ResourceKind = { apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts" };

/** A process of Lintel's, and what it wrote. */
export class LintelProcess {
  log = "";
  private constructor(readonly child: ChildProcess) {}

  /** Resolves when it has said `ready` in its log. */
  static async start(args: readonly string[], ready: string, env: Readonly<Record<string, string>>): Promise<LintelProcess> {
    // Ends with this process, however that ends.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, mainPath, ...args], { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env, LINTEL_LOG_LEVEL: "info" } });
    const started = new LintelProcess(child);
    child.stderr.setEncoding("utf8").on("data", (text: string) => (started.log += text));
    await waitUntil(`${args.slice(0, 2).join(" ")} to be ready`, () => started.log.includes(`"${ready}"`) || child.exitCode !== null, 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${started.log}`, { cause: error });
    });
    if (child.exitCode !== null) throw new Error(`lintel ${args.join(" ")} ended with ${child.exitCode}: ${started.log}`);
    return started;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.child, "exit");
    this.child.kill(signal);
    await gone;
  }
}

export interface RunningManager {
  readonly process: LintelProcess;
  readonly address: string;
}

export interface RunningBalancer {
  readonly process: LintelProcess;
  readonly url: string;
  readonly adminUrl: string;
}

export class LintelInCluster {
  readonly linters = new PodLinters();
  readonly managers: RunningManager[] = [];
  readonly balancers: RunningBalancer[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "lintel-cluster-"));

  private constructor(
    readonly plane: ControlPlane,
    readonly namespace: string,
    readonly kubelet: FakeKubelet,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(plane: ControlPlane, namespace: string): Promise<LintelInCluster> {
    await plane.namespace(namespace);
    await (await plane.api).create({ resource: serviceAccounts, namespace }, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "lintel-linter" } });
    return LintelInCluster.in(plane, namespace, namespace);
  }

  /** In namespaces that are there, as deploy/kubernetes makes them. */
  static async in(plane: ControlPlane, namespace: string, workerNamespace: string): Promise<LintelInCluster> {
    const linters = new PodLinters();
    const kubelet = new FakeKubelet({ api: await plane.connect(), namespace: workerNamespace, run: linters.run });
    await kubelet.start();
    const cluster = new LintelInCluster(plane, namespace, kubelet, { KUBECONFIG: plane.kubeconfig(undefined, namespace) });
    Object.assign(cluster, { linters });
    return cluster;
  }

  async startManager(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<RunningManager> {
    const port = await freePort();
    const args = ["manager", "--platform", "kubernetes", "--worker-image", "lintel:test", "--listen", `127.0.0.1:${port}`, "--audit-log", join(this.folder, `audit-${port}.jsonl`), ...flags];
    const process = await LintelProcess.start(args, "manager ready", { ...this.environment, POD_NAME: `manager-${port}`, ...env });
    const manager = { process, address: `127.0.0.1:${port}` };
    this.managers.push(manager);
    return manager;
  }

  /** Follows the managers that there are. */
  async startBalancer(link = `manager:${this.managers.map(({ address }) => address).join(",")}`, env: Readonly<Record<string, string>> = {}, ...flags: readonly string[]): Promise<RunningBalancer> {
    const [port, admin] = [await freePort(), await freePort()];
    const args = ["balancer", "--link", link, "--listen", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${admin}`, "--shards", "2", "--state", this.folder, "--name", `balancer-${port}`, ...flags];
    const process = await LintelProcess.start(args, "balancer ready", { ...this.environment, ...env });
    const balancer = { process, url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${admin}` };
    this.balancers.push(balancer);
    return balancer;
  }

  /** What somebody types, to any of the managers that live. */
  admin(...words: readonly string[]): Promise<LintelRun> {
    const addresses = this.managers.filter(({ process }) => process.isAlive).map(({ address }) => address);
    return administratorOf(addresses.join(",")).tries(...words);
  }

  /** The same; throws when it does not succeed. */
  async did(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.admin(...words);
    if (code !== 0) throw new Error(`lintel admin ${words.join(" ")} ended with ${code ?? "?"}: ${stdout}${stderr}`);
    return stdout;
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse(await this.did("status", "-o", "json")) as StatusDocument;
  }

  async workers(): Promise<readonly (WorkerDocument & { readonly id: string })[]> {
    return Object.entries((await this.status()).workers).map(([id, one]) => ({ ...one, id }));
  }

  async balancersSeen(): Promise<readonly BalancerDocument[]> {
    return Object.values((await this.status()).balancers);
  }

  /** Follows no manager; has a Pod that it reports on, of its name. */
  async startBalancerOfCluster(name: string, env: Readonly<Record<string, string>> = {}, ...flags: readonly string[]): Promise<RunningBalancer> {
    const labels = { "app.kubernetes.io/part-of": "lintel", "app.kubernetes.io/component": "balancer", "lintel.dev/link": "kubernetes" };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, ...{ spec: { containers: [{ name: "balancer", image: "lintel:test" }] } } };
    await (await this.plane.api).create({ resource: pods, namespace: this.namespace }, pod).catch((thrown: unknown) => {
      if (!isApiError(thrown, "exists")) throw thrown;
    });
    return this.startBalancer("kubernetes", { POD_NAME: name, ...env }, "--name", name, ...flags);
  }

  /** What somebody types who asks the cluster and no manager. */
  clusterStatus(...words: readonly string[]): Promise<LintelRun> {
    return runLintel(["admin", "status", "--kubernetes", ...words], { env: this.environment });
  }

  /** How many workers every shard of a balancer can use. */
  async usableAt({ adminUrl }: RunningBalancer): Promise<readonly number[]> {
    const { shards } = (await (await fetch(`${adminUrl}/status`)).json()) as BalancerStatus;
    return shards.map(({ status }) => status?.workers.filter(({ state }) => state === "ready").length ?? 0);
  }

  podPlace(name: string): ObjectPlace {
    return { resource: pods, namespace: this.namespace, name };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.balancers, ...this.managers].map(({ process }) => process.end("SIGKILL")));
    this.linters.killAll();
    await this.kubelet.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
