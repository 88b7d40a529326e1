/** One shard: the real parts over virtual time, with what a simulation wants to see of them. Must not know clients. */
import type { Random } from "../../src/base/random.js";
import type { Active } from "../../src/shard/active.js";
import type { ActiveWorker } from "../../src/shard/active-worker.js";
import type { Exchange } from "../../src/shard/exchange.js";
import type { FromShard, RequestLimits, ToShard } from "../../src/shard/messages.js";
import { wireParts, type ShardParts } from "../../src/shard/parts.js";
import { Statistics, type StatisticsSizes } from "../../src/shard/statistics.js";
import type { OpenConnection } from "../../src/upstream/connection.js";
import { watchShares } from "./share-rule.js";
import type { SimulatedConnection } from "./simulated-connection.js";
import { ShardClock, type VirtualClock } from "./virtual-clock.js";

/** What comes within so long leaves in one write: more than in earnest, so that workers get several requests of one batch. */
const batchMs = 2;

/** More than any world has. */
export const sizes: StatisticsSizes = { versionsMax: 64, workersMax: 512, languagesMax: 4 };

/** Used again by every world: allocating them would be most of the work of a small one. */
const memories: SharedArrayBuffer[] = [];

function memoryOf(index: number): SharedArrayBuffer {
  return (memories[index] ??= Statistics.allocate(sizes));
}

/** To be called before a world begins. */
export function clearMemories(): void {
  for (const memory of memories) new Float64Array(memory).fill(0);
}

export interface ShardSurroundings {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly openConnection: (clock: ShardClock, ...connection: Parameters<OpenConnection>) => SimulatedConnection;
  readonly limits: RequestLimits;
  readonly novelInputs: Int32Array;
  /** To the main thread. */
  readonly say: (from: SimulatedShard, message: FromShard) => void;
  readonly watch: ShardWatch;
  /** A snapshot is active. */
  readonly onApplied: (shard: SimulatedShard) => void;
}

export interface ShardWatch {
  /** An exchange has begun, and has not yet done anything. */
  onExchange(shard: SimulatedShard, exchange: Exchange): void;
  /** It has just settled. */
  onSettled(shard: SimulatedShard, exchange: Exchange): void;
}

export class SimulatedShard {
  readonly statistics: Statistics;
  readonly parts: ShardParts;
  /** All that ever were, those that left included. */
  readonly workers = new Set<ActiveWorker>();
  /** Likewise. */
  readonly connections: SimulatedConnection[] = [];
  private readonly clock: ShardClock;

  constructor(
    readonly index: number,
    readonly surroundings: ShardSurroundings,
  ) {
    const { random, limits, novelInputs, watch } = surroundings;
    const clock = (this.clock = new ShardClock(surroundings.clock));
    this.statistics = new Statistics(memoryOf(index), sizes);
    this.statistics.clearGauges();
    const openConnection: OpenConnection = (...options) => {
      const connection = surroundings.openConnection(clock, ...options);
      this.connections.push(connection);
      return connection;
    };
    const say = (message: FromShard): void => surroundings.say(this, message);
    this.parts = wireParts({ clock, random, statistics: this.statistics, openConnection, batch: () => Math.floor(clock.nowMs() / batchMs), limits, novelInputs, isDraining: () => false, say });
    const { table } = this.parts.context;
    const add = table.add.bind(table);
    table.add = (exchange) => {
      add(exchange);
      watch.onExchange(this, exchange);
    };
    const remove = table.remove.bind(table);
    table.remove = (exchange) => {
      remove(exchange);
      watch.onSettled(this, exchange);
    };
  }

  get active(): Active {
    return this.parts.root.active;
  }

  /** Every worker of the snapshot is connected and serves. */
  get isWhole(): boolean {
    return [...this.active.workers.values()].every(({ upstream, health }) => upstream.ready && health.phase.kind === "serving");
  }

  describeWorkers(): string {
    return [...this.active.workers.values()].map(({ id, upstream, health }) => `${id} ${upstream.state.kind} ${health.phase.kind}`).join(", ");
  }

  get isDead(): boolean {
    return this.clock.isStopped;
  }

  /** Nobody hears from it again. */
  crash(): void {
    this.clock.isStopped = true;
    for (const connection of this.connections) connection.vanish();
  }

  /** As shard/thread.ts does. */
  receive(message: ToShard): void {
    const { root, quarantine } = this.parts;
    if (message.kind === "snapshot") {
      root.update(message.update);
      for (const worker of this.active.workers.values()) this.workers.add(worker);
      for (const language of this.active.languages.values()) watchShares(language);
      this.surroundings.onApplied(this);
    } else if (message.kind === "recall") quarantine.recall(message.remembered, this.clock.nowMs());
    else if (message.kind === "finding") quarantine.hear(message.finding, this.clock.nowMs());
    else if (message.kind === "suspect-answer") {
      this.clock.notePromise();
      quarantine.answered(message.id, message.worker);
    }
  }
}
