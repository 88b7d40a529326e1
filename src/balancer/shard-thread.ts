/**
 * One shard as the main thread sees it: starts the thread, hands it snapshots, starts it again when it
 * crashes. Must not know HTTP or workers.
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { threadOf } from "../base/program.js";
import type { ApplyOutcome } from "../manager-link/link.js";
import type { ApiKey } from "../shard/api-keys.js";
import { limitHeads } from "../shard/head-limit.js";
import type { Remembered } from "../balancing/poison.js";
import type { Finding, SuspectAsk } from "../balancing/suspect-desk.js";
import type { Certificate, FromShard, ShardOptions, ShardStatus, ToShard, VersionUsability } from "../shard/messages.js";
import { type ShardPublication, SnapshotTransfer } from "./snapshot-transfer.js";

export interface ShardThreadOptions {
  readonly shard: ShardOptions;
  /** After a crash it is started again at once; after a further one within `calmMs` of its start after this pause, which doubles up to the maximum. */
  readonly restartDelayMs: number;
  readonly restartDelayMaxMs: number;
  readonly calmMs: number;
  /** How long a restarted shard waits for its workers before it listens. */
  readonly warmUpMs: number;
}

export const defaultShardThreadOptions: Omit<ShardThreadOptions, "shard"> = {
  // A start takes 150 ms. So a shard is back within a second however often it crashes, unless no worker can be reached; and one that
  // crashes on every start takes a quarter of a core.
  restartDelayMs: 50,
  restartDelayMaxMs: 500,
  calmMs: 10_000,
  // Workers are connected in milliseconds; beside a language that is down the others are back all the same.
  warmUpMs: 500,
};

/** What the shards ask and tell about suspect inputs; each names the shard. */
export interface SuspectTraffic {
  onFinding(shard: number, finding: Finding): void;
  onAsk(ask: SuspectAsk): void;
  onDone(shard: number, id: number): void;
  onShardStarted(shard: number): void;
  onShardEnded(shard: number): void;
}

/** How long a shard may take to answer a question about its state. */
const statusTimeoutMs = 1_000;

export class ShardThread {
  /** What the shard last acknowledged. */
  acked = { revision: 0, nonce: 0, atMs: 0 };
  listening = false;
  restarts = 0;

  private thread: Worker | undefined;
  /** Usable versions by language. */
  private readonly usable = new Map<string, Set<string>>();
  private readonly transfer: SnapshotTransfer;
  /** What it listens with, again after every restart. */
  private certificate: Certificate | undefined;
  private apiKeys: readonly ApiKey[] | undefined;
  private listenAt: { host: string; port: number } | undefined;
  private stopping = false;
  private startedMs = 0;
  private crashesInRow = 0;
  private questions = 0;
  private readonly waiting = new Set<(message: FromShard | "ended") => boolean>();

  constructor(
    private readonly options: ShardThreadOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly suspects: SuspectTraffic,
    /** A version got a usable worker here, or lost its last one. */
    private readonly onUsable: () => void,
  ) {
    this.transfer = new SnapshotTransfer((message) => this.post(message), `shard ${options.shard.index}`);
  }

  /** Resolves when the thread runs its own code. */
  async start(): Promise<void> {
    this.spawn();
    await this.hear((message) => message.kind === "started");
  }

  /** Settles when the shard has swapped, refused, or ended. A shard that restarts gets the newest one by itself. */
  apply(publication: ShardPublication): Promise<ApplyOutcome> {
    return this.transfer.apply(publication);
  }

  /** Whether any of the language's versions, or the one named, has a usable worker here. */
  canUse(language: string, version?: string): boolean {
    const versions = this.usable.get(language);
    return versions !== undefined && (version === undefined || versions.has(version));
  }

  /** Whether anything can be served. */
  get hasUsable(): boolean {
    return this.usable.size > 0;
  }

  /** Whether the system lets it. From then on it listens there again after every restart. */
  async listen(host: string, port: number, warmUpMs: number): Promise<boolean> {
    const answer = this.hear((message) => message.kind === "listening" || message.kind === "listen-failed");
    this.post({ kind: "listen", host, port, warmUpMs });
    const listening = (await answer)?.kind === "listening";
    if (listening) this.listenAt = { host, port };
    return listening;
  }

  /** For new connections from now on, also after a restart. "" when it could be used, else why not: then nothing has changed. */
  async renew(certificate: Certificate): Promise<string> {
    const answer = this.thread && this.hear((message) => message.kind === "certificate");
    this.post({ kind: "certificate", certificate });
    const message = await answer;
    // One that ends meanwhile, or is between two lives, starts with it: another shard has tried it.
    const refusedBecause = message?.kind === "certificate" ? message.refusedBecause : "";
    if (refusedBecause === "") this.certificate = certificate;
    return refusedBecause;
  }

  /** Resolves when these are all that count, also after a restart. */
  async setApiKeys(keys: readonly ApiKey[]): Promise<void> {
    this.apiKeys = keys;
    const answer = this.thread && this.hear((message) => message.kind === "api-keys");
    this.post({ kind: "api-keys", keys });
    await answer;
  }

  /** Undefined when the shard does not answer in time. */
  async status(): Promise<ShardStatus | undefined> {
    if (this.thread === undefined) return undefined;
    const id = ++this.questions;
    const answer = this.hear((message) => message.kind === "status" && message.id === id, statusTimeoutMs);
    this.post({ kind: "status", id });
    const message = await answer;
    return message?.kind === "status" ? message.status : undefined;
  }

  /** How long the thread has had something to do since it started; 0 while there is none. */
  get busyMs(): number {
    return this.thread?.performance.eventLoopUtilization().active ?? 0;
  }

