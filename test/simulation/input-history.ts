/** What the simulator saw of one input, by whoever sent it, in one language. Must not know what the code thinks of it. */
import { keyOf } from "./input.js";
import type { SimulatedShard } from "./simulated-shard.js";

export class InputHistory {
  /** How often a worker broke on it, as far as a shard could know, and which ones did. */
  breaks = 0;
  readonly brokenWorkers = new Set<string>();
  /** How many processes it ended, known or not. */
  deaths = 0;
  /** Nobody heard how one of its attempts ended. */
  isForgiven = false;
  /** When it was last answered by a report. */
  reportedMs = -Infinity;
  /** The shards that told a user that it is poison. */
  readonly poisonOn = new Set<SimulatedShard>();
  private readonly moved = new Map<SimulatedShard, number>();

  /** Something came of it on this shard. */
  noteMoved(shard: SimulatedShard, nowMs: number): void {
    this.moved.set(shard, nowMs);
  }

  movedMs(shard: SimulatedShard): number {
    return this.moved.get(shard) ?? -Infinity;
  }
}

export class InputHistories {
  private readonly histories = new Map<string, InputHistory>();

  /** In another language it is another input. */
  find(language: string, source: Uint8Array): InputHistory {
    const key = `${language} ${keyOf(source)} ${source.length}`;
    let history = this.histories.get(key);
    if (history === undefined) this.histories.set(key, (history = new InputHistory()));
    return history;
  }
}
