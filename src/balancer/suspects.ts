/**
 * The desk of suspect inputs on the main thread: carries questions and findings between the shards and
 * balancing/suspect-desk.ts. Must not know what an input is.
 */
import type { Clock } from "../base/clock.js";
import { newSharedNovelInputs } from "../balancing/novel-inputs.js";
import { PoisonMemory, type Remembered } from "../balancing/poison.js";
import { type Finding, type SuspectAsk, SuspectDesk } from "../balancing/suspect-desk.js";
import type { SuspectTraffic } from "./shard-thread.js";

/** One shard, as far as suspects go. */
export interface SuspectShard {
  hearFinding(finding: Finding): void;
  /** Comes before anything else that it is told. */
  recall(remembered: readonly Remembered[]): void;
  /** "" for poison. */
  answerSuspect(id: number, worker: string): void;
}

/** How often expired verdicts are dropped. */
const forgetMs = 1_000;

export class Suspects implements SuspectTraffic {
  /** For every shard. */
  readonly novelInputs = newSharedNovelInputs();
  private readonly desk: SuspectDesk;
  private readonly memory = new PoisonMemory();

  constructor(
    private readonly clock: Clock,
    private readonly shards: () => readonly SuspectShard[],
  ) {
    const { memory } = this;
    this.desk = new SuspectDesk(memory, ({ shard, id }, worker) => this.shards()[shard]?.answerSuspect(id, worker));
    clock.every(forgetMs, () => memory.forgetExpired(clock.nowMs()));
  }

  onFinding(shard: number, finding: Finding): void {
    this.shards().forEach((other, index) => index !== shard && other.hearFinding(finding));
    this.desk.note(finding, this.clock.nowMs());
  }

  onAsk(ask: SuspectAsk): void {
    this.desk.ask(ask, this.clock.nowMs());
  }

  onDone(shard: number, id: number): void {
    this.desk.done(shard, id, this.clock.nowMs());
  }

  /** It remembers nothing: what others found out at the price of workers must not be found out again. */
  onShardStarted(shard: number): void {
    const remembered = this.memory.remembered(this.clock.nowMs());
    if (remembered.length > 0) this.shards()[shard]?.recall(remembered);
  }

  /** What it had in flight is over. Others' entries go too: they do without for the moment. */
  onShardEnded(shard: number): void {
    this.novelInputs.fill(0);
    this.desk.shardEnded(shard, this.clock.nowMs());
  }
}
