/**
 * Real `lintel` processes for tests: started on free ports, their ports read from what they print, stopped at
 * the end of the test. Stopping fails the test when a user's connection, a request in flight, a held byte or a
 * process is left behind. Must not know what is asked of the service.
 *
 *   const service = await startUp(t, { config: "languages: { json: { versions: [...] } }" });
 *   const worker = await startWorker(t, "json");           // worker.address for a configuration
 *   const service = await startBalancer(t, `languages: ...  workers: ["${worker.address}"]`);
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../src/base/clock.js";
import { folderWith, mainPath } from "./run-lintel.js";

/** What is used of a `Test`. */
export interface Harness {
  fail(message: string): unknown;
  teardown(callback: () => void | Promise<void>): unknown;
}

export interface ProgramOptions {
  /** What stands in front of the arguments; default the program as it was compiled. */
  readonly command?: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** How long it may take until it is ready; generous, because the machine may be busy with other tests. */
  readonly readyTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
}

export interface Program {
  readonly pid: number;
  /** What it has printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Asks it to stop and waits. Fails the test unless it exits with 0 and no process of its is left. Once; later calls do nothing. */
  readonly stop: () => Promise<void>;
}

/** A balancer, with or without workers of its own. */
export interface Service extends Program {
  /** Where users connect. */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly adminUrl: string;
  /** The configuration file, to be changed by tests of reloading; "" when it runs without one. */
  readonly configPath: string;
  /** The sum of a metric over all its series whose labels contain `labels`, such as `language="json"`. */
  readonly metric: (name: string, labels?: string) => Promise<number>;
  readonly status: () => Promise<unknown>;
  /** Resolves when no request is in flight, no byte held and, unless `connections` says so, no connection open; fails the test after some seconds. */
  readonly untilIdle: (connections?: number) => Promise<void>;
}

/** What a manager answers for. */
export interface ManagedBy {
  /** HOST:PORT, for `lintel admin --manager`. */
  readonly manager: string;
}

export interface ServiceOptions extends ProgramOptions {
  /** The configuration file's text; `http` and `admin` addresses are given by flags. */
  readonly config?: string;
  /** Default 1. */
  readonly shards?: number;
  readonly args?: readonly string[];
}

/** Longer than `lintel up` gives its workers on a machine that is busy with other things. */
const defaultReadyTimeoutMs = 60_000;
const defaultStopTimeoutMs = 60_000;
/** As long for what is over a moment later on a quiet machine: the end of what was killed, and the last connection's. */
const settleTimeoutMs = 30_000;
/** Shorter than the ten seconds after which a shard closes silent connections itself: those that a test left open must be found before. */
const idleTimeoutMs = 5_000;

/** `lintel up`: balancer and workers. Without a configuration: every built-in linter, which takes seconds to start. */
export async function startUp(t: Harness, options: ServiceOptions = {}): Promise<Service & ManagedBy> {
  const configPath = options.config === undefined ? "" : writeConfig(t, options.config);
  const config = configPath === "" ? [] : ["--config", configPath];
  const ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manager", "127.0.0.1:0", "--shards", String(options.shards ?? 1)];
  const program = await startProgram(t, ["up", ...config, ...ports, ...(options.args ?? [])], /ready at https?:\/\/(?:localhost|[\d.]+):(\d+)[^]*http:\/\/[\d.]+:(\d+)\/status[^]* --manager (\S+)/, options);
  return { ...serviceOf(t, program, configPath), manager: program.ready[3]! };
}

/** `lintel balancer --link file:…`. The configuration has to leave `http`, `admin` and `shards` out: they are added. */
export async function startBalancer(t: Harness, config: string, options: Omit<ServiceOptions, "config"> = {}): Promise<Service> {
  const ports = `http: { listen: "127.0.0.1:0" }\nadmin: { listen: "127.0.0.1:0" }\nshards: ${options.shards ?? 1}\n`;
  const configPath = writeConfig(t, ports + config);
  const ready = /"msg":"balancer ready","url":"http:\/\/[\d.]+:(\d+)","admin":(\d+)/;
  const program = await startProgram(t, ["balancer", "--link", `file:${configPath}`, ...(options.args ?? [])], ready, options);
  return serviceOf(t, program, configPath);
}

/** `lintel linter LANGUAGE`: one worker. `args` go behind the language, such as `["--", "shellcheck", "-"]`. */
export async function startWorker(t: Harness, language: string, args: readonly string[] = [], options: ProgramOptions = {}): Promise<Program & { readonly address: string }> {
  const program = await startProgram(t, ["linter", language, ...args], /"msg":"listening".*"port":(\d+)/, options);
  return { ...program, address: `127.0.0.1:${program.ready[1]!}` };
}

