/**
 * How often a client may ask: the Generic Cell Rate Algorithm (ITU-T I.371, annex A, in its virtual scheduling form), which is a token
 * bucket kept as one number: the time at which the client's allowance would be whole again. Pure: takes the time and the memory as
 * arguments. Must not know who the clients are.
 *
 * The memory is shared by all shards, since one client's connections are spread over them. Its cells are written without locks: when two
 * shards admit the same client in the same 50 ns, one of the two is not counted. A cell is written whole on every platform Node runs
 * on, so nothing else can come of it.
 */

export interface RateLimitOptions {
  /** So many in each period, in the long run. */
  readonly requests: number;
  readonly periodMs: number;
  /** So many at once, after a pause. */
  readonly burst: number;
}

export interface RateVerdict {
  readonly allowed: boolean;
  /** How many more would be allowed now. */
  readonly remaining: number;
  /** Until the allowance is whole again. */
  readonly resetMs: number;
  /** Until the next one is allowed; 0 when it is now. */
  readonly retryAfterMs: number;
}

/** Clients are remembered while their allowance is not whole; beyond so many, whoever is closest to that is forgotten, which errs on the client's side. 1 MiB. */
export const rateLimitClientsMax = 65_536;
/** Places where a client may be: a set is full when nine clients that are being counted have it. */
const ways = 8;
/** Who, and when its allowance is whole. */
const cellsPerPlace = 2;
/** Sums of fractions of milliseconds are off by less for a hundred years; a request that is early by so little is on time. */
const epsilonMs = 1e-3;

export class RateLimit {
  private readonly cells: Float64Array;
  private readonly sets: number;
  private readonly intervalMs: number;
  private readonly toleranceMs: number;

  /** `memory` from `allocate`. */
  constructor(memory: SharedArrayBuffer, private readonly options: RateLimitOptions) {
    this.cells = new Float64Array(memory);
    this.sets = this.cells.length / cellsPerPlace / ways;
    this.intervalMs = options.periodMs / options.requests;
    this.toleranceMs = this.intervalMs * (options.burst - 1);
  }

  /** `clients` is a multiple of 8. */
  static allocate(clients = rateLimitClientsMax): SharedArrayBuffer {
    return new SharedArrayBuffer(clients * cellsPerPlace * Float64Array.BYTES_PER_ELEMENT);
  }

  /**
   * One request of the client with this `key`, a whole number from 1 to 2^53 - 1. A refused one is not counted. `nowMs` counts from
   * the start of the balancer, so that fractions are exact, and is the same on all shards; when it goes back, clients get a whole allowance
   * rather than none.
   */
  take(key: number, nowMs: number): RateVerdict {
    const { cells, intervalMs, toleranceMs } = this;
    const place = this.placeOf(key, nowMs);
    const known = cells[place] === key ? (cells[place + 1] ?? 0) : 0;
    const wholeAtMs = known > nowMs + toleranceMs + intervalMs + 2 * epsilonMs ? nowMs : Math.max(known, nowMs);
    const earlyMs = wholeAtMs - nowMs - toleranceMs;
    if (earlyMs > epsilonMs) return this.verdict(false, wholeAtMs - nowMs, earlyMs);
    const nextMs = wholeAtMs + intervalMs;
    cells[place] = key;
    cells[place + 1] = nextMs;
    return this.verdict(true, nextMs - nowMs, 0);
  }

  private verdict(allowed: boolean, resetMs: number, retryAfterMs: number): RateVerdict {
    const { burst } = this.options;
    const remaining = Math.max(0, Math.floor(burst - (resetMs - epsilonMs) / this.intervalMs));
    return { allowed, remaining, resetMs, retryAfterMs };
  }

  /** Where the client is; else a place that nobody needs, or that of whoever is missed least. */
  private placeOf(key: number, nowMs: number): number {
    const { cells } = this;
    const first = (key % this.sets) * ways * cellsPerPlace;
    let least = first;
    let leastMs = Infinity;
    for (let place = first; place < first + ways * cellsPerPlace; place += cellsPerPlace) {
      if (cells[place] === key) return place;
      const wholeAtMs = Math.max(cells[place + 1] ?? 0, nowMs);
      if (wholeAtMs < leastMs) {
        leastMs = wholeAtMs;
        least = place;
      }
    }
    return least;
  }
}

/** A key for a text. `seed` is random and nobody else's, so that nobody can look for clients who share a key; it is below 2^32. */
export function rateLimitKeyOf(text: string, seed: number): number {
  let low = seed | 0;
  let high = Math.imul(seed | 0, 0x9e3779b1) ^ 0x7f4a7c15;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x85ebca6b);
    high = Math.imul(high ^ code, 0xc2b2ae35);
    low ^= low >>> 13;
    high ^= high >>> 16;
  }
  low = Math.imul(low ^ (high >>> 15), 0x2c1b3c6d);
  high = Math.imul(high ^ (low >>> 13), 0x297a2d39);
  return ((high & 0x1fffff) * 2 ** 32 + ((low ^ (low >>> 16)) >>> 0)) || 1;
}
