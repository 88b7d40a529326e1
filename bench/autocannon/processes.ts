/** Starts processes on chosen cores and ends every one of them with the benchmark. Must not know what they do. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadResult } from "./load-result.js";
import type { Ready } from "./processes/child-side.js";

export type NodeProcess = "static-worker" | "floor" | "bare" | "paced" | "idle" | "autocannon" | "grpc-js-worker";

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it printed last. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

interface StartOptions {
  /** As taskset takes them: "0" or "2-3"; "" for any. */
  readonly cores: string;
  readonly hasChannel?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Processes {
  private readonly children = new Set<ChildProcess>();
  private files = 0;

  /** `folder` is for the options of processes: sources do not fit into an argument. */
  constructor(private readonly folder: string) {
    process.on("exit", () => this.killAll());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        this.killAll();
        process.exit(130);
      });
    }
  }

  /** Starts a program; what it prints on standard error is kept to tell why it ended. */
  start(command: string, args: readonly string[], { cores, hasChannel = false, environment = {} }: StartOptions): Running {
    const [program, ...rest] = cores === "" ? [command, ...args] : ["taskset", "-c", cores, command, ...args];
    const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe", ...(hasChannel ? ["ipc" as const] : [])], env: { ...process.env, ...environment } });
    this.children.add(child);
    let output = "";
    const keep = (text: string): void => void (output = (output + text).slice(-keptOutputChars));
    child.stdout?.setEncoding("utf8").on("data", keep);
    child.stderr?.setEncoding("utf8").on("data", keep);
    child.once("error", (error) => keep(error.message));
    child.once("exit", () => this.children.delete(child));
    return { pid: child.pid ?? 0, child, output: () => output, stop: () => stop(child) };
  }

  /** Starts one of the programs in processes/ that serve; resolves when it does. */
  async serve(name: NodeProcess, options: object, cores: string): Promise<Running & Ready> {
    const running = this.startNode(name, options, cores);
    const ready = await firstMessage<Ready>(running.child, () => `${name} ended before it served: ${running.output()}`);
    return { ...running, ports: ready.ports };
  }

  /** Runs one of the programs in processes/ that make load. */
  async load(name: NodeProcess, options: object, cores: string): Promise<LoadResult> {
    const running = this.startNode(name, options, cores);
    const result = await firstMessage<LoadResult>(running.child, () => `${name} ended without a result: ${running.output()}`);
    await running.stop();
    return result;
  }

  /** Runs a program to its end and returns what it printed. */
  async run(command: string, args: readonly string[], cores: string): Promise<string> {
    const running = this.start(command, args, { cores });
    const [code] = (await once(running.child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${command} ended with ${code ?? "a signal"}: ${running.output()}`);
    return running.output();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.children].map(stop));
  }

  private startNode(name: NodeProcess, options: object, cores: string): Running {
    const path = fileURLToPath(new URL(`processes/${name}.js`, import.meta.url));
    const optionsPath = join(this.folder, `${name}-${++this.files}.json`);
    writeFileSync(optionsPath, JSON.stringify(options));
    return this.start(process.execPath, [path, optionsPath], { cores, hasChannel: true });
  }

  private killAll(): void {
    for (const child of this.children) child.kill("SIGKILL");
  }
}

const keptOutputChars = 20_000;

function firstMessage<T>(child: ChildProcess, why: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("message", (message: T) => resolve(message));
    child.once("exit", () => reject(new Error(why())));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
