/**
 * One worker process on this machine: started, watched, started again after a growing pause when it ends; or taken over
 * from an earlier manager and watched from then on. Must not know which others there are, nor who uses it.
 */
import { spawn } from "node:child_process";
import type { Clock, Timer } from "../../base/clock.js";
import type { Logger } from "../../base/logger.js";
import { ownCommand } from "../../base/program.js";
import { formatDuration } from "../../snapshot/quantities.js";
import type { WorkerEndpoint } from "../../snapshot/snapshot.js";
import type { PlatformWorker } from "./platform.js";
import { childProcess, type RunningProcess } from "./running-process.js";
import { argumentsFor, type WorkerSpecification } from "./worker-specification.js";

export interface WorkerProcessOptions {
  /** The pause before the first restart; doubles while the process keeps ending within `calmMs`. */
  readonly restartDelayMs: number;
  readonly restartDelayMaxMs: number;
  readonly calmMs: number;
  /** How long it may take to listen before it is killed and tried again. */
  readonly startTimeoutMs: number;
  /** How long one that is told to go may take: it serves until every shard has let go. Then it is killed. */
  readonly leaveTimeoutMs: number;
}

export const defaultWorkerProcessOptions: WorkerProcessOptions = {
  // A crash is mended before most users' second request; a worker that cannot start does not burn a core.
  restartDelayMs: 100,
  restartDelayMaxMs: 10_000,
  calmMs: 10_000,
  // The slowest built-in linter takes 2 s on two busy cores, and many may start at once.
  startTimeoutMs: 60_000,
  // A worker gives its balancers 30 s; it ends by itself before this.
  leaveTimeoutMs: 35_000,
};

type State =
  | { readonly kind: "starting"; readonly process: RunningProcess; readonly timer: Timer }
  | { readonly kind: "listening"; readonly process: RunningProcess }
  | { readonly kind: "pausing"; readonly timer: Timer }
  | { readonly kind: "leaving"; readonly process: RunningProcess; readonly timer: Timer }
  | { readonly kind: "gone" };

export interface WorkerProcessParts {
  readonly options: WorkerProcessOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether its processes belong to a group of their own, which no Ctrl-C reaches. Those that may outlive this program do. */
  readonly detached: boolean;
  /** Called after every change of its state. */
  readonly onChange: (worker: WorkerProcess) => void;
}

export class WorkerProcess {
  restarts = 0;
  sinceUnixMs = 0;
  /** Why it does not listen; "" while it does. */
  reason = "";
  /** Where it last listened. */
  port = 0;

  private state: State = { kind: "gone" };
  private frozen = false;
  private startedMs = 0;
  /** Of the next restart. */
  private delayMs: number;
  /** What the process said about its failure. */
  private failure = "";
  /** How the process before this one ended. */
  private end = "";
  /** Tells the process that it may outlive this program; undefined when it may already, or is none of our children. */
  private tellToStay: (() => void) | undefined;
  private readonly whenGone: (() => void)[] = [];

  private constructor(
    readonly specification: WorkerSpecification,
    /** Of what its process runs. */
    readonly fingerprint: string,
    private readonly parts: WorkerProcessParts,
  ) {
    this.delayMs = parts.options.restartDelayMs;
  }

  static start(specification: WorkerSpecification, fingerprint: string, parts: WorkerProcessParts): WorkerProcess {
    const worker = new WorkerProcess(specification, fingerprint, parts);
    worker.spawn();
    return worker;
  }

  /** Takes over a process that listens already. When it ends, the next one is our own. */
  static adopt(specification: WorkerSpecification, fingerprint: string, parts: WorkerProcessParts, process: RunningProcess, port: number): WorkerProcess {
    const worker = new WorkerProcess(specification, fingerprint, parts);
    worker.startedMs = parts.clock.nowMs();
    worker.watch(process);
    worker.port = port;
    worker.enter({ kind: "listening", process }, "");
    return worker;
  }

  get kind(): State["kind"] {
    return this.state.kind;
  }

  /** 0 while there is no process. */
  get pid(): number {
    return "process" in this.state ? this.state.process.pid : 0;
  }

  /** Where it listens; undefined while it does not, or is about to go. */
  get endpoint(): WorkerEndpoint | undefined {
    return this.state.kind === "listening" ? { id: this.specification.id, host: "127.0.0.1", port: this.port } : undefined;
  }

