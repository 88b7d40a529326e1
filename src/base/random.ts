/**
 * The only door to chance. Pure code takes a `Random`, so that a test can repeat a run from its seed.
 */

export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

export const systemRandom: Random = { next: () => Math.random() };

/**
 * A small seeded generator (mulberry32, public domain, Tommy Ettinger): good enough for balancing and
 * simulation, useless for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next(): number {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    },
  };
}

/** A whole number in [0, bound). `bound` must be at least 1. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** `valueMs` spread evenly over ±`fraction` of itself, so that many actors do not act in step. */
export function jitter(random: Random, valueMs: number, fraction: number): number {
  return valueMs * (1 - fraction + 2 * fraction * random.next());
}