/** Any `lintel` command that goes on running; resolves when `ready` matches what it has printed on either stream. */
export async function startProgram(t: Harness, args: readonly string[], ready: RegExp, options: ProgramOptions = {}): Promise<Program & { readonly ready: RegExpExecArray }> {
  const [command, ...first] = options.command ?? [process.execPath, mainPath];
  const child = spawn(command, [...first, ...args], { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  void ended.then(() => process.off("exit", killAtExit));

  const name = `lintel ${args[0] ?? ""}`;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopProgram(t, name, child, ended, output, options.stopTimeoutMs ?? defaultStopTimeoutMs));
  t.teardown(stop);

  const match = await readyMatch(name, child, output, ready, options.readyTimeoutMs ?? defaultReadyTimeoutMs);
  return { pid: child.pid!, stdout: () => output.stdout, stderr: () => output.stderr, ended, kill: (signal) => void child.kill(signal), stop, ready: match };
}

async function readyMatch(name: string, child: ChildProcess, output: { stdout: string; stderr: string }, ready: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const match = ready.exec(output.stdout) ?? ready.exec(output.stderr);
    if (match !== null) return match;
    if (hasEnded(child)) throw new Error(`${name} ended before it was ready:\n${output.stdout}${output.stderr}`);
    if (performance.now() > endMs) throw new Error(`${name} was not ready after ${timeoutMs} ms:\n${output.stdout}${output.stderr}`);
    await delay(10);
  }
}

async function stopProgram(t: Harness, name: string, child: ChildProcess, ended: Program["ended"], output: { stdout: string; stderr: string }, timeoutMs: number): Promise<void> {
  if (hasEnded(child)) return;
  const family = descendantsOf(child.pid!);
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const { code, signal } = await ended;
  clearTimeout(killer);
  if (code !== 0) t.fail(`${name} should exit with 0 when told to stop, not with ${signal ?? String(code)}:\n${output.stdout}${output.stderr}`);
  // What was killed may be gone a moment later only.
  const endMs = performance.now() + settleTimeoutMs;
  while (family.some(isAlive) && performance.now() < endMs) await delay(10);
  const left = family.filter(isAlive);
  if (left.length > 0) t.fail(`${name} should leave no process behind, but there are ${left.join(", ")}`);
}

function serviceOf(t: Harness, program: Program & { readonly ready: RegExpExecArray }, configPath: string): Service {
  const [, port, adminPort] = program.ready;
  const adminUrl = `http://127.0.0.1:${adminPort!}`;
  const metric = async (name: string, labels = ""): Promise<number> => sumOf(await textOf(`${adminUrl}/metrics`), name, labels);
  const untilIdle = (connections = 0): Promise<void> => idle(t, `${adminUrl}/metrics`, connections);
  return {
    ...program,
    host: "127.0.0.1",
    port: Number(port),
    url: `http://127.0.0.1:${port!}`,
    adminUrl,
    configPath,
    metric,
    status: async () => JSON.parse(await textOf(`${adminUrl}/status`)) as unknown,
    untilIdle,
    stop: async () => {
      // First what tests leave open: a drain would wait for it, and hide it.
      if (isAlive(program.pid)) await untilIdle();
      await program.stop();
    },
  };
}

/** What must be zero when nobody uses the service, except for the connections. */
const gauges = ["lintel_shard_exchanges_in_flight", "lintel_shard_body_bytes_held", "lintel_worker_in_flight"];

async function idle(t: Harness, metricsUrl: string, connections: number): Promise<void> {
  const endMs = performance.now() + idleTimeoutMs;
  for (;;) {
    const text = await textOf(metricsUrl);
    const left = gauges.map((name) => [name, sumOf(text, name, "")] as const).filter(([, value]) => value !== 0);
    const open = sumOf(text, "lintel_shard_connections", "");
    if (left.length === 0 && open === connections) return;
    if (performance.now() > endMs) {
      t.fail(`the service should become idle with ${connections} connections, but has ${open}; ${left.map(([name, value]) => `${name} ${value}`).join(", ")}`);
      return;
    }
    await delay(10);
  }
}

function sumOf(exposition: string, name: string, labels: string): number {
  let sum = 0;
  for (const line of exposition.split("\n")) {
    const match = /^([a-z_]+)(\{.*\})? (\S+)$/.exec(line);
    if (match?.[1] === name && (match[2] ?? "").includes(labels)) sum += Number(match[3]);
  }
  return sum;
}

async function textOf(url: string): Promise<string> {
  // A connection of its own each time: one kept alive would outlive the test.
  return (await fetch(url, { headers: { connection: "close" } })).text();
}

function writeConfig(t: Harness, text: string): string {
  const folder = folderWith({ "lintel.yaml": text });
  t.teardown(() => folder.remove());
  return join(folder.path, "lintel.yaml");
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A zombie is not: it has ended, and only waits for its parent to hear of it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^\d+ \(.*\) Z/s.test(readableText(`/proc/${pid}/stat`));
}

/** Children, grandchildren and so on, where the system shows them (Linux). */
export function descendantsOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const entry of readableEntries("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readableText(`/proc/${entry}/stat`);
    const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(stat)?.[1] ?? 0);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  for (let queue = [pid]; queue.length > 0; ) {
    const children = childrenOf.get(queue.shift()!) ?? [];
    found.push(...children);
    queue.push(...children);
  }
  return found;
}

function readableEntries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readableText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