  /** Undefined when there is nothing left to show. */
  get view(): PlatformWorker | undefined {
    const { id, language, version } = this.specification;
    const { reason, sinceUnixMs, restarts, pid, endpoint } = this;
    if (this.state.kind === "gone") return undefined;
    return { id, language, version, state: this.state.kind, sinceUnixMs, reason, restarts, pid, ...(endpoint === undefined ? {} : { endpoint }) };
  }

  /** A child of ours ends when this program does, until it is told that it may stay. */
  stay(): void {
    this.tellToStay?.();
    this.tellToStay = undefined;
  }

  /** Does not start it again when it ends. */
  freeze(): void {
    this.frozen = true;
    if (this.state.kind === "pausing") this.enter({ kind: "gone" }, "");
  }

  /**
   * Asks the process to finish what it has and go; kills it when it does not. Resolves when it is gone. One that an earlier
   * manager has `told` is not asked again: a second SIGTERM means "now".
   */
  leave(why: string, { timeoutMs = this.parts.options.leaveTimeoutMs, told = false } = {}): Promise<void> {
    this.freeze();
    const { state } = this;
    if (state.kind === "gone") return Promise.resolve();
    if (!told && (state.kind === "starting" || state.kind === "listening")) state.process.signal("SIGTERM");
    if ("process" in state) {
      const { process } = state;
      const timer = this.parts.clock.after(timeoutMs, () => process.signal("SIGKILL"));
      this.enter({ kind: "leaving", process, timer }, why);
    }
    return new Promise((resolve) => this.whenGone.push(resolve));
  }

  private enter(state: State, reason: string): void {
    if ("timer" in this.state) this.parts.clock.clear(this.state.timer);
    this.state = state;
    this.reason = reason;
    this.sinceUnixMs = this.parts.clock.wallMs();
    if (state.kind === "gone") for (const resolve of this.whenGone.splice(0)) resolve();
    this.parts.onChange(this);
  }

  private spawn(): void {
    const { specification, parts } = this;
    const before = this.restarts === 0 ? "" : `starting again: ${this.end}`;
    this.startedMs = parts.clock.nowMs();
    this.failure = "";
    const [program, ...args] = ownCommand(argumentsFor(specification));
    const child = spawn(program, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...ownEnvironment(), ...specification.run.environment },
      detached: parts.detached,
    });
    const running = childProcess(child);
    child.on("message", (message: unknown) => this.onMessage(running, message));
    // The channel may close under a message; the process's end is heard of by itself.
    child.on("error", (error) => parts.logger.debug("a worker process cannot be reached", { worker: specification.id, reason: error.message }));
    this.tellToStay = () => {
      child.send({ kind: "stay" }, () => undefined);
      child.unref();
    };
    this.watch(running);
    const timer = parts.clock.after(parts.options.startTimeoutMs, () => {
      this.failure = `it did not listen within ${formatDuration(parts.options.startTimeoutMs)}`;
      running.signal("SIGKILL");
    });
    this.enter({ kind: "starting", process: running, timer }, before);
  }

  private onMessage(process: RunningProcess, message: unknown): void {
    const { kind, port, reason } = (typeof message === "object" && message !== null ? message : {}) as { kind?: unknown; port?: unknown; reason?: unknown };
    if (kind === "failed" && typeof reason === "string") this.failure = reason;
    if (kind !== "listening" || typeof port !== "number" || this.state.kind !== "starting") return;
    this.port = port;
    this.enter({ kind: "listening", process }, "");
  }

  private watch(process: RunningProcess): void {
    process.onExit((how) => {
      if ("process" in this.state && this.state.process === process) this.onExit(how);
    });
  }

  private onExit(how: string): void {
    const { parts, specification } = this;
    this.tellToStay = undefined;
    if (this.frozen) {
      this.enter({ kind: "gone" }, "");
      return;
    }
    const { restartDelayMs, restartDelayMaxMs, calmMs } = parts.options;
    if (parts.clock.nowMs() - this.startedMs >= calmMs) this.delayMs = restartDelayMs;
    const inMs = this.delayMs;
    this.delayMs = Math.min(this.delayMs * 2, restartDelayMaxMs);
    this.restarts++;
    this.end = this.failure === "" ? `it ended with ${how}` : this.failure;
    parts.logger.warn("a worker process ended; starting it again", { worker: specification.id, how: this.end, inMs });
    this.enter({ kind: "pausing", timer: parts.clock.after(inMs, () => this.spawn()) }, `${this.end}; again after ${formatDuration(inMs)}`);
  }
}

/** This program's environment without what is for it alone: a worker must not answer for it to a service manager, nor know its token. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LINTEL_TOKEN", "LINTEL_TOKEN_FILE"].includes(name)));
}
