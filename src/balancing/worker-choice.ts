/**
 * Which worker of a version gets an attempt: the less loaded of two drawn at random, or among few the least
 * loaded of all. Pure; must not know connections, versions or time. `usable` holds only workers that may be
 * chosen: who is usable is decided elsewhere (ejection.ts and the state of the connection).
 *
 * Hot: plain loops, no allocation, no closure.
 */
import { randomBelow, type Random } from "../base/random.js";

/** What the choice looks at; the shard keeps it up to date in place. All finite. */
export interface Candidate {
  /** Attempts this shard has there now. */
  inFlight: number;
  /** What the worker last reported as its queue depth, as far as it is not this shard's own. */
  reportedDepth: number;
  /** Added after failures, fades with time: a worker that refuses fast must not look fast. */
  penalty: number;
  /** In (0, 1]: below 1 while a new or returning worker starts slowly. */
  warmth: number;
}

/**
 * Up to so many usable workers are all looked at: the same rule with more choices, 37 ns at 32, and a
 * better tail. Beyond, two are drawn (docs/decisions/0001-worker-choice.md).
 */
export const scanWorkersMax = 32;

/** Draws until an untried worker shows up before looking at all instead: with at most three tried of more than 32, about one in 10^8. */
const drawsMax = 8;

/** Outstanding work as this shard sees it, plus the attempt to be placed, as if a cold worker had the more of it. */
export function loadOf(candidate: Candidate): number {
  return (candidate.inFlight + candidate.reportedDepth + candidate.penalty + 1) / candidate.warmth;
}

/**
 * The worker to try next; never one of `tried` (at most three), undefined when no other is left.
 * Ties among all are broken evenly, so that idle workers are used alike.
 */
export function chooseWorker<T extends Candidate>(usable: readonly T[], tried: readonly T[], random: Random): T | undefined {
  if (usable.length <= scanWorkersMax) return leastLoaded(usable, tried, random);
  const first = draw(usable, tried, undefined, random);
  const second = draw(usable, tried, first, random);
  if (first === undefined || second === undefined) return leastLoaded(usable, tried, random);
  return loadOf(second) < loadOf(first) ? second : first;
}

/** One worker at random that is neither tried nor `other`; undefined when luck, not choice, ran out. */
function draw<T extends Candidate>(usable: readonly T[], tried: readonly T[], other: T | undefined, random: Random): T | undefined {
  for (let count = 0; count < drawsMax; count++) {
    const candidate = usable[randomBelow(random, usable.length)];
    if (candidate !== undefined && candidate !== other && !contains(tried, candidate)) return candidate;
  }
  return undefined;
}

function leastLoaded<T extends Candidate>(usable: readonly T[], tried: readonly T[], random: Random): T | undefined {
  let least: T | undefined;
  let leastLoad = Infinity;
  let ties = 0;
  for (let index = 0; index < usable.length; index++) {
    const candidate = usable[index] as T;
    const load = loadOf(candidate);
    if (load > leastLoad || contains(tried, candidate)) continue;
    if (load < leastLoad) {
      least = candidate;
      leastLoad = load;
      ties = 1;
    } else {
      ties++;
    }
  }
  if (ties <= 1) return least;
  // A second pass rather than "the first from a random start": that would send a lone idle worker after a
  // run of busy ones more than its share.
  let skip = randomBelow(random, ties);
  for (let index = 0; index < usable.length; index++) {
    const candidate = usable[index] as T;
    if (loadOf(candidate) === leastLoad && !contains(tried, candidate) && skip-- === 0) return candidate;
  }
  return least;
}

/** `Array.includes` would do; for the usual none or one a loop is inlined. */
function contains<T>(tried: readonly T[], candidate: T): boolean {
  for (let index = 0; index < tried.length; index++) if (tried[index] === candidate) return true;
  return false;
}
