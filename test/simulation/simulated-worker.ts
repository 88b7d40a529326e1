/**
 * One worker process at one address: a queue, a few threads, and everything that can be wrong with it. Must
 * not know shards.
 */
import type { Clock } from "../../src/base/clock.js";
import { randomBelow, type Random } from "../../src/base/random.js";
import type { WorkerDescription } from "../../src/upstream/connection.js";
import type { AttemptFailure, FailureKind } from "../../src/upstream/failure.js";
import { effectOf, reportOf, selfTest, wrongReport, type Effect } from "./input.js";
import type { Diary } from "./violation.js";

export const faults = [
  /** Analyses take many times as long. */
  "slow",
  /** Stopped: accepts, reads nothing, answers nothing; goes on where it was. */
  "hung",
  /** The process is gone; a new one comes at the end of the fault. */
  "down",
  /** Says "overloaded" to everything. */
  "overloaded",
  /** Says that it is leaving, to every request, and stays. */
  "stubborn",
  /** Breaks the contract with every answer. */
  "garbage",
  /** Answers well-formed nonsense. */
  "wrong",
  /** Another version runs at the address. */
  "impostor",
  /** Refuses to say who it is. */
  "mute",
  /** Some requests and answers get lost. */
  "lossy",
  /** Every connection is cut once, the process stays. */
  "cut",
  /** Says goodbye on every connection, as after their longest age, and takes new ones. */
  "goodbye",
  /** Says goodbye, finishes what it has, and is gone until the end of the fault. */
  "leaving",
] as const;
export type Fault = (typeof faults)[number];

export interface WorkerTraits {
  readonly threads: number;
  readonly serviceMs: number;
  readonly queueMax: number;
  readonly streamsMax: number;
  readonly hasSelfTest: boolean;
  /** One way. */
  readonly latencyMs: number;
}

export type Outcome = { readonly kind: "report"; readonly report: Buffer; readonly queueDepth: number; readonly costMicros: number } | AttemptFailure;

/** Less than it takes: a worker's word need not be true, and no rule may hang on it. */
const statedCostMicros = 50;
/** Its source is tiny. */
const selfTestMs = 5;
/** The longest analysis, in means. */
const serviceMeansMax = 3;
/** An analysis without end is ended by its worker, long after the attempt. */
const loopMs = 5_000;

/** A request as the worker has it. */
export interface Job {
  readonly source: Uint8Array;
  readonly deadlineAtMs: number;
  /** Once; later answers go nowhere. */
  answer(outcome: Outcome): void;
}

/** The worker's end of a connection. */
export interface Peer {
  /** The process, or the connection alone, is gone. */
  cut(reason: string): void;
  /** GOAWAY: what was not received until now will not be. */
  sayGoodbye(): void;
}

export class SimulatedWorker {
  readonly peers = new Set<Peer>();
  readonly faults = new Set<Fault>();
  /** Since when the fault "hung" is there. */
  hungSinceMs = 0;
  /** Whether anything was ever wrong with it. */
  wasFaulty = false;
  private restartsAtMs = 0;
  private waiting: Job[] = [];
  private running = new Set<Job>();
  private stopped: (() => void)[] = [];

  constructor(
    readonly id: string,
    readonly language: string,
    readonly version: string,
    readonly traits: WorkerTraits,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly diary: Diary,
    /** It dies of this source, just now. */
    private readonly onCrash: (source: Uint8Array) => void,
  ) {}

  get isUp(): boolean {
    return this.clock.nowMs() >= this.restartsAtMs && !this.faults.has("down") && !this.faults.has("leaving");
  }

  begin(fault: Fault): void {
    this.diary.note(() => `worker ${this.id}: ${fault} begins`);
    this.faults.add(fault);
    this.wasFaulty = true;
    if (fault === "hung") this.hungSinceMs = this.clock.nowMs();
    if (fault === "down") this.die("the process was killed");
    if (fault === "cut") for (const peer of [...this.peers]) peer.cut("ECONNRESET");
    if (fault === "goodbye" || fault === "leaving") for (const peer of [...this.peers]) peer.sayGoodbye();
    if (fault === "leaving") this.clock.after(10, () => this.exitWhenIdle());
  }

