/**
 * How evenly the workers of a version are used when no shard connects to all of them: the shards' own choice of parts and of
 * workers, for all shards of all balancers, equally busy.
 */
import { nextShare, partOf } from "../../src/balancing/worker-part.js";
import { type Candidate, choiceDefaults, newCandidate, WorkerSet } from "../../src/balancing/worker-choice.js";
import { seededRandom } from "../../src/base/random.js";
import { defaultConfiguration } from "../../src/snapshot/configuration.js";
import { type FleetSize, languagesOf, workersIn } from "./fleet-size.js";

export interface LoadSpreadResult {
  readonly balancers: number;
  readonly shards: number;
  /** Connections of one shard to all workers. */
  readonly connections: number;
  /** The worker that is furthest from the mean of its version: 0.1 is a tenth. */
  readonly furthest: number;
}

export interface LoadSpreadGiven {
  readonly size: FleetSize;
  readonly balancers: number;
  readonly shards: number;
  /** How many languages are looked at; each is like the others. */
  readonly languages: number;
  readonly requestsPerWorker: number;
}

/** What a shard has in flight at a version while it is busy. */
const inFlight = 8;

class Chosen implements Candidate {
  inFlight = 0;
  warmth = 1;
  reportedDepth = 0;
  reportedAtMs = -Infinity;
  slowness = 1;
  penalty = 0;
  penaltyAtMs = 0;
  costMs = 0;
  place = -1;
  constructor(readonly id: string) {
    Object.assign(this, newCandidate());
  }
}

export function measureLoadSpread({ size, balancers, shards, languages, requestsPerWorker }: LoadSpreadGiven): LoadSpreadResult {
  const share = nextShare(1, workersIn(size), defaultConfiguration().limits.connectionsPerShardMax);
  const random = seededRandom(1);
  let [furthest, connections] = [0, 0];
  for (const { versions } of languagesOf(size).slice(0, languages)) {
    for (const { workers } of versions) {
      const requests = new Map(workers.map(({ id }) => [id, 0]));
      for (let place = 0; place < balancers * shards; place++) {
        const part = partOf(workers, { shard: place % shards, shards, balancer: `b${Math.floor(place / shards)}` }, share);
        if (place === 0) connections += part.length;
        const set = new WorkerSet<Chosen>(choiceDefaults);
        set.usable = part.map(({ id }) => new Chosen(id));
        const underway: Chosen[] = [];
        for (let count = 0; count < (requestsPerWorker * workers.length) / (balancers * shards); count++) {
          const chosen = set.choose([], count, random)!;
          chosen.inFlight++;
          requests.set(chosen.id, requests.get(chosen.id)! + 1);
          underway.push(chosen);
          if (underway.length >= inFlight) underway.splice(Math.floor(random.next() * underway.length), 1)[0]!.inFlight--;
        }
      }
      const mean = [...requests.values()].reduce((sum, one) => sum + one, 0) / workers.length;
      for (const one of requests.values()) furthest = Math.max(furthest, Math.abs(one / mean - 1));
    }
  }
  return { balancers, shards, connections: Math.round((connections * size.languages) / languages), furthest };
}
