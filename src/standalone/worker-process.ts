/**
 * One worker process on this machine: started, watched, started again after a growing pause when it ends.
 * Must not know balancers or snapshots.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Clock, Timer } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { ownCommand } from "../base/program.js";
import type { RunConfiguration } from "../snapshot/configuration.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";

/** What to run. Two specifications with the same text are the same worker. */
export interface WorkerSpecification {
  /** Unique among the workers: "python-0.17.3-1". */
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly run: RunConfiguration;
  readonly sourceBytesMax: number;
}

export interface WorkerProcessOptions {
  /** The pause before the first restart; doubles while the process keeps ending within `calmMs`. */
  readonly restartDelayMs: number;
  readonly restartDelayMaxMs: number;
  readonly calmMs: number;
  /** How long a stopping worker may take before it is killed. */
  readonly stopTimeoutMs: number;
}

export const defaultWorkerProcessOptions: WorkerProcessOptions = {
  // A crash is mended before most users' second request; a worker that cannot start does not burn a core.
  restartDelayMs: 100,
  restartDelayMaxMs: 10_000,
  calmMs: 10_000,
  stopTimeoutMs: 10_000,
};

export class WorkerProcess {
  /** Where it listens; undefined while it does not. */
  endpoint: WorkerEndpoint | undefined;
  restarts = 0;

  private child: ChildProcess | undefined;
  private timer: Timer | undefined;
  private stopping = false;
  private startedMs = 0;
  private delayMs: number;

  constructor(
    readonly specification: WorkerSpecification,
    private readonly options: WorkerProcessOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** Called when it listens, also after a restart. */
    private readonly onListening: (worker: WorkerProcess) => void,
  ) {
    this.delayMs = options.restartDelayMs;
    this.spawn();
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Does not start it again when it ends. */
  freeze(): void {
    this.stopping = true;
    this.clock.clear(this.timer);
  }

  /** Asks the process to finish what it has and go; kills it when it does not. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.freeze();
    const { child } = this;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const killer = this.clock.after(this.options.stopTimeoutMs, () => child.kill("SIGKILL"));
    await ended;
    this.clock.clear(killer);
  }

  private spawn(): void {
    const { specification } = this;
    this.startedMs = this.clock.nowMs();
    const [program, ...args] = ownCommand(["linter", ...argumentsFor(specification)]);
    const child = spawn(program, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...specification.run.environment },
    });
    this.child = child;
    child.on("message", (message: unknown) => {
      const port = listeningPort(message);
      if (port === undefined || this.stopping) return;
      this.endpoint = { id: specification.id, host: "127.0.0.1", port };
      this.onListening(this);
    });
    child.once("error", (error) => this.logger.error("a worker process could not be started", { worker: specification.id, reason: error.message }));
    child.once("exit", (code, signal) => this.onExit(signal ?? `exit code ${code ?? 0}`));
  }

  private onExit(how: string): void {
    this.child = undefined;
    this.endpoint = undefined;
    if (this.stopping) return;
    const { restartDelayMs, restartDelayMaxMs, calmMs } = this.options;
    const lived = this.clock.nowMs() - this.startedMs;
    this.delayMs = lived >= calmMs ? restartDelayMs : Math.min(this.delayMs * 2, restartDelayMaxMs);
    this.restarts++;
    this.logger.warn("a worker process ended; starting it again", { worker: this.specification.id, how, inMs: this.delayMs });
    this.timer = this.clock.after(this.delayMs, () => this.spawn());
  }
}

function argumentsFor({ language, version, run, sourceBytesMax }: WorkerSpecification): string[] {
  const threads = run.threads === undefined ? [] : ["--threads", String(run.threads)];
  const common = ["--listen", "127.0.0.1:0", "--as-version", version, "--source-bytes-max", String(sourceBytesMax), ...threads];
  if (run.kind === "builtin") return [language, "--builtin", run.builtin, ...common];
  return [language, ...common, "--report", run.report, "--", ...run.command];
}

/** The port in a worker's message that it listens; undefined for any other message. */
function listeningPort(message: unknown): number | undefined {
  if (typeof message !== "object" || message === null || !("kind" in message) || message.kind !== "listening") return undefined;
  return "port" in message && typeof message.port === "number" ? message.port : undefined;
}