  end(fault: Fault): void {
    if (!this.faults.delete(fault)) return;
    this.diary.note(() => `worker ${this.id}: ${fault} ends`);
    // The drain timeout: what is not done by now is lost.
    if (fault === "leaving") this.die("the process ended");
    if (fault === "hung") for (const act of this.stopped.splice(0)) act();
  }

  /** Does it now, or when the process is no longer stopped. */
  act(what: () => void): void {
    if (this.faults.has("hung")) this.stopped.push(what);
    else what();
  }

  describe(): WorkerDescription | string {
    if (this.faults.has("mute")) return "Describe failed: INTERNAL";
    const version = this.faults.has("impostor") ? `${this.version}-other` : this.version;
    const base = { language: this.language, version, linterName: "lint", linterVersion: "1", formats: [], documentationUrl: "" };
    return this.traits.hasSelfTest ? { ...base, selfTest } : base;
  }

  receive(job: Job): void {
    // The protocol's layer answers at the deadline, whatever the analysis does.
    const process = this.running;
    this.clock.after(Math.max(0, job.deadlineAtMs - this.clock.nowMs()), () => this.act(() => this.running === process && this.expire(job)));
    if (this.faults.has("leaving") || this.faults.has("stubborn")) this.fail(job, "draining");
    else if (this.faults.has("overloaded") || this.waiting.length >= this.traits.queueMax) this.fail(job, "overloaded");
    else {
      this.waiting.push(job);
      this.startNext();
    }
  }

  /** Nobody waits for it any more; a thread that has begun goes on to the end. */
  forget(job: Job): void {
    const index = this.waiting.indexOf(job);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  get depth(): number {
    return this.waiting.length + this.running.size;
  }

  private startNext(): void {
    while (this.running.size < this.traits.threads) {
      const job = this.waiting.shift();
      if (job === undefined) return;
      this.start(job);
    }
  }

  private start(job: Job): void {
    const { running } = this;
    running.add(job);
    const effect = effectOf(job.source);
    const slowness = this.faults.has("slow") ? 20 : 1;
    const meanMs = Buffer.compare(job.source, selfTest.source) === 0 ? Math.min(selfTestMs, this.traits.serviceMs) : this.traits.serviceMs;
    const serviceMs = Math.min(serviceMeansMax, -Math.log(1 - this.random.next())) * meanMs * slowness;
    const endsAfterMs = effect === "loops" ? loopMs : serviceMs;
    this.clock.after(endsAfterMs, () =>
      this.act(() => {
        // Another process may run by now.
        if (this.running !== running) return;
        running.delete(job);
        this.finish(job, effect);
        this.startNext();
      }),
    );
  }

  private finish(job: Job, effect: Effect): void {
    if (effect === "kills-process") this.crash(job);
    else if (effect === "kills-analysis") this.fail(job, "killed");
    else if (effect === "crashes-analysis") this.fail(job, "crashed");
    else if (effect === "rejected") this.fail(job, "rejected");
    else if (effect === "loops") this.fail(job, "killed");
    else if (this.faults.has("garbage")) this.fail(job, "contract");
    else job.answer({ kind: "report", report: this.faults.has("wrong") ? Buffer.from(wrongReport) : reportOf(job.source), queueDepth: this.depth, costMicros: statedCostMicros });
  }

  private expire(job: Job): void {
    this.forget(job);
    this.fail(job, "deadline");
  }

  private fail(job: Job, kind: FailureKind): void {
    job.answer({ kind, message: `${this.id} says ${kind}`, queueDepth: this.depth });
  }

  /** By its own fault: its supervisor starts another one. */
  private crash({ source }: Job): void {
    this.diary.note(() => `worker ${this.id}: crashes on its input`);
    this.onCrash(source);
    this.restartsAtMs = this.clock.nowMs() + 20 + randomBelow(this.random, 300);
    this.die("the process crashed");
  }

  private die(reason: string): void {
    this.waiting = [];
    this.running = new Set();
    this.stopped = [];
    this.faults.delete("hung");
    for (const peer of [...this.peers]) peer.cut(reason);
  }

  private exitWhenIdle(): void {
    if (!this.faults.has("leaving")) return;
    if (this.depth === 0) this.die("the process ended");
    else this.clock.after(10, () => this.exitWhenIdle());
  }
}
