/**
 * Where the next attempt of an exchange may go: which version, and which of its workers, among those not tried yet.
 * Only looks; must not know what an exchange is, nor why its attempts failed.
 */
import { randomBelow, type Random } from "../base/random.js";
import type { ActiveLanguage, ActiveVersion } from "./active.js";
import type { ActiveWorker } from "./active-worker.js";

/** Who looks for a worker. An exchange is one, so that nothing is made for the question. */
export interface Seeker {
  readonly language: ActiveLanguage;
  /** Whose share it is; undefined when there is none to choose from. */
  readonly version: ActiveVersion | undefined;
  /** Whether another version will do when nobody is left in this one. */
  readonly maySpill: boolean;
  readonly tried: readonly ActiveWorker[];
}

/** How many workers a suspect names, one of which is to be free of suspects. */
const candidatesMax = 8;

/** The seeker's own version while that has an untried usable worker; else, if it may spill, another one by weight, those with room first. */
export function versionToTry(seeker: Seeker, inFlightMax: number, random: Random): ActiveVersion | undefined {
  const { version: own, tried } = seeker;
  if (own === undefined || hasUntried(own, tried)) return own;
  if (!seeker.maySpill) return undefined;
  const others = seeker.language.versions.filter((other) => other !== own && hasUntried(other, tried));
  const roomy = others.filter(({ usable }) => usable.some((worker) => hasRoom(worker, inFlightMax) && !tried.includes(worker)));
  return byWeight(roomy, random) ?? byWeight(others, random);
}

/** An untried worker of `version` that takes one more; undefined when each has its fill. */
export function workerToTry({ choice }: ActiveVersion, tried: readonly ActiveWorker[], inFlightMax: number, nowMs: number, random: Random, batch: number): ActiveWorker | undefined {
  const first = choice.choose(tried, nowMs, random, batch);
  if (first === undefined || hasRoom(first, inFlightMax)) return first;
  const full = choice.usable.filter((worker) => !hasRoom(worker, inFlightMax));
  return choice.choose([...tried, ...full], nowMs, random);
}

/** A few that a suspect could be tried at, best first; `first` is one, and all have room. */
export function candidatesOf({ choice }: ActiveVersion, tried: readonly ActiveWorker[], first: ActiveWorker, inFlightMax: number, nowMs: number, random: Random): readonly ActiveWorker[] {
  const found = [first];
  const passed = [...tried, first];
  for (let next = choice.choose(passed, nowMs, random); next !== undefined && found.length < candidatesMax; next = choice.choose(passed, nowMs, random)) {
    passed.push(next);
    if (hasRoom(next, inFlightMax)) found.push(next);
  }
  return found;
}

/** Whether any worker it might be tried at is usable beside `last`, whose end may not be known everywhere yet. */
export function isAnotherUsable({ version, language, maySpill }: Seeker, last: ActiveWorker | undefined): boolean {
  const isOther = (worker: ActiveWorker): boolean => worker !== last;
  return version?.usable.some(isOther) === true || (maySpill && language.versions.some(({ usable }) => usable.some(isOther)));
}

/** The worker of this id with its version, when the seeker may go to it now. */
export function placeOf(seeker: Seeker, id: string): { readonly version: ActiveVersion; readonly worker: ActiveWorker } | undefined {
  const { version: own, tried, language, maySpill } = seeker;
  if (own === undefined) return undefined;
  const isOwnOnly = hasUntried(own, tried) || !maySpill;
  for (const version of language.versions) {
    if (isOwnOnly ? version !== own : version.weight === 0) continue;
    const worker = version.usable.find((one) => one.id === id && !tried.includes(one));
    if (worker !== undefined) return { version, worker };
  }
  return undefined;
}

export function hasRoom(worker: ActiveWorker, inFlightMax: number): boolean {
  return worker.inFlight < inFlightMax && worker.upstream.availableCalls() > 0;
}

function hasUntried({ usable }: ActiveVersion, tried: readonly ActiveWorker[]): boolean {
  if (tried.length === 0) return usable.length > 0;
  return usable.some((worker) => !tried.includes(worker));
}

function byWeight(versions: readonly ActiveVersion[], random: Random): ActiveVersion | undefined {
  const sum = versions.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) return undefined;
  let rest = randomBelow(random, sum);
  return versions.find(({ weight }) => (rest -= weight) < 0);
}
