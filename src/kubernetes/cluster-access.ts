/**
 * Where the API server is and who we are there: from a kubeconfig, or from what a pod finds in its service account's
 * folder. Must not know requests.
 */
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import type { Clock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import { ExecCredentials } from "./exec-credential.js";

export interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface ClusterAccess {
  /** "https://10.0.0.1:443", without a slash at its end. */
  readonly server: string;
  /** Where this program's own objects are when nothing else is said. */
  readonly namespace: string;
  /** For messages: "the kubeconfig /home/a/.kube/config, context lintel". */
  readonly source: string;
  readonly tls: () => Promise<TlsSettings>;
  /** The Authorization header, or "" when the certificate says who we are. */
  readonly authorization: () => Promise<string>;
  /** The API server said 401: whatever was kept is asked for anew. */
  readonly refuse: () => void;
}

export interface AccessOptions {
  /** Not given: KUBECONFIG, else a pod's own account, else ~/.kube/config. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** For tests: where a pod's account is. */
  readonly accountFolder?: string;
}

const defaultAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
/** A bound token is renewed by the kubelet at 80 % of its life, an hour or more; reading it again each minute is early enough. */
const tokenKeptMs = 60_000;

/** Throws a UserError that says where it looked. */
export async function clusterAccess(options: AccessOptions): Promise<ClusterAccess> {
  const { environment, accountFolder = defaultAccountFolder } = options;
  const given = options.kubeconfig ?? environment["KUBECONFIG"]?.split(delimiter).find((path) => path !== "" && existsSync(path));
  if (given !== undefined) return fromKubeconfig(given, options);
  if (environment["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(join(accountFolder, "token"))) return inCluster(accountFolder, options);
  const usual = join(homedir(), ".kube/config");
  if (existsSync(usual)) return fromKubeconfig(usual, options);
  throw new UserError(`no way to a Kubernetes cluster: KUBECONFIG is not set, there is no ${usual}, and this is no pod with a service account's token (${accountFolder}); give --kubeconfig PATH`);
}

async function inCluster(folder: string, { environment, clock }: AccessOptions): Promise<ClusterAccess> {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT_HTTPS"] ?? environment["KUBERNETES_SERVICE_PORT"] ?? "443";
  const ca = await readFile(join(folder, "ca.crt"), "utf8").catch(() => undefined);
  const token = new TokenFile(join(folder, "token"), clock);
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: (await readFile(join(folder, "namespace"), "utf8").catch(() => "default")).trim(),
    source: `this pod's service account (${folder})`,
    tls: () => Promise.resolve(ca === undefined ? {} : { ca }),
    authorization: () => token.bearer(),
    refuse: () => token.forget(),
  };
}

/** A token that somebody else renews in its file. */
class TokenFile {
  private kept: { readonly token: string; readonly untilMs: number } | undefined;

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  async bearer(): Promise<string> {
    const { kept, clock } = this;
    if (kept !== undefined && clock.nowMs() < kept.untilMs) return kept.token;
    try {
      const token = `Bearer ${(await readFile(this.path, "utf8")).trim()}`;
      this.kept = { token, untilMs: clock.nowMs() + tokenKeptMs };
      return token;
    } catch (thrown) {
      throw new UserError(`the token ${this.path} cannot be read: ${messageOf(thrown)}`, 1);
    }
  }

  forget(): void {
    this.kept = undefined;
  }
}

interface NamedCluster {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
}

interface NamedUser {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly exec?: { readonly apiVersion?: string; readonly command: string; readonly args?: readonly string[] | null; readonly env?: readonly { readonly name: string; readonly value: string }[] | null; readonly installHint?: string };
  readonly "auth-provider"?: { readonly name?: string };
}

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string; readonly context: { readonly cluster: string; readonly user: string; readonly namespace?: string } }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: NamedCluster }[];
  readonly users?: readonly { readonly name: string; readonly user: NamedUser }[];
}

