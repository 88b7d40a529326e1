/**
 * One analysis thread and what becomes of it: started, asked, killed, replaced. A lane is a piscina pool of one thread,
 * so that a thread that must go takes nothing with it and its successor takes no work before it is warm. Must not know the
 * queue: it says when it is idle and is given one task.
 */
import { Piscina } from "piscina";
import type { Clock, Timer } from "../base/clock.js";
import { codeOf, messageOf } from "../base/errors.js";
import type { AnalysisOutcome, AnalysisTask, Introduction, ThreadRequest, ThreadSettings } from "./analysis.js";
import { killGroup } from "./analyzers/command/run-program.js";
import { newSharedProcessGroup, takeProcessGroup } from "./process-groups.js";

export interface LaneLimits {
  /** An analysis that takes longer is killed with its thread. */
  readonly analysisTimeoutMs: number;
  /** The JavaScript heap of the thread. */
  readonly analysisHeapBytesMax: number;
}

export interface LaneEvents {
  /** The thread is warm and has nothing to do. */
  onIdle(lane: AnalysisLane): void;
  /** The thread could not be started; the lane tries again later by itself. */
  onStartFailed(reason: string): void;
  /** The thread had to be replaced. */
  onReplaced(reason: string): void;
}

export type LaneSettings = Omit<ThreadSettings, "processGroup">;

type Settle = (outcome: AnalysisOutcome) => void;

type LaneState =
  | { readonly kind: "starting" }
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly settle: Settle; readonly timer: Timer }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "closed" };

const threadFile = new URL("./analysis-thread.js", import.meta.url).href;
const bytesPerMebibyte = 1024 * 1024;
/** Pauses between attempts to start a thread that fails to start, doubled each time. */
const restartPauseMs = 200;
const restartPauseMsMax = 10_000;

export class AnalysisLane {
  private state: LaneState = { kind: "closed" };
  private pool: Piscina | undefined;
  private readonly processGroup = newSharedProcessGroup();
  private failedStarts = 0;
  /** What the thread said of itself, once it is warm. */
  introduction: Introduction | undefined;

  constructor(
    private readonly settings: LaneSettings,
    private readonly limits: LaneLimits,
    private readonly clock: Clock,
    private readonly events: LaneEvents,
  ) {}

  get isIdle(): boolean {
    return this.state.kind === "idle";
  }

  /** Starts the thread; `onIdle` follows when it is warm. */
  start(): void {
    const pool = this.newPool();
    this.pool = pool;
    this.enter({ kind: "starting" });
    this.ask<Introduction>(pool, { kind: "introduce" }).then(
      (introduction) => {
        if (this.pool !== pool) return;
        this.failedStarts = 0;
        this.introduction = introduction;
        this.enter({ kind: "idle" });
        this.events.onIdle(this);
      },
      (error: unknown) => {
        if (this.pool === pool) this.startFailed(explainDeath(error, this.limits));
      },
    );
  }

  /** Runs a task on the idle thread; `settle` hears its outcome exactly once. */
  run(task: AnalysisTask, settle: Settle): void {
    const { pool } = this;
    if (pool === undefined || this.state.kind !== "idle") throw new Error(`a lane that is ${this.state.kind} was given a task`);
    const { analysisTimeoutMs } = this.limits;
    const timer = this.clock.after(analysisTimeoutMs, () => {
      this.replace({ kind: "killed", message: `The analysis took longer than ${analysisTimeoutMs} ms and was ended.` });
    });
    this.enter({ kind: "running", settle, timer });
    this.ask<AnalysisOutcome>(pool, { kind: "analyze", ...task }, [task.source.buffer as ArrayBuffer]).then(
      (outcome) => {
        if (this.pool !== pool) return;
        if (outcome.kind === "crashed" && outcome.tainted) this.replace(outcome);
        else this.finish(outcome);
      },
      (error: unknown) => {
        if (this.pool === pool) this.replace(outcomeOfDeath(error, this.limits));
      },
    );
  }

  /** Ends the thread and whatever it runs, at once. A task it has is never settled. */
  close(): void {
    this.discardPool();
    this.enter({ kind: "closed" });
  }

  private finish(outcome: AnalysisOutcome): void {
    if (this.state.kind !== "running") return;
    const { settle } = this.state;
    this.enter({ kind: "idle" });
    settle(outcome);
    this.events.onIdle(this);
  }

  /** The thread goes, its task is settled, a new thread is started. */
  private replace(outcome: AnalysisOutcome): void {
    if (this.state.kind !== "running") return;
    const { settle } = this.state;
    this.discardPool();
    this.start();
    settle(outcome);
    this.events.onReplaced(outcome.kind);
  }

  private startFailed(reason: string): void {
    this.discardPool();
    this.failedStarts++;
    const pauseMs = Math.min(restartPauseMs * 2 ** (this.failedStarts - 1), restartPauseMsMax);
    this.enter({ kind: "waiting", timer: this.clock.after(pauseMs, () => this.start()) });
    this.events.onStartFailed(reason);
  }

  /** The only place that assigns the state; each state's timer ends with it. */
  private enter(state: LaneState): void {
    if ("timer" in this.state) this.clock.clear(this.state.timer);
    this.state = state;
  }

  private discardPool(): void {
    const { pool } = this;
    this.pool = undefined;
    if (pool !== undefined) void pool.destroy().catch(() => undefined);
    killGroup(takeProcessGroup(this.processGroup));
  }

  private newPool(): Piscina {
    const pool = new Piscina({
      filename: threadFile,
      minThreads: 1,
      maxThreads: 1,
      recordTiming: false,
      workerData: { ...this.settings, processGroup: this.processGroup } satisfies ThreadSettings,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(this.limits.analysisHeapBytesMax / bytesPerMebibyte) },
    });
    // A thread that dies between two tasks: the next one would hang on it.
    pool.on("error", (error: unknown) => {
      if (this.pool === pool && this.state.kind !== "running") this.startFailed(explainDeath(error, this.limits));
    });
    return pool;
  }

  private ask<Answer>(pool: Piscina, request: ThreadRequest, transferList: ArrayBuffer[] = []): Promise<Answer> {
    return pool.run(request, { transferList }) as Promise<Answer>;
  }
}

function outcomeOfDeath(error: unknown, limits: LaneLimits): AnalysisOutcome {
  const message = explainDeath(error, limits);
  return isOutOfMemory(error) ? { kind: "killed", message } : { kind: "crashed", message, tainted: true };
}

function explainDeath(error: unknown, limits: LaneLimits): string {
  if (isOutOfMemory(error)) return `The analysis needed more than ${limits.analysisHeapBytesMax} bytes of memory and was ended.`;
  return `The analysis thread ended: ${messageOf(error)}`;
}

function isOutOfMemory(error: unknown): boolean {
  return codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY";
}
