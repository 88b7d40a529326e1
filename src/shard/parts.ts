/**
 * The parts of one shard behind its listener, wired together and ticking. Must not know threads, sockets or
 * what the main thread is: the simulator runs this very wiring.
 */
import type { Clock } from "../base/clock.js";
import type { Random } from "../base/random.js";
import { NovelInputs } from "../balancing/novel-inputs.js";
import { PoisonMemory } from "../balancing/poison.js";
import { RetryBudget } from "../balancing/retry-budget.js";
import type { ShardPlace } from "../balancing/worker-part.js";
import type { OpenConnection } from "../upstream/connection.js";
import { AccessRecorder } from "./access-recorder.js";
import { AccessRing } from "./access-ring.js";
import { BodyMemory } from "./body-memory.js";
import { ExchangeTable } from "./exchange-table.js";
import { defaultHealthOptions, HealthKeeper, healthTickMs } from "./health-keeper.js";
import type { Incoming, IncomingContext } from "./incoming.js";
import type { FromShard, RequestLimits, ShardOptions } from "./messages.js";
import { Quarantine } from "./quarantine.js";
import { ShardRoot } from "./root.js";
import { shardCells, type Statistics } from "./statistics.js";
import { UnreadReplies } from "./unread-replies.js";

/** How often deadlines are checked: a deadline may be late by so much. */
export const tickMs = 5;
/** How often expired suspicions are dropped. */
const forgetMs = 1_000;

export interface PartsDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly statistics: Statistics;
  readonly openConnection: OpenConnection;
  /** See `ExchangeContext`. */
  readonly batch: () => number;
  readonly limits: RequestLimits;
  /** Among the shards of its balancer; the only one when not given. */
  readonly place?: ShardPlace;
  /** See balancing/novel-inputs.ts; all shards have the same. */
  readonly novelInputs: Int32Array;
  readonly isDraining: () => boolean;
  /** See `ShardOptions`. */
  readonly access?: ShardOptions["access"];
  /** To the main thread, and through it to the other shards. */
  readonly say: (message: FromShard) => void;
}

export interface ShardParts {
  readonly root: ShardRoot;
  readonly quarantine: Quarantine;
  /** What requests need. */
  readonly context: IncomingContext;
}

const onlyShard: ShardPlace = { shard: 0, shards: 1, balancer: "" };

export function wireParts({ clock, random, statistics, openConnection, batch, limits, place = onlyShard, novelInputs, isDraining, access, say }: PartsDependencies): ShardParts {
  // 1. The root: snapshots become connections to workers, and workers become usable or not.
  const root = new ShardRoot({
    clock,
    random,
    statistics,
    openConnection,
    limits,
    place,
    onReconnected: (worker) => health.noteReconnected(worker),
    onUsable: (versions) => say({ kind: "usable", versions }),
  });
  const health = new HealthKeeper({
    clock,
    random,
    statistics,
    active: () => root.active,
    options: defaultHealthOptions,
    onChange: (worker, change) => {
      root.noteUsable(worker);
      const { phase } = worker.health;
      say({ kind: "worker", worker: worker.id, change, reason: "reason" in phase ? phase.reason : "" });
    },
  });
  const quarantine = new Quarantine(new PoisonMemory(), new NovelInputs(novelInputs), {
    ask: (id, hash, workers) => say({ kind: "suspect-ask", id, hash, workers }),
    done: (id) => say({ kind: "suspect-done", id }),
    tell: (finding) => say({ kind: "finding", finding }),
  });

  // 2. What exchanges share.
  const context: IncomingContext = {
    clock,
    random,
    active: () => root.active,
    limits,
    statistics,
    table: new ExchangeTable(),
    budget: new RetryBudget(clock.nowMs()),
    health,
    quarantine,
    batch,
    uploads: new Set<Incoming>(),
    bodies: new BodyMemory(),
    unread: new UnreadReplies(limits.replyBytesHeldPerShardMax, limits.requestTimeoutMs, statistics, clock),
    isDraining,
    access: access && new AccessRecorder(new AccessRing(access.memory), access, statistics, clock, random),
  };

  // 3. Time, last: what it drives is there.
  clock.every(tickMs, () => {
    const nowMs = clock.nowMs();
    context.table.tick(nowMs);
    quarantine.tick();
    for (const upload of context.uploads) upload.onTick(nowMs);
    context.unread.tick(nowMs);
    statistics.set(shardCells.exchangesInFlight, context.table.size);
  });
  clock.every(healthTickMs, () => {
    health.tick(clock.nowMs());
    root.tick(clock.nowMs());
  });
  clock.every(forgetMs, () => quarantine.forgetExpired(clock.nowMs()));
  return { root, quarantine, context };
}
