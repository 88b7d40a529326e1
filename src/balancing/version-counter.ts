/**
 * Which version of a language gets the next request: shares that are exact and interleaved. Pure: knows
 * nothing of workers, of whether a version can serve, or of time.
 *
 * Stride scheduling. Think of a virtual time in which version i is due every 1/wᵢ (its weight as a
 * fraction of all weights): at uᵢ/wᵢ, (1+uᵢ)/wᵢ, (2+uᵢ)/wᵢ … where uᵢ in [0, 1] is its phase. The version due
 * first is picked. Up to virtual time T version i has then been picked T·wᵢ + dᵢ times with |dᵢ| <= 1, and
 * N = T + Σ dⱼ picks were made in all, so nᵢ − N·wᵢ = dᵢ·(1−wᵢ) − wᵢ·Σ(j≠i) dⱼ, and for k versions with weight
 *
 *     |nᵢ − N·wᵢ| <= 1 + (k−2)·wᵢ < 1 + k·wᵢ      after any N picks counted from any snapshot on,
 *
 * because a change of snapshot keeps every phase in [0, 1] and the argument needs nothing else.
 *
 * No drift: what is kept is the whole number nᵢ and the constant uᵢ; the due time is computed anew from
 * them for each pick, never summed up, so an error of rounding never outlives its pick. One turn of all
 * weights (version i picked wᵢ times, each at its integer weight) adds exactly 1 to every due time, so
 * subtracting whole turns from the whole numbers (`rebase`) keeps them small and loses nothing.
 */
import { assert } from "../base/assert.js";
import { randomBelow, type Random } from "../base/random.js";

export interface VersionShare {
  readonly version: string;
  /** A whole number from 0 to 2^31; only its share of the sum matters. 0 is never picked. */
  readonly weight: number;
}

/** Weights beyond this would leave a due time too few bits for the phase. */
const weightMax = 2 ** 31;

/**
 * Rebase after so many turns: often enough that nᵢ + uᵢ keeps 16 bits of phase at the largest weight,
 * rarely enough that a single version with weight 1 does not rebase at every pick.
 */
const turnsPerRebase = 64;

export class VersionCounter {
  readonly #shares: readonly VersionShare[];
  /** nᵢ: picks since the start, less whole turns. */
  readonly #picked: Float64Array;
  /** uᵢ in [0, 1]. */
  readonly #phase: Float64Array;
  readonly #weight: Float64Array;
  /** When version i is due next: (nᵢ + uᵢ) / weightᵢ, Infinity for weight 0. */
  readonly #due: Float64Array;
  /** The virtual time of the last pick; no due time is below it, none is more than one stride above. */
  #nowDue = 0;

  /**
   * Without `previous` the phases are random (see `startPhases`). With it, versions that stay keep the
   * fraction of their stride that was left at the last pick, also when their weight changes; a version that joins, or
   * returns from weight 0, starts at the last pick plus a random fraction of its stride.
   */
  constructor(shares: readonly VersionShare[], random: Random, previous?: VersionCounter) {
    this.#shares = shares;
    this.#picked = new Float64Array(shares.length);
    this.#phase = new Float64Array(shares.length);
    this.#weight = Float64Array.from(shares, (share) => share.weight);
    this.#due = new Float64Array(shares.length);
    for (const weight of this.#weight) {
      assert(Number.isInteger(weight) && weight >= 0 && weight <= weightMax, `version weight out of range: ${weight}`);
    }
    const left = previous?.stridesLeft() ?? new Map<string, number>();
    if (shares.some((share) => share.weight > 0 && left.has(share.version))) {
      shares.forEach((share, index) => (this.#phase[index] = left.get(share.version) ?? random.next()));
    } else {
      this.startPhases(random);
    }
    for (let index = 0; index < shares.length; index++) this.setDue(index);
  }

  /**
   * The index into `shares` of the version that gets the next request, -1 when none has weight. O(k): for the handful
   * of versions a language has, a scan of one Float64Array is faster than any heap.
   */
  pick(): number {
    const due = this.#due;
    let lowest = -1;
    let lowestDue = Infinity;
    for (let index = 0; index < due.length; index++) {
      const candidate = due[index] as number;
      if (candidate < lowestDue) {
        lowestDue = candidate;
        lowest = index;
      }
    }
    if (lowest < 0) return -1;
    this.#nowDue = lowestDue;
    this.#picked[lowest] = (this.#picked[lowest] as number) + 1;
    this.setDue(lowest);
    if (lowestDue >= turnsPerRebase) this.rebase();
    return lowest;
  }

  /**
   * One version, drawn by weight, is due at once; the others anywhere in their first stride. This is how the sequence
   * looks from a randomly chosen pick of an endless run, so that on a shard with little traffic the first
   * pick, and every later one, is version i with probability exactly wᵢ. (Uniform phases for all would give a 1 %
   * version only half a percent of first picks.)
   */
  private startPhases(random: Random): void {
    const sum = this.#weight.reduce((total, weight) => total + weight, 0);
    if (sum === 0) return;
    let rest = randomBelow(random, sum);
    let first = -1;
    this.#weight.forEach((weight, index) => {
      if (first < 0 && rest < weight) first = index;
      rest -= weight;
      this.#phase[index] = random.next();
    });
    this.#phase[first] = 0;
  }

  /** By version with weight: the fraction of its stride, in [0, 1], between the last pick and its next one. */
  private stridesLeft(): Map<string, number> {
    const left = new Map<string, number>();
    this.#shares.forEach((share, index) => {
      const weight = this.#weight[index] as number;
      if (weight === 0) return;
      const strides = (this.#picked[index] as number) + (this.#phase[index] as number) - this.#nowDue * weight;
      left.set(share.version, Math.min(1, Math.max(0, strides)));
    });
    return left;
  }

  private setDue(index: number): void {
    const weight = this.#weight[index] as number;
    this.#due[index] = weight === 0 ? Infinity : ((this.#picked[index] as number) + (this.#phase[index] as number)) / weight;
  }

  private rebase(): void {
    for (let index = 0; index < this.#due.length; index++) {
      this.#picked[index] = (this.#picked[index] as number) - turnsPerRebase * (this.#weight[index] as number);
      this.setDue(index);
    }
    this.#nowDue -= turnsPerRebase;
  }
}
