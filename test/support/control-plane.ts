/**
 * A real control plane for a test: etcd, kube-apiserver and kube-controller-manager as processes on loopback, which a test may
 * kill, stop and start again. No kubelet: fake-kubelet.ts plays one. What it needs is built once by control-plane/build.sh.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../src/base/clock.js";
import { ApiServer } from "../../src/kubernetes/api-server.js";
import { clusterAccess } from "../../src/kubernetes/cluster-access.js";
import { type ApiObject, configMaps, type ResourceKind } from "../../src/kubernetes/objects.js";
import { freePort } from "./balancer-process.js";
import { repositoryRoot } from "./source-module.js";
import { waitUntil } from "./wait-until.js";

export type Part = "etcd" | "kube-apiserver" | "kube-controller-manager";

const namespaces: ResourceKind = { apiVersion: "v1", kind: "Namespace", plural: "namespaces" };
const serviceAccounts: ResourceKind = { apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts" };
const controllers = "deployment,replicaset,endpoint,endpointslice,garbagecollector,namespace,serviceaccount,serviceaccount-token,root-ca-cert-publisher,resourcequota,disruption";
/** On a busy machine; alone it is up in five. */
const startTimeoutMs = 120_000;

/** Where the programs are; builds them when they are nowhere. */
function programs(): string {
  const folder = process.env["LINTEL_KUBE_PROGRAMS"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lintel-control-plane-1.20.2");
  const { status } = spawnSync(join(repositoryRoot, "test/support/control-plane/build.sh"), [folder], { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error("the control plane cannot be built; what is said above tells why");
  return folder;
}

export class ControlPlane {
  private readonly children = new Map<Part, ChildProcess>();
  private readonly commands = new Map<Part, readonly string[]>();
  private readonly opened: ApiServer[] = [];
  private readonly data: string;
  readonly adminToken = randomBytes(16).toString("hex");
  readonly api: Promise<ApiServer>;

  private constructor(
    readonly folder: string,
    readonly server: string,
  ) {
    removeLeftovers();
    // In memory: etcd syncs every write, and a busy disk takes its time.
    this.data = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `lintel-etcd-${process.pid}-`));
    this.api = this.connect();
  }

  static async start(apiServerFlags: readonly string[] = []): Promise<ControlPlane> {
    const path = programs();
    const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
    const plane = new ControlPlane(mkdtempSync(join(tmpdir(), "lintel-kube-")), `https://127.0.0.1:${port}`);
    plane.writeCredentials();
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    const file = (name: string): string => join(plane.folder, name);
    plane.commands.set("etcd", [
      join(path, "etcd"), "--name=one", `--data-dir=${plane.data}`, "--logger=zap", "--log-level=warn", "--log-outputs=stderr",
      `--listen-client-urls=${etcdUrl}`, `--advertise-client-urls=${etcdUrl}`, `--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`, `--initial-cluster=one=${peerUrl}`,
      // Alone it need not wait for votes.
      "--heartbeat-interval=20", "--election-timeout=200",
    ]);
    plane.commands.set("kube-apiserver", [
      join(path, "kube-apiserver"), `--etcd-servers=${etcdUrl}`, "--bind-address=127.0.0.1", `--secure-port=${port}`, "--endpoint-reconciler-type=none",
      `--tls-cert-file=${file("server.crt")}`, `--tls-private-key-file=${file("server.key")}`, `--client-ca-file=${file("ca.crt")}`, `--token-auth-file=${file("tokens.csv")}`,
      "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc", `--service-account-key-file=${file("accounts.pub")}`, `--service-account-signing-key-file=${file("accounts.key")}`,
      "--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true", "--profiling=false", "--v=1", ...apiServerFlags,
    ]);
    plane.commands.set("kube-controller-manager", [
      join(path, "kube-controller-manager"), `--kubeconfig=${file("controllers.kubeconfig")}`, "--port=0", "--secure-port=0", "--leader-elect=false", `--controllers=${controllers}`, "--kube-api-qps=500", "--kube-api-burst=1000",
      `--service-account-private-key-file=${file("accounts.key")}`, `--root-ca-file=${file("ca.crt")}`, "--concurrent-deployment-syncs=5", "--concurrent-replicaset-syncs=5", "--profiling=false", "--v=1",
    ]);
    try {
      for (const part of plane.commands.keys()) await plane.launch(part, etcdUrl);
      const api = await plane.api;
      await waitUntil("the default namespace to have its account", async () => (await api.get({ resource: serviceAccounts, namespace: "default", name: "default" }).catch(() => undefined)) !== undefined, startTimeoutMs);
      return plane;
    } catch (error) {
      const logs = readdirSync(plane.folder).filter((name) => name.endsWith(".log")).map((name) => `${name}: ${readFileSync(file(name), "utf8").slice(-2_000)}`);
      await plane.stop();
      throw new Error(`the control plane did not start: ${String(error)}\n${logs.join("\n")}`, { cause: error });
    }
  }

  /** A file for KUBECONFIG; the administrator's when no token is given. */
  kubeconfig(token: string = this.adminToken, namespace = "default"): string {
    const path = join(this.folder, `${randomBytes(6).toString("hex")}.kubeconfig`);
    writeFileSync(path, this.kubeconfigText({ token }, namespace));
    return path;
  }

  /** A client; the administrator's when no token is given. Closed with the control plane. */
  async connect(token?: string, namespace?: string): Promise<ApiServer> {
    // The constructor calls this before the credentials are written.
    await Promise.resolve();
    const api = new ApiServer(await clusterAccess({ kubeconfig: this.kubeconfig(token, namespace), environment: {}, clock: systemClock }), systemClock);
    this.opened.push(api);
    return api;
  }

  /** A new namespace of this name. */
  async namespace(name: string): Promise<string> {
    const api = await this.api;
    await api.create({ resource: namespaces }, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await waitUntil(`the account of ${name}`, async () => (await api.get({ resource: serviceAccounts, namespace: name, name: "default" }).catch(() => undefined)) !== undefined, 60_000);
    return name;
  }

  /** A token of a service account. */
  async tokenOf(namespace: string, name: string): Promise<string> {
    const place = { resource: serviceAccounts, namespace, name, subresource: "token" };
    const reply = await (await this.api).create<ApiObject & { status?: { token: string } }>(place, { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", ...{ spec: { audiences: [], expirationSeconds: 3_600 } } });
    return reply.status!.token;
  }

  /** The folder of the programs, kubectl among them. */
  get programs(): string {
    return dirname(this.commands.get("etcd")?.[0] ?? "");
  }

  /** What kubectl prints. Throws with what it says when it does not succeed. */
  kubectl(args: readonly string[], { input = "", kubeconfig = this.kubeconfig(), env = {} }: { readonly input?: string; readonly kubeconfig?: string; readonly env?: NodeJS.ProcessEnv } = {}): string {
    const { status, stdout, stderr } = spawnSync(join(this.programs, "kubectl"), args, { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, env: { ...process.env, HOME: this.folder, ...env, KUBECONFIG: kubeconfig } });
    if (status !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${status ?? "a signal"}: ${stdout}${stderr}`);
    return stdout;
  }

  pidOf(part: Part): number {
    return this.children.get(part)?.pid ?? 0;
  }

  /** SIGSTOP and SIGCONT; ends with the process for SIGKILL. */
  async signal(part: Part, signal: NodeJS.Signals): Promise<void> {
    const child = this.children.get(part);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    if (signal === "SIGKILL") await gone;
  }

  /** Starts a part that was killed, with the same data; resolves when it serves. */
  async restart(part: Part): Promise<void> {
    await this.signal(part, "SIGKILL");
    await this.launch(part, this.flag("kube-apiserver", "--etcd-servers"));
  }

  async stop(): Promise<void> {
    for (const api of this.opened) api.close();
    for (const part of [...this.commands.keys()].reverse()) {
      this.children.get(part)?.kill("SIGCONT");
      await this.signal(part, "SIGKILL");
    }
    for (const folder of [this.data, this.folder]) rmSync(folder, { recursive: true, force: true });
  }

  private async launch(part: Part, etcdUrl: string): Promise<void> {
    const command = this.commands.get(part) ?? [];
    const log = openSync(join(this.folder, `${part}.log`), "a");
    // They end with this process, however it ends.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { stdio: ["ignore", log, log], cwd: this.folder });
    closeSync(log);
    this.children.set(part, child);
    const serves = part === "etcd" ? () => etcdLeads(etcdUrl) : part === "kube-apiserver" ? () => this.isReady() : () => Promise.resolve(true);
    await waitUntil(`${part} to serve`, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${part} ended with ${child.exitCode ?? child.signalCode ?? "?"}: ${readFileSync(join(this.folder, `${part}.log`), "utf8").slice(-3_000)}`);
      return serves();
    }, startTimeoutMs);
  }

  private async isReady(): Promise<boolean> {
    const api = await this.api;
    return api.list({ resource: configMaps, namespace: "default" }).then(() => true, () => false);
  }

  private flag(part: Part, name: string): string {
    return this.commands.get(part)?.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  }

  private writeCredentials(): void {
    mkdirSync(this.folder, { recursive: true });
    const key = (name: string): unknown => this.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
    for (const name of ["ca", "server", "accounts"]) key(name);
    this.openssl("req", "-x509", "-new", "-key", "ca.key", "-days", "30", "-subj", "/CN=test", "-out", "ca.crt", "-addext", "basicConstraints=critical,CA:TRUE");
    this.openssl("ec", "-in", "accounts.key", "-pubout", "-out", "accounts.pub");
    this.certificate("server", "/CN=kube-apiserver", "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,IP:10.0.0.1,DNS:localhost");
    const controllersToken = randomBytes(16).toString("hex");
    writeFileSync(join(this.folder, "tokens.csv"), `${this.adminToken},admin,admin,system:masters\n${controllersToken},system:kube-controller-manager,controllers,system:masters\n`);
    writeFileSync(join(this.folder, "controllers.kubeconfig"), this.kubeconfigText({ token: controllersToken }, "default"));
  }

  /** Signs NAME.crt for NAME.key, which is there. */
  certificate(name: string, subject: string, extensions: string): void {
    writeFileSync(join(this.folder, `${name}.ext`), extensions);
    this.openssl("req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
    this.openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", String(Date.now()), "-days", "30", "-out", `${name}.crt`, "-extfile", `${name}.ext`);
  }

  openssl(...args: readonly string[]): void {
    const { status, stderr } = spawnSync("openssl", args, { cwd: this.folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  }

  /** JSON is YAML, too. */
  kubeconfigText(user: object, namespace: string): string {
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { server: this.server, "certificate-authority": join(this.folder, "ca.crt") } }],
      users: [{ name: "test", user }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
    });
  }
}

/** Asked for its health before it has elected itself it would keep the answer for five seconds. */
function etcdLeads(url: string): Promise<boolean> {
  return fetch(`${url}/metrics`).then(async (reply) => (await reply.text()).includes("\netcd_server_has_leader 1"), () => false);
}

/** What a test left in memory that was killed. */
function removeLeftovers(): void {
  if (!existsSync("/dev/shm")) return;
  for (const name of readdirSync("/dev/shm")) {
    const pid = /^lintel-etcd-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join("/dev/shm", name), { recursive: true, force: true });
  }
}
