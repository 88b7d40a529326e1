/**
 * What a seed means: how many shards, workers and users, and what may happen to them. Every seed leaves out
 * most kinds of trouble, so that each also meets each other one alone.
 */
import { randomBelow, type Random } from "../../src/base/random.js";
import { limitsSchema } from "../../src/snapshot/limits.js";
import type { RequestLimits } from "../../src/shard/messages.js";
import { effects, type Effect } from "./input.js";
import { faults, type Fault, type WorkerTraits } from "./simulated-worker.js";

export interface Scenario {
  readonly shards: number;
  readonly languages: number;
  readonly versionsMax: number;
  readonly workersMax: number;
  readonly traits: WorkerTraits;
  readonly requestsPerSecond: number;
  /** How long there is trouble. */
  readonly troubleMs: number;
  readonly faults: readonly Fault[];
  readonly faultsPerSecond: number;
  readonly changesPerSecond: number;
  readonly shardCrashesPerSecond: number;
  /** Of requests. */
  readonly leavingShare: number;
  readonly hurriedShare: number;
  readonly pinnedShare: number;
  readonly slowUploadShare: number;
  /** What users' sources do beside nothing, and how often. */
  readonly effects: readonly Effect[];
  readonly effectShare: number;
  readonly limits: RequestLimits;
  /** Nothing makes a worker that is right look wrong: there is room, and no source is bad. */
  readonly isCalm: boolean;
}

export function drawScenario(random: Random): Scenario {
  const one = <T>(choices: readonly T[]): T => choices[randomBelow(random, choices.length)]!;
  const some = <T>(all: readonly T[], share: number): T[] => all.filter(() => random.next() < share);
  const rarely = (amount: number): number => (random.next() < 0.4 ? amount * random.next() : 0);
  const workersMax = one([1, 2, 3, 5, 14]);
  const threads = one([1, 2, 4]);
  const requestsPerSecond = one([20, 50, 100]);
  const load = one([0.1, 0.3, 0.6, 0.9, 2]);
  const serviceMs = Math.min(400, Math.max(1, (1_000 * load * workersMax * threads) / requestsPerSecond));
  const badEffects = some(effects.slice(1), 0.3);
  return {
    isCalm: load <= 0.3 && serviceMs <= 100 && badEffects.length === 0,
    shards: one([1, 1, 2]),
    languages: one([1, 1, 2]),
    versionsMax: one([1, 2, 3]),
    workersMax,
    traits: { threads, serviceMs, queueMax: one([10, 50, 200]), streamsMax: one([2, 8, 100, 100]), hasSelfTest: random.next() < 0.8, latencyMs: one([0.1, 0.5, 3]) },
    requestsPerSecond,
    troubleMs: one([500, 1_000, 3_000]),
    faults: some(faults, one([0, 0.15, 0.3, 0.6])),
    faultsPerSecond: one([0.5, 2, 6]),
    changesPerSecond: one([0, 0, 1, 5]),
    shardCrashesPerSecond: one([0, 0, 0, 1]),
    leavingShare: rarely(0.5),
    hurriedShare: rarely(0.5),
    pinnedShare: rarely(0.2),
    slowUploadShare: rarely(0.5),
    effects: badEffects,
    effectShare: rarely(0.1),
    limits: {
      ...limitsSchema.parse({}),
      bodyBytesMax: 1_024,
      bodyBytesHeldPerShardMax: one([2_048, 65_536, 65_536, 65_536]),
      inFlightPerShardMax: one([8, 50, 500, 500]),
      inFlightPerWorkerMax: one([2, 10, 128, 128]),
      attemptsMax: one([1, 2, 3, 3, 3, 5]),
      requestTimeoutMs: one([500, 5_000]),
    },
  };
}
