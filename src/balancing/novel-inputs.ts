/**
 * Which inputs were answered before, and at which worker one that never was is in flight now, over all shards.
 * Inputs are known by a fingerprint: so cheap that every request can have one, so weak that it may only ever
 * decide where a request goes, never whether it is refused. Pure arithmetic on memory that the caller gives.
 *
 * Why: an input that ends workers is dangerous while nobody knows it. Ten copies of it that arrive at once would be spread
 * over ten workers and end them all. So a copy of an input that was never answered follows the first one; once it was
 * answered it is free to go anywhere, and benchmarks and CI jobs that send the same file again and again lose nothing.
 *
 * Cost: bench/micro/novel-inputs.ts; a fingerprint and all look-ups of a request take about 40 ns.
 */

/** At most 16 bytes are looked at: with the length they tell files apart that are not the same file edited in one place. */
const sampledBits = 4;
/** FNV-1a's (Fowler, Noll, Vo; public domain). */
const prime = 0x01000193;

/** Never 0. `salt` keeps apart what the bytes do not say: language, version, file name. */
export function fingerprintOf(source: Uint8Array, salt: number): number {
  const { length } = source;
  let mixed = Math.imul(length ^ 0x811c9dc5, prime) ^ salt;
  const step = (length >> sampledBits) + 1;
  for (let at = length - 1; at >= 0; at -= step) mixed = Math.imul(mixed ^ (source[at] as number), prime);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed ^= mixed >>> 13;
  return mixed === 0 ? 1 : mixed;
}

/**
 * Entries of either table: 64 KiB each, which stays in the second-level cache. With a thousand requests in flight one in
 * sixteen finds its entry taken by another input and goes without.
 */
export const novelEntries = 16_384;

/** Workers' slots are below this (`defaultStatisticsSizes.workersMax`); the bits above tell inputs apart. */
const slotBits = 15;
const slotMask = (1 << slotBits) - 1;

/** The part of it that all shards share: one entry an input in flight, 0 when there is none. */
export function newSharedNovelInputs(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(novelEntries * Int32Array.BYTES_PER_ELEMENT));
}

export class NovelInputs {
  /** Fingerprints of answered inputs, this shard's own; a newer one takes an older one's place. */
  private readonly answered = new Int32Array(novelEntries);

  constructor(private readonly shared: Int32Array) {}

  isAnswered(fingerprint: number): boolean {
    return this.answered[indexOf(fingerprint)] === fingerprint;
  }

  noteAnswered(fingerprint: number): void {
    this.answered[indexOf(fingerprint)] = fingerprint;
  }

  /**
   * Before the input goes to the worker with this `slot` (1 or more). 0: its place is entered, and the caller gives it back by
   * `leave`. Otherwise the slot of the worker where another shard has the same input in flight; or -1, when the entry
   * is taken by another input.
   */
  enter(fingerprint: number, slot: number): number {
    const entry = entryOf(fingerprint, slot);
    const before = Atomics.compareExchange(this.shared, indexOf(fingerprint), 0, entry);
    if (before === 0) return 0;
    return ((before ^ entry) & ~slotMask) === 0 ? before & slotMask : -1;
  }

  /** The input, whose place the caller has, goes to another worker. */
  move(fingerprint: number, slot: number): void {
    Atomics.store(this.shared, indexOf(fingerprint), entryOf(fingerprint, slot));
  }

  leave(fingerprint: number): void {
    Atomics.store(this.shared, indexOf(fingerprint), 0);
  }
}

/** The place of a fingerprint in a table of `novelEntries`. */
export function indexOf(fingerprint: number): number {
  return fingerprint & (novelEntries - 1);
}

function entryOf(fingerprint: number, slot: number): number {
  return (fingerprint & ~slotMask) | slot;
}
