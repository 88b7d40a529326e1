/**
 * The main thread as far as suspects go: the real desk, and the messages between it and the shards, which take their
 * time and keep their order. Must not know exchanges.
 */
import type { Clock } from "../../src/base/clock.js";
import type { Random } from "../../src/base/random.js";
import { Suspects } from "../../src/balancer/suspects.js";
import type { FromShard, ToShard } from "../../src/shard/messages.js";
import { DeskRule } from "./desk-rule.js";

/** What one thread says to another: mostly at once, now and then late, never out of order. */
export class ThreadChannel {
  private lastMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly lateMsMax: number,
  ) {}

  post(deliver: () => void): void {
    const nowMs = this.clock.nowMs();
    const delayMs = this.random.next() < 0.1 ? this.random.next() * this.lateMsMax : 0.05;
    this.lastMs = Math.max(this.lastMs, nowMs + delayMs);
    this.clock.after(this.lastMs - nowMs, deliver);
  }
}

/** The longest a message may take: a thread that is busy looks at its messages when it is done. */
export const messageMsMax = 5;

/** One shard as the main thread knows it. */
export interface ShardEnd {
  readonly isDead: boolean;
  receive(message: ToShard): void;
}

interface Line {
  readonly toShard: ThreadChannel;
  readonly fromShard: ThreadChannel;
}

export class SimulatedMain {
  readonly suspects: Suspects;
  readonly desk: DeskRule;
  private readonly lines: Line[];

  constructor(
    private readonly shards: readonly ShardEnd[],
    count: number,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.lines = Array.from({ length: count }, () => this.newLine());
    this.desk = new DeskRule();
    this.suspects = new Suspects(clock, () =>
      this.lines.map((_, index) => ({
        recall: (remembered) => this.tell(index, { kind: "recall", remembered }),
        hearFinding: (finding) => this.tell(index, { kind: "finding", finding }),
        answerSuspect: (id, worker) => {
          this.desk.onAnswer(index, id, worker, clock.nowMs());
          this.tell(index, { kind: "suspect-answer", id, worker });
        },
      })),
    );
  }

  tell(shard: number, message: ToShard): void {
    const end = this.shards[shard]!;
    // What is on its way to a thread that ends is lost.
    if (!end.isDead) this.lines[shard]!.toShard.post(() => end.isDead || end.receive(message));
  }

  /** The last it said comes first. */
  onShardEnded(shard: number): void {
    this.lines[shard]!.fromShard.post(() => {
      this.desk.onShardEnded(shard, this.clock.nowMs());
      this.suspects.onShardEnded(shard);
    });
    this.lines[shard] = this.newLine();
  }

  hear(shard: number, message: FromShard): void {
    this.lines[shard]!.fromShard.post(() => this.take(shard, message));
  }

  private newLine(): Line {
    const channel = (): ThreadChannel => new ThreadChannel(this.clock, this.random, messageMsMax);
    return { toShard: channel(), fromShard: channel() };
  }

  private take(shard: number, message: FromShard): void {
    if (message.kind === "finding") this.suspects.onFinding(shard, message.finding);
    else if (message.kind === "suspect-ask") {
      this.desk.onAsk(shard, message, this.clock.nowMs());
      this.suspects.onAsk({ ...message, shard });
    } else if (message.kind === "suspect-done") {
      this.desk.onDone(shard, message.id, this.clock.nowMs());
      this.suspects.onDone(shard, message.id);
    }
  }
}
