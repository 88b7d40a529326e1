/**
 * Whether something disturbs a load, on a machine that is disturbed by others as well: calm and disturbed phases take
 * turns within one run, each is cut into slices, and what is compared is the median of each kind's slices' p99. A burst from
 * elsewhere spoils some slices and not the median; a disturbance that is ours is in every slice of its kind. While
 * the ratio is above what is allowed, more phases follow up to a bound.
 */
import { delay } from "../../src/base/clock.js";
import { type LoadResult, type OpenLoad, percentile } from "./open-load.js";

export interface AlternationOptions {
  readonly load: OpenLoad;
  readonly ratioMax: number;
  /** Begins the disturbance, which must last for `phaseMs`. */
  readonly disturb: () => void | Promise<void>;
  /** Ends it; resolves when nothing is left of it. */
  readonly calm: () => void | Promise<void>;
}

export interface Comparison {
  readonly rounds: number;
  readonly calmP99Ms: number;
  readonly disturbedP99Ms: number;
  readonly ratio: number;
}

export const phaseMs = 3_000;
const sliceMs = 500;
const roundsMin = 3;
const roundsMax = 8;

export async function compareAlternating({ load, ratioMax, disturb, calm }: AlternationOptions): Promise<Comparison> {
  const calmP99s: number[] = [];
  const disturbedP99s: number[] = [];
  for (let round = 1; ; round++) {
    calmP99s.push(...(await sliceP99s(load)));
    await disturb();
    disturbedP99s.push(...(await sliceP99s(load)));
    await calm();
    const [calmP99Ms, disturbedP99Ms] = [median(calmP99s), median(disturbedP99s)];
    const ratio = disturbedP99Ms / calmP99Ms;
    if (round >= roundsMax || (round >= roundsMin && ratio <= ratioMax)) return { rounds: round, calmP99Ms, disturbedP99Ms, ratio };
  }
}

/** Of every slice of the phase that begins now. */
async function sliceP99s(load: OpenLoad): Promise<number[]> {
  const fromMs = load.nowMs;
  await delay(phaseMs);
  await load.settled(fromMs + phaseMs);
  return p99sOfSlices(load.results.filter(({ dueMs }) => dueMs >= fromMs && dueMs < fromMs + phaseMs));
}

/** The p99 of each half second, in ms. */
export function p99sOfSlices(results: readonly LoadResult[], of: "latencyMs" | "serverMs" = "latencyMs"): number[] {
  const slices = new Map<number, LoadResult[]>();
  for (const result of results) {
    const slice = Math.floor(result.dueMs / sliceMs);
    slices.set(slice, [...(slices.get(slice) ?? []), result]);
  }
  return [...slices.values()].map((slice) => percentile(slice, 0.99, of));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export function describeComparison({ rounds, calmP99Ms, disturbedP99Ms, ratio }: Comparison): string {
  return `p99 ${calmP99Ms.toFixed(1)} ms calm, ${disturbedP99Ms.toFixed(1)} ms disturbed: ${ratio.toFixed(2)} x (medians of ${(rounds * phaseMs) / sliceMs} slices each)`;
}
