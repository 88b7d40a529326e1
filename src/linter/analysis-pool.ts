/**
 * The bounded queue in front of the analysis threads. What does not fit is refused at once; what nobody waits for any
 * more leaves the queue; a task is handed out only to a thread that is warm and idle, so that its time limit measures the analysis
 * and nothing else. Must not know gRPC.
 *
 * A running analysis whose caller has gone is let finish: it is bounded by the time limit, mostly takes milliseconds, and
 * killing it would cost a thread whose successor takes ten to a hundred times as long to start.
 */
import { loopActiveMs, type Clock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { RequestCost } from "./request-cost.js";
import { AnalysisLane, type LaneLimits, type LaneSettings } from "./analysis-lane.js";
import type { AnalysisOutcome, AnalysisTask, Introduction } from "./analysis.js";

export interface PoolLimits extends LaneLimits {
  /** Analyses at the same time. */
  readonly threads: number;
  /** Analyses waiting; one more is refused. */
  readonly queueDepthMax: number;
}

/** How a submitted analysis ended: as the thread said, or its caller's deadline had passed before it began. */
export type JobOutcome = AnalysisOutcome | { readonly kind: "expired" };

/** One submitted analysis; opaque to its owner. */
export interface Job {
  readonly task: AnalysisTask;
  /** On the wall clock, which is what a deadline comes in; Infinity without one. */
  readonly deadlineWallMs: number;
  settle: ((outcome: JobOutcome) => void) | undefined;
}

/**
 * The second and further threads start this long after the first is warm, or when a first request has to wait: six
 * workers that start together on two cores are all ready before any of them makes itself comfortable.
 */
const spareThreadsPauseMs = 2_000;

export class AnalysisPool {
  private readonly lanes: AnalysisLane[] = [];
  private readonly queue: Job[] = [];
  private running = 0;
  private spareThreadsStarted = false;
  private closed = false;
  /** What a request takes of this worker. */
  readonly cost: RequestCost;

  constructor(
    private readonly settings: LaneSettings,
    private readonly limits: PoolLimits,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.cost = new RequestCost(limits.threads, loopActiveMs);
  }

  /** How many analyses it holds, waiting and running. */
  get depth(): number {
    return this.queue.length + this.running;
  }

  /** Starts the first thread; resolves when it is warm, rejects with what the thread said when it cannot start. */
  start(): Promise<Introduction> {
    return new Promise((resolve, reject) => {
      this.addLane((lane) => {
        if (lane.introduction === undefined) return;
        resolve(lane.introduction);
        this.clock.after(spareThreadsPauseMs, () => this.startSpareThreads());
      }, (reason) => reject(new Error(reason)));
    });
  }

  /** Undefined when the queue is full. Otherwise `settle` is called once, unless the job is cancelled before. Takes the memory of `task.source`. */
  submit(task: AnalysisTask, deadlineWallMs: number, settle: (outcome: JobOutcome) => void): Job | undefined {
    const job: Job = { task, deadlineWallMs, settle };
    const lane = this.idleLane();
    if (lane !== undefined) {
      this.runOn(lane, job);
      return job;
    }
    this.startSpareThreads();
    if (this.queue.length >= this.limits.queueDepthMax) return undefined;
    this.queue.push(job);
    return job;
  }

  /** Nobody waits for it any more: it leaves the queue, or its outcome is dropped. Harmless when it is settled. */
  cancel(job: Job): void {
    if (job.settle === undefined) return;
    job.settle = undefined;
    const index = this.queue.indexOf(job);
    if (index >= 0) this.queue.splice(index, 1);
  }

  /** Ends all threads and what they run. Nothing is settled any more. */
  close(): void {
    this.closed = true;
    this.queue.length = 0;
    for (const lane of this.lanes) lane.close();
  }

  private idleLane(): AnalysisLane | undefined {
    return this.lanes.find((lane) => lane.isIdle);
  }

  private startSpareThreads(): void {
    if (this.spareThreadsStarted || this.closed) return;
    this.spareThreadsStarted = true;
    while (this.lanes.length < this.limits.threads) this.addLane();
  }

  /** `onFirstIdle` and `onFirstFailure` hear of the lane's first start only. */
  private addLane(onFirstIdle?: (lane: AnalysisLane) => void, onFirstFailure?: (reason: string) => void): void {
    let first = true;
    const lane = new AnalysisLane(this.settings, this.limits, this.clock, {
      onIdle: (idle) => {
        if (first) onFirstIdle?.(idle);
        first = false;
        this.runNext(idle);
      },
      onStartFailed: (reason) => {
        if (first && onFirstFailure !== undefined) onFirstFailure(reason);
        else this.logger.error("an analysis thread could not be started; trying again", { reason });
        first = false;
      },
      onReplaced: (reason) => this.logger.warn("an analysis thread was replaced", { reason }),
    });
    this.lanes.push(lane);
    lane.start();
  }

  private runNext(lane: AnalysisLane): void {
    for (let job = this.queue.shift(); job !== undefined; job = this.queue.shift()) {
      if (job.deadlineWallMs > this.clock.wallMs()) {
        this.runOn(lane, job);
        return;
      }
      settleOnce(job, { kind: "expired" });
    }
  }

  private runOn(lane: AnalysisLane, job: Job): void {
    this.running++;
    const startMs = this.clock.nowMs();
    lane.run(job.task, (outcome) => {
      this.running--;
      this.cost.noteAnalysis(this.clock.nowMs() - startMs);
      settleOnce(job, outcome);
    });
  }
}

/** Clears `settle` first: a job that was settled or cancelled hears nothing more. */
function settleOnce(job: Job, outcome: JobOutcome): void {
  const { settle } = job;
  job.settle = undefined;
  settle?.(outcome);
}