  /** Resolves when the thread has let go of everything and ended. */
  async drain(quietMs: number, timeoutMs: number): Promise<void> {
    this.stopping = true;
    const ended = new Promise<void>((resolve) => {
      if (this.thread === undefined) resolve();
      else this.thread.once("exit", () => resolve());
    });
    this.post({ kind: "drain", quietMs, timeoutMs });
    await ended;
  }

  /** What is known of inputs that end workers. */
  recall(remembered: readonly Remembered[]): void {
    this.post({ kind: "recall", remembered });
  }

  /** What another shard found. */
  hearFinding(finding: Finding): void {
    this.post({ kind: "finding", finding });
  }

  answerSuspect(id: number, worker: string): void {
    this.post({ kind: "suspect-answer", id, worker });
  }

  /** For tests of the supervision. */
  crash(): void {
    this.post({ kind: "crash" });
  }

  private post(message: ToShard): void {
    this.thread?.postMessage(message);
  }

  private spawn(): void {
    this.startedMs = this.clock.nowMs();
    limitHeads();
    const { shard } = this.options;
    const thread = new Worker(...threadOf("shard/thread", { workerData: shard, name: `shard ${shard.index}` }));
    this.thread = thread;
    thread.on("message", (message: FromShard) => this.onMessage(message));
    thread.on("error", (error) => this.logger.error("shard failed", { shard: this.options.shard.index, reason: error.message }));
    thread.once("exit", () => this.onExit());
    this.suspects.onShardStarted(this.options.shard.index);
  }

  private onMessage(message: FromShard): void {
    this.hearMessage(message);
    this.transfer.hear(message);
    this.tell(message);
  }

  private noteUsable(versions: readonly VersionUsability[]): void {
    for (const { language, version, usable } of versions) {
      const known = this.usable.get(language) ?? new Set();
      if (usable) known.add(version);
      else known.delete(version);
      if (known.size > 0) this.usable.set(language, known);
      else this.usable.delete(language);
    }
    this.onUsable();
  }

  private hearMessage(message: FromShard): void {
    if (message.kind === "applied") this.acked = { revision: message.revision, nonce: message.nonce, atMs: this.clock.nowMs() };
    else if (message.kind === "usable") this.noteUsable(message.versions);
    else if (message.kind === "listening") this.listening = true;
    else if (message.kind === "listen-failed") this.listenAgain();
    else if (message.kind === "crashed") this.logger.error("shard crashed", { shard: this.options.shard.index, reason: message.reason });
    else if (message.kind === "finding") this.suspects.onFinding(this.options.shard.index, message.finding);
    else if (message.kind === "suspect-ask") this.suspects.onAsk({ ...message, shard: this.options.shard.index });
    else if (message.kind === "suspect-done") this.suspects.onDone(this.options.shard.index, message.id);
    else if (message.kind === "worker") {
      const fields = { shard: this.options.shard.index, worker: message.worker, reason: message.reason };
      this.logger.warn(`worker ${message.change}`, message.change === "ejected" ? fields : { shard: fields.shard, worker: fields.worker });
    }
  }

  private onExit(): void {
    this.thread = undefined;
    this.listening = false;
    this.usable.clear();
    this.transfer.ended();
    this.suspects.onShardEnded(this.options.shard.index);
    this.tell("ended");
    if (this.stopping) return;
    const inMs = this.restartDelay();
    this.restarts++;
    this.logger.warn("shard ended; starting it again", { shard: this.options.shard.index, inMs });
    if (inMs === 0) this.restart();
    else this.clock.after(inMs, () => this.restart());
  }

  private restartDelay(): number {
    const { restartDelayMs, restartDelayMaxMs, calmMs } = this.options;
    if (this.clock.nowMs() - this.startedMs >= calmMs) this.crashesInRow = 0;
    const doublings = this.crashesInRow++ - 1;
    return doublings < 0 ? 0 : Math.min(restartDelayMs * 2 ** doublings, restartDelayMaxMs);
  }

  private restart(): void {
    if (this.stopping) return;
    this.spawn();
    this.transfer.restarted();
    if (this.apiKeys !== undefined) this.post({ kind: "api-keys", keys: this.apiKeys });
    if (this.certificate !== undefined) this.post({ kind: "certificate", certificate: this.certificate });
    this.reopen();
  }

  private reopen(): void {
    if (this.listenAt !== undefined) this.post({ kind: "listen", ...this.listenAt, warmUpMs: this.options.warmUpMs });
  }

  /** A restarted shard that may not have its port back would stay deaf for ever. */
  private listenAgain(): void {
    if (this.listenAt === undefined || this.stopping) return;
    const { shard, restartDelayMaxMs } = this.options;
    this.logger.error("shard cannot listen; trying again", { shard: shard.index, port: this.listenAt.port, inMs: restartDelayMaxMs });
    const { thread } = this;
    this.clock.after(restartDelayMaxMs, () => this.thread === thread && !this.stopping && this.reopen());
  }

  /** The first message that `wanted` accepts; undefined when the thread ends or the time is up first. */
  private hear(wanted: (message: FromShard) => boolean, timeoutMs = Infinity): Promise<FromShard | undefined> {
    return new Promise((resolve) => {
      const done = (message: FromShard | undefined): true => {
        this.clock.clear(timer);
        this.waiting.delete(listener);
        resolve(message);
        return true;
      };
      const listener = (message: FromShard | "ended"): boolean => {
        if (message === "ended") return done(undefined);
        return wanted(message) && done(message);
      };
      const timer = timeoutMs === Infinity ? undefined : this.clock.after(timeoutMs, () => void done(undefined));
      this.waiting.add(listener);
    });
  }

  private tell(message: FromShard | "ended"): void {
    for (const listener of [...this.waiting]) listener(message);
  }
}
