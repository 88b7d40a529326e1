/** The ways to choose that the simulation compares: Lintel's own, run as it is, and those it was chosen over. */
import { randomBelow, type Random } from "../../src/base/random.js";
import { ejectionDefaults } from "../../src/balancing/ejection.js";
import { choiceDefaults, newCandidate, WorkerSet, type Candidate, type ChoiceOptions } from "../../src/balancing/worker-choice.js";
import { turnMs, type Policy, type PolicyMaker, type Truth } from "./cluster.js";
import type { ClusterOptions } from "./cluster-options.js";

const nothing = (): void => undefined;

/** Policies without a memory of refusals or of who is cold; for the comparison in the steady state. */
function simple(choose: (shard: number, nowMs: number) => number, rest: Partial<Policy> = {}): Policy {
  return { choose: (shard, tried, nowMs) => (tried.length > 0 ? -1 : choose(shard, nowMs)), answered: nothing, refused: nothing, ...rest };
}

function two(random: Random, count: number): [number, number] {
  const first = randomBelow(random, count);
  const second = randomBelow(random, count - 1);
  return [first, second >= first ? second + 1 : second];
}

export const randomChoice: PolicyMaker = ({ workers }, random) => simple(() => randomBelow(random, workers));

export const roundRobin: PolicyMaker = ({ workers, shards }, random) => {
  const next = Int32Array.from({ length: shards }, () => randomBelow(random, workers));
  return simple((shard) => (next[shard] = (next[shard]! + 1) % workers));
};

/** Every dispatcher knows every worker's queue at every instant. */
export const centralShortest: PolicyMaker = ({ workers }: ClusterOptions, random: Random, { depth }: Truth) =>
  simple(() => {
    let shortest = 0;
    let ties = 0;
    for (let worker = 0; worker < workers; worker++) {
      if (depth[worker]! < depth[shortest]! || ties === 0) {
        shortest = worker;
        ties = 1;
      } else if (depth[worker] === depth[shortest] && random.next() * ++ties < 1) shortest = worker;
    }
    return shortest;
  });

/** Two choices by what all shards together have in flight: one array shared by all of them. */
export const twoShared: PolicyMaker = ({ workers }, random, { depth }) =>
  simple(() => {
    const [first, second] = two(random, workers);
    return depth[second]! < depth[first]! ? second : first;
  });

interface LocalRule {
  /** 0 for all workers. */
  readonly choices: number;
  readonly reports: "none" | "as is" | "less own";
  /** After so long a report counts 1/e, toward 0; Infinity for as long as no newer one comes. */
  readonly fadeMs?: number;
}

/** Choices by this shard's own counts, with or without the workers' reports. */
export function local({ choices, reports, fadeMs = Infinity }: LocalRule): PolicyMaker {
  return ({ workers, shards }, random) => {
    const inFlight = new Int32Array(workers * shards);
    const reported = new Float64Array(workers * shards);
    const reportedAtMs = new Float64Array(workers * shards);
    const load = (place: number, nowMs: number): number =>
      inFlight[place]! + (reports === "none" ? 0 : reported[place]! * (fadeMs === Infinity ? 1 : Math.exp((reportedAtMs[place]! - nowMs) / fadeMs)));
    const choose = (shard: number, nowMs: number): number => {
      const offset = shard * workers;
      const start = randomBelow(random, workers);
      let least = -1;
      let leastLoad = Infinity;
      for (let count = 0; count < (choices === 0 ? workers : choices); count++) {
        const worker = choices === 0 ? (start + count) % workers : randomBelow(random, workers);
        if (worker === least) continue;
        const candidate = load(offset + worker, nowMs);
        if (candidate < leastLoad) {
          least = worker;
          leastLoad = candidate;
        }
      }
      inFlight[offset + least]!++;
      return least;
    };
    const answered: Policy["answered"] = (shard, worker, queueDepth, _answerMs, nowMs) => {
      const place = shard * workers + worker;
      inFlight[place]!--;
      reported[place] = reports === "less own" ? Math.max(0, queueDepth - inFlight[place]!) : queueDepth;
      reportedAtMs[place] = nowMs;
    };
    return simple(choose, { answered });
  };
}

interface SimulatedWorker extends Candidate {
  readonly number: number;
}

export interface LintelOptions extends ChoiceOptions {
  readonly slowStartMs: number;
  readonly warmthMin: number;
}

export const lintelDefaults: LintelOptions = {
  ...choiceDefaults,
  slowStartMs: ejectionDefaults.slowStartMs,
  warmthMin: ejectionDefaults.warmthMin,
};

/** The rule in src/balancing/worker-choice.ts itself. */
export function lintel(changes: Partial<LintelOptions> = {}): PolicyMaker {
  const options = { ...lintelDefaults, ...changes };
  return ({ workers, shards }, random) => {
    const sides = Array.from({ length: shards }, () => new ShardSide(workers, options));
    return {
      choose: (shard, tried, nowMs) => sides[shard]!.choose(tried, nowMs, random),
      answered: (shard, worker, queueDepth, answerMs, nowMs, costMs) => sides[shard]!.answered(worker, queueDepth, answerMs, nowMs, costMs),
      refused: (shard, worker, queueDepth, nowMs) => sides[shard]!.refused(worker, queueDepth, nowMs),
      membership: (usable, joinedAtMs, nowMs) => {
        for (const side of sides) side.membership(usable, joinedAtMs, nowMs);
      },
    };
  };
}

/** One shard's view of all workers. */
class ShardSide {
  private readonly set: WorkerSet<SimulatedWorker>;
  private readonly workers: SimulatedWorker[];
  private members: readonly SimulatedWorker[] = [];

  constructor(count: number, private readonly options: LintelOptions) {
    this.set = new WorkerSet<SimulatedWorker>(options);
    this.workers = Array.from({ length: count }, (_, number) => ({ ...newCandidate(), number }));
  }

  choose(tried: readonly number[], nowMs: number, random: Random): number {
    const worker = this.set.choose(tried.map((number) => this.workers[number]!), nowMs, random, Math.floor(nowMs / turnMs));
    if (worker === undefined) return -1;
    worker.inFlight++;
    return worker.number;
  }

  answered(number: number, queueDepth: number, answerMs: number, nowMs: number, costMs: number): void {
    const worker = this.workers[number]!;
    worker.inFlight--;
    this.set.noteAnswer(worker, queueDepth, answerMs, nowMs, costMs);
  }

  refused(number: number, queueDepth: number, nowMs: number): void {
    const worker = this.workers[number]!;
    worker.inFlight--;
    this.set.noteReport(worker, queueDepth, nowMs);
    this.set.noteFailure(worker, nowMs);
  }

  membership(usable: readonly boolean[], joinedAtMs: readonly number[], nowMs: number): void {
    const { slowStartMs, warmthMin } = this.options;
    for (const worker of this.workers) {
      const ageMs = nowMs - joinedAtMs[worker.number]!;
      worker.warmth = ageMs >= slowStartMs ? 1 : warmthMin + ((1 - warmthMin) * ageMs) / slowStartMs;
    }
    const members = this.workers.filter((worker) => usable[worker.number]);
    if (members.length === this.members.length && members.every((worker, index) => worker === this.members[index])) return;
    this.members = members;
    this.set.usable = members;
  }
}