async function fromKubeconfig(path: string, { context: wanted, clock }: AccessOptions): Promise<ClusterAccess> {
  const file = await readKubeconfig(path);
  const contextName = wanted ?? file["current-context"] ?? "";
  const context = named(file.contexts, contextName, "context", path).context;
  const cluster = named(file.clusters, context.cluster, "cluster", path).cluster;
  const user = context.user === "" ? {} : named(file.users, context.user, "user", path).user;
  if (cluster.server === undefined) throw new UserError(`the kubeconfig ${path} has no server for the cluster ${context.cluster}`);
  if (cluster["proxy-url"] !== undefined) throw new UserError(`the kubeconfig ${path} asks for a proxy (proxy-url), which this program does not speak; use a context that reaches the API server directly`);
  if (user["auth-provider"] !== undefined) throw new UserError(`the kubeconfig ${path} uses the auth-provider ${user["auth-provider"].name ?? ""}, which Kubernetes no longer has; log in with a program (exec) or a token instead`);
  const folder = dirname(resolve(path));
  const exec = execOf(user, folder, clock);
  const token = user.tokenFile === undefined ? undefined : new TokenFile(resolve(folder, user.tokenFile), clock);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    namespace: context.namespace ?? "default",
    source: `the kubeconfig ${path}, context ${contextName}`,
    tls: () => tlsOf(cluster, user, folder, exec),
    authorization: () => authorizationOf(user, token, exec),
    refuse: () => {
      exec?.forget();
      token?.forget();
    },
  };
}

async function readKubeconfig(path: string): Promise<Kubeconfig> {
  try {
    const value: unknown = parse(await readFile(path, "utf8"));
    if (typeof value !== "object" || value === null) throw new Error("it is empty");
    return value;
  } catch (thrown) {
    throw new UserError(`the kubeconfig ${path} cannot be read: ${messageOf(thrown)}`);
  }
}

function named<T extends { readonly name: string }>(all: readonly T[] | undefined, name: string, what: string, path: string): T {
  const found = all?.find((one) => one.name === name);
  if (found !== undefined) return found;
  const there = (all ?? []).map((one) => one.name).join(", ") || "none";
  throw new UserError(name === "" ? `the kubeconfig ${path} has no current-context; choose one (kubectl config use-context NAME) of: ${there}` : `the kubeconfig ${path} has no ${what} ${name}; it has: ${there}`);
}

function execOf({ exec }: NamedUser, folder: string, clock: Clock): ExecCredentials | undefined {
  if (exec === undefined) return undefined;
  const { apiVersion = "client.authentication.k8s.io/v1", command, args, env, installHint = "" } = exec;
  const environment = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  // A relative path with a slash counts from the kubeconfig; a plain name is looked up in PATH.
  return new ExecCredentials({ apiVersion, command: command.includes("/") ? resolve(folder, command) : command, args: args ?? [], environment, installHint }, clock);
}

async function tlsOf(cluster: NamedCluster, user: NamedUser, folder: string, exec: ExecCredentials | undefined): Promise<TlsSettings> {
  const ca = await pem(cluster["certificate-authority-data"], cluster["certificate-authority"], folder);
  const helper = exec === undefined ? undefined : await exec.get();
  const cert = helper?.certificate ?? (await pem(user["client-certificate-data"], user["client-certificate"], folder));
  const key = helper?.key ?? (await pem(user["client-key-data"], user["client-key"], folder));
  if (cert !== undefined) checkCertificate(cert);
  const servername = cluster["tls-server-name"];
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(cluster["insecure-skip-tls-verify"] === true && { rejectUnauthorized: false }),
  };
}

async function pem(data: string | undefined, path: string | undefined, folder: string): Promise<string | undefined> {
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  if (path === undefined) return undefined;
  const file = resolve(folder, path);
  return readFile(file, "utf8").catch((thrown: unknown) => {
    throw new UserError(`the kubeconfig names ${file}, which cannot be read: ${messageOf(thrown)}`);
  });
}

/** OpenSSL's own words for this are "no start line". */
function checkCertificate(cert: string): void {
  try {
    new X509Certificate(cert);
  } catch {
    throw new UserError("the kubeconfig's client certificate is no certificate; log in to the cluster again, or fetch the kubeconfig anew");
  }
}

async function authorizationOf({ token, username, password }: NamedUser, file: TokenFile | undefined, exec: ExecCredentials | undefined): Promise<string> {
  if (file !== undefined) return file.bearer();
  if (token !== undefined) return `Bearer ${token}`;
  const helper = exec === undefined ? undefined : await exec.get();
  if (helper?.token !== undefined) return `Bearer ${helper.token}`;
  return username === undefined ? "" : `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
}
