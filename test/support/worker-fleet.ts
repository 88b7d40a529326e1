/** Real workers as processes of their own, to be killed, paused and brought back at their address. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mainPath } from "./run-lintel.js";

export interface FleetWorker {
  readonly id: string;
  readonly version: string;
  readonly port: number;
  readonly pid: number;
}

export interface FleetOptions {
  readonly language: string;
  readonly version: string;
  /** More flags of `lintel linter`. */
  readonly flags?: readonly string[];
  /** After `--`. */
  readonly program?: readonly string[];
}

/** On a busy machine a usual queue would be full for other reasons than those that a test looks into. */
const queueDepthMax = "2000";

export class WorkerFleet {
  private readonly children = new Map<string, ChildProcess>();
  readonly workers: FleetWorker[] = [];

  /** Starts one more worker; resolves when it serves. Port 0 takes a free one. */
  async start({ language, version, flags = [], program = [] }: FleetOptions, port = 0): Promise<FleetWorker> {
    const args = [mainPath, "linter", language, "--listen", `127.0.0.1:${port}`, "--as-version", version, "--queue-depth-max", queueDepthMax, ...flags];
    if (program.length > 0) args.push("--", ...program);
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"], env: { ...process.env, LINTEL_LOG_LEVEL: "error" } });
    const listening = await new Promise<number>((resolve, reject) => {
      child.once("message", (message: { port: number }) => resolve(message.port));
      child.once("exit", (code, signal) => reject(new Error(`a worker ended with ${signal ?? code ?? "?"} before it listened`)));
    });
    const worker = { id: `127.0.0.1:${listening}`, version, port: listening, pid: child.pid ?? 0 };
    this.children.set(worker.id, child);
    const before = this.workers.findIndex(({ id }) => id === worker.id);
    if (before >= 0) this.workers[before] = worker;
    else this.workers.push(worker);
    return worker;
  }

  /** Ends a worker by `signal` and waits until it is gone. */
  async end(worker: FleetWorker, signal: NodeJS.Signals): Promise<void> {
    const child = this.children.get(worker.id);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  pause(worker: FleetWorker): void {
    this.children.get(worker.id)?.kill("SIGSTOP");
  }

  resume(worker: FleetWorker): void {
    this.children.get(worker.id)?.kill("SIGCONT");
  }

  isAlive(worker: FleetWorker): boolean {
    const child = this.children.get(worker.id);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async stop(): Promise<void> {
    await Promise.all(
      [...this.workers].map(async (worker) => {
        this.resume(worker);
        await this.end(worker, "SIGKILL");
      }),
    );
  }
}
