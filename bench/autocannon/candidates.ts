/** Starts what is measured: Lintel's balancer, its floor, and its peers, each on the balancer's cores. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { CollectionCounter, noCollections, type Collections } from "./collections.js";
import { haproxyConfiguration, nginxConfiguration } from "./peer-configurations.js";
import type { BareOptions } from "./processes/bare.js";
import type { FloorOptions } from "./processes/floor.js";
import type { Processes, Running } from "./processes.js";

/** Who can be measured, in the order of tables. `haproxy-h2` speaks HTTP/2 to its servers. */
export const candidateNames = ["floor", "bare", "bare-grpc-js", "lintel", "haproxy", "haproxy-h2", "nginx"] as const;
export type CandidateName = (typeof candidateNames)[number];

/** One language with its workers, as a balancer's file has it. */
export interface LanguageGiven {
  readonly language: string;
  readonly versions: readonly { readonly version: string; readonly workers: readonly number[] }[];
}

export interface CandidateGiven {
  readonly shards: number;
  readonly reportBytes: number;
  /** Workers that speak gRPC. */
  readonly languages: readonly LanguageGiven[];
  /** The same number of HTTP/1.1 servers, for the peers. */
  readonly http1: readonly number[];
  /** Which main.js to start as Lintel, with flags for Node before it. */
  readonly mainPath: string;
  readonly nodeFlags?: readonly string[];
}

export interface Candidate {
  readonly port: number;
  readonly pid: number;
  /** All it printed. */
  readonly output: () => string;
  /** So far; none unless it was started with --trace-gc. */
  readonly collections: () => Collections;
  /** Makes the weights of every version other ones, where there are weights. */
  readonly reweigh?: (weight: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface CandidateStarter {
  readonly processes: Processes;
  readonly cores: string;
  readonly folder: string;
}

export function startCandidate(name: CandidateName, given: CandidateGiven, starter: CandidateStarter): Promise<Candidate> {
  switch (name) {
    case "floor":
      return serve("floor", { count: 1, reportBytes: given.reportBytes, replyLater: true } satisfies FloorOptions, starter);
    case "bare":
      return serve("bare", { client: "own", workers: portsOf(given) } satisfies BareOptions, starter);
    case "bare-grpc-js":
      return serve("bare", { client: "grpc-js", workers: portsOf(given) } satisfies BareOptions, starter);
    case "lintel":
      return startLintel(given, starter);
    case "nginx":
      return startPeer("nginx", ["-c"], (port, folder) => nginxConfiguration({ port, servers: given.http1, folder }), starter);
    case "haproxy":
      return startPeer("haproxy", ["-db", "-f"], (port, folder) => haproxyConfiguration({ port, servers: given.http1, folder }, false), starter);
    case "haproxy-h2":
      return startPeer("haproxy", ["-db", "-f"], (port, folder) => haproxyConfiguration({ port, servers: portsOf(given), folder }, true), starter);
  }
}

function portsOf({ languages }: CandidateGiven): number[] {
  return languages.flatMap(({ versions }) => versions.flatMap(({ workers }) => workers));
}

async function serve(name: "floor" | "bare", options: object, { processes, cores }: CandidateStarter): Promise<Candidate> {
  const { pid, ports, stop, output } = await processes.serve(name, options, cores);
  return { port: ports[0]!, pid, stop, output, collections: () => noCollections };
}

async function startLintel(given: CandidateGiven, { processes, cores, folder }: CandidateStarter): Promise<Candidate> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const configPath = join(mkdtempSync(join(folder, "lintel-")), "lintel.yaml");
  const write = (weight: number): void => writeFileSync(configPath, JSON.stringify(lintelConfiguration(given, port, adminPort, weight)));
  write(1);
  const running = processes.start(process.execPath, [...(given.nodeFlags ?? []), given.mainPath, "balancer", "--link", `file:${configPath}`], { cores, environment: { LINTEL_LOG_LEVEL: "info" } });
  const counter = new CollectionCounter();
  running.child.stdout?.on("data", (text: string) => counter.add(text));
  await untilUp(running, () => running.output().includes(`"balancer ready"`));
  const reweigh = async (weight: number): Promise<void> => {
    write(weight);
    const answer = await fetch(`http://127.0.0.1:${adminPort}/reload`, { method: "POST" });
    if (!answer.ok) throw new Error(`the reload failed: ${await answer.text()}`);
  };
  return { port, pid: running.pid, stop: running.stop, output: running.output, collections: () => counter.counts, reweigh };
}

/** Everything on; only what bounds a single client's flood is wider than its default. */
function lintelConfiguration({ shards, languages }: CandidateGiven, port: number, adminPort: number, firstWeight: number): object {
  return {
    http: { listen: `127.0.0.1:${port}` },
    admin: { listen: `127.0.0.1:${adminPort}` },
    shards,
    limits: { inFlightPerWorkerMax: 4_096 },
    languages: Object.fromEntries(
      languages.map(({ language, versions }) => [
        language,
        { versions: versions.map(({ version, workers }, index) => ({ version, weight: index === 0 ? firstWeight : 1, workers: workers.map((worker) => `127.0.0.1:${worker}`) })) },
      ]),
    ),
  };
}

async function startPeer(
  command: string,
  flags: readonly string[],
  configuration: (port: number, folder: string) => string,
  { processes, cores, folder }: CandidateStarter,
): Promise<Candidate> {
  const port = await freePort();
  const own = mkdtempSync(join(folder, `${command}-`));
  for (const name of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) mkdirSync(join(own, name));
  const path = join(own, "peer.conf");
  writeFileSync(path, configuration(port, own));
  const running = processes.start(command, [...flags, path], { cores });
  await untilUp(running, () => isListening(port));
  return { port, pid: running.pid, stop: running.stop, output: running.output, collections: () => noCollections };
}

const startTimeoutMs = 30_000;

async function untilUp({ child, output }: Running, isUp: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + startTimeoutMs;
  while (!(await isUp())) {
    if (child.exitCode !== null || performance.now() > endMs) throw new Error(`a candidate did not start: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isListening(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "x" });
    return true;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
