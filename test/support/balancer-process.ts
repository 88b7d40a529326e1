/** A real `lintel balancer` process on a file, with what a test asks it. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../src/base/clock.js";
import type { BalancerStatus } from "../../src/balancer/balancer.js";
import type { WorkerStatus } from "../../src/shard/messages.js";
import { folderWith, mainPath } from "./run-lintel.js";

export interface VersionGiven {
  readonly version: string;
  readonly weight: number;
  /** Addresses. */
  readonly workers: readonly string[];
}

export interface BalancerGiven {
  readonly shards?: number;
  readonly limits?: Readonly<Record<string, number | string>>;
  readonly bodyBytesMax?: number;
  /** More of the section `http`. */
  readonly http?: Readonly<Record<string, unknown>>;
  readonly spill?: boolean;
  readonly languages: Readonly<Record<string, readonly VersionGiven[]>>;
}

/**
 * More patience than users have: on a machine that others use too, workers are slow for other reasons than those
 * that a test looks into. `limits` goes before it.
 */
const patience = { deadlineMs: "30s", attemptTimeoutMs: "5s", inFlightPerWorkerMax: 2_000 };

export class BalancerProcess {
  readonly url: string;
  readonly adminUrl: string;
  child: ChildProcess | undefined;
  log = "";
  private readonly folder = folderWith({});

  private constructor(
    readonly port: number,
    readonly adminPort: number,
    private readonly environment: Readonly<Record<string, string>>,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
  }

  /** Resolves when it is ready. `environment` comes on top of this process's own. */
  static async start(given: BalancerGiven, environment: Readonly<Record<string, string>> = {}): Promise<BalancerProcess> {
    const balancer = new BalancerProcess(await freePort(), await freePort(), environment);
    balancer.write(given);
    await balancer.spawn([]);
    return balancer;
  }

  get configPath(): string {
    return join(this.folder.path, "lintel.yaml");
  }

  /** Writes the configuration file; a running balancer sees it by itself or is told by `reload`. */
  write({ http, shards = 2, limits = {}, spill = true, languages, bodyBytesMax }: BalancerGiven): void {
    const configuration = {
      http: { listen: `127.0.0.1:${this.port}`, ...http, ...(bodyBytesMax !== undefined && { bodyBytesMax }) },
      admin: { listen: `127.0.0.1:${this.adminPort}` },
      shards,
      limits: { ...patience, ...limits },
      languages: Object.fromEntries(Object.entries(languages).map(([language, versions]) => [language, { spill, versions }])),
    };
    this.writeText(JSON.stringify(configuration, null, 1));
  }

  writeText(text: string): void {
    writeFileSync(this.configPath, text);
  }

  /** Starts one more process, as `--replace` does; the newest is `child`. */
  async spawn(flags: readonly string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [mainPath, "balancer", "--link", `file:${this.configPath}`, ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, LINTEL_LOG_LEVEL: "info", ...this.environment },
    });
    let own = "";
    const ready = (): boolean => own.includes('"balancer ready"');
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.log += text;
      own += text;
    });
    this.child = child;
    await until(() => ready() || child.exitCode !== null, 20_000, () => `the balancer to be ready; its log: ${this.log}`);
    if (!ready()) throw new Error(`the balancer ended with ${child.exitCode ?? "?"}: ${this.log}`);
    return child;
  }

  async reload(): Promise<unknown> {
    return (await fetch(`${this.adminUrl}/reload`, { method: "POST" })).json();
  }

  async status(): Promise<BalancerStatus> {
    return (await (await fetch(`${this.adminUrl}/status`)).json()) as BalancerStatus;
  }

  /** How every shard sees the worker with this id. */
  async workerStatus(id: string): Promise<WorkerStatus[]> {
    const { shards } = await this.status();
    return shards.flatMap(({ status }) => status?.workers.filter((worker) => worker.id === id) ?? []);
  }

  /** The sum over all series of one metric whose labels include `labels`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return (await this.series(name, labels)).reduce((sum, value) => sum + value, 0);
  }

  /** The highest of these series, 0 without any. */
  async metricMax(name: string): Promise<number> {
    return Math.max(0, ...(await this.series(name, {})));
  }

  private async series(name: string, labels: Readonly<Record<string, string>>): Promise<number[]> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    const wanted = lines.filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)));
    return wanted.map((line) => Number(line.slice(line.lastIndexOf(" "))));
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    }
    this.folder.remove();
  }
}

/** Waits for a condition; fails with what was waited for after `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number, what: () => string): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= endMs) throw new Error(`waited ${timeoutMs} ms for ${what()}`);
    await delay(10);
  }
}

/** Below those that the system gives to connections of its own choice (32768 and up on Linux). */
const lowestPort = 15_000;
const portsToChooseFrom = 17_000;
const triesMax = 50;

/** A port that is free now, and that no client's connection takes before it is used: load makes thousands of those. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = lowestPort + randomInt(portsToChooseFrom);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)));
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error(`none of ${triesMax} ports was free`);
}
