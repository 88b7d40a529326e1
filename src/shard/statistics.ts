/**
 * Counters and latencies of one shard in memory that only this shard writes and the main thread reads
 * whenever it likes: a scrape costs the hot path nothing. Float64 cells are written whole on every platform
 * Node runs on, so a reader sees the old or the new value, never a mixture. Must not know metric names.
 */

/** Outcomes of exchanges, by HTTP status; 499 (nginx's number) is a client that left before the answer. */
export const outcomeStatuses = [200, 400, 401, 404, 405, 406, 408, 413, 415, 422, 429, 499, 500, 502, 503, 504] as const;

/** Per shard. */
export const shardCells = {
  exchangesInFlight: 0,
  bodyBytesHeld: 1,
  connections: 2,
  attempts: 3,
  retries: 4,
  budgetRefused: 5,
  shed: 6,
  spilled: 7,
  poisonRefused: 8,
  eventLoopTurns: 9,
  replyBytesHeld: 10,
  accessDropped: 11,
  rateLimited: 12,
} as const;
const shardCellCount = 16;

/** Per version: one cell per outcome status, then these. */
export const versionCells = { attempts: outcomeStatuses.length, spilledAway: outcomeStatuses.length + 1, spreading: outcomeStatuses.length + 2 } as const;
const versionCellCount = 32;

/** Per worker. `answerMicros` is the sum over `answers`. */
export const workerCells = { inFlight: 0, attempts: 1, failures: 2, reportedDepth: 3, usable: 4, ejections: 5, answers: 6, answerMicros: 7 } as const;
const workerCellCount = 8;

export interface StatisticsSizes {
  /** Slots for versions over all languages; slot 0 stands for requests that reached no version. */
  readonly versionsMax: number;
  readonly workersMax: number;
  /** Slots for latency histograms, one per language; slot 0 for requests that reached none. */
  readonly languagesMax: number;
}

/** Untouched pages of a fresh shared buffer cost no memory, so these are generous. */
export const defaultStatisticsSizes: StatisticsSizes = { versionsMax: 4_096, workersMax: 32_768, languagesMax: 512 };

/**
 * Log-linear latency buckets: 32 per octave (3 % wide) from 1 µs to 67 s, exact below 32 µs.
 * The scheme of HdrHistogram (Gil Tene) at 5 significant bits.
 */
const subBucketBits = 5;
const subBuckets = 1 << subBucketBits;
const latencyMaxMicros = 2 ** 26 - 1;
export const latencyBuckets = (26 - subBucketBits + 1) * subBuckets;

/** The bucket of a latency in whole microseconds. */
export function bucketOf(micros: number): number {
  const value = micros >= latencyMaxMicros ? latencyMaxMicros : micros < 0 ? 0 : micros | 0;
  if (value < subBuckets) return value;
  const shift = 31 - Math.clz32(value) - subBucketBits;
  return shift * subBuckets + (value >> shift);
}

/** The middle of a bucket, in microseconds: what a merged histogram records for it. */
export function microsOf(bucket: number): number {
  if (bucket < subBuckets * 2) return bucket;
  const shift = Math.floor(bucket / subBuckets) - 1;
  const low = (bucket - shift * subBuckets) * 2 ** shift;
  return low + 2 ** shift / 2;
}

export class Statistics {
  readonly cells: Float64Array;
  private readonly versionsAt: number;
  private readonly workersAt: number;
  private readonly latenciesAt: number;

  /** `memory` from `Statistics.allocate`; both sides use the same sizes. */
  constructor(
    readonly memory: SharedArrayBuffer,
    readonly sizes: StatisticsSizes = defaultStatisticsSizes,
  ) {
    this.cells = new Float64Array(memory);
    this.versionsAt = shardCellCount;
    this.workersAt = this.versionsAt + sizes.versionsMax * versionCellCount;
    this.latenciesAt = this.workersAt + sizes.workersMax * workerCellCount;
  }

  static allocate(sizes: StatisticsSizes = defaultStatisticsSizes): SharedArrayBuffer {
    const cells =
      shardCellCount +
      sizes.versionsMax * versionCellCount +
      sizes.workersMax * workerCellCount +
      sizes.languagesMax * (latencyBuckets + 1);
    return new SharedArrayBuffer(cells * 8);
  }

  shardCell(cell: number): number {
    return cell;
  }

  versionCell(slot: number, cell: number): number {
    return this.versionsAt + slot * versionCellCount + cell;
  }

  workerCell(slot: number, cell: number): number {
    return this.workersAt + slot * workerCellCount + cell;
  }

  latencyCell(slot: number, bucket: number): number {
    return this.latenciesAt + slot * (latencyBuckets + 1) + bucket;
  }

  /** The cell behind a language's buckets: the sum of its latencies in microseconds. */
  latencySumCell(slot: number): number {
    return this.latencyCell(slot, latencyBuckets);
  }

  add(cell: number, amount: number): void {
    this.cells[cell] = (this.cells[cell] ?? 0) + amount;
  }

  set(cell: number, value: number): void {
    this.cells[cell] = value;
  }

  get(cell: number): number {
    return this.cells[cell] ?? 0;
  }

  /** Counts one settled exchange. */
  countOutcome(versionSlot: number, languageSlot: number, status: number, micros: number): void {
    const outcome = outcomeStatuses.indexOf(status as (typeof outcomeStatuses)[number]);
    this.add(this.versionCell(versionSlot, outcome < 0 ? outcomeStatuses.indexOf(500) : outcome), 1);
    this.add(this.latencyCell(languageSlot, bucketOf(micros)), 1);
    this.add(this.latencySumCell(languageSlot), micros);
  }

  /** Sets to zero what counts the present rather than the past. */
  clearGauges(): void {
    for (const cell of [shardCells.exchangesInFlight, shardCells.bodyBytesHeld, shardCells.replyBytesHeld, shardCells.connections]) this.set(cell, 0);
    for (let slot = 0; slot < this.sizes.versionsMax; slot++) this.clear(this.versionCell(slot, versionCells.spreading));
    for (let slot = 0; slot < this.sizes.workersMax; slot++) {
      for (const cell of [workerCells.inFlight, workerCells.usable, workerCells.reportedDepth]) this.clear(this.workerCell(slot, cell));
    }
  }

  /** Untouched memory stays untouched. */
  private clear(cell: number): void {
    if (this.get(cell) !== 0) this.set(cell, 0);
  }

  /** Empties a version's slot before it is given to another one. */
  clearVersion(slot: number): void {
    this.cells.fill(0, this.versionCell(slot, 0), this.versionCell(slot + 1, 0));
  }

  clearWorker(slot: number): void {
    this.cells.fill(0, this.workerCell(slot, 0), this.workerCell(slot + 1, 0));
  }

  clearLanguage(slot: number): void {
    this.cells.fill(0, this.latencyCell(slot, 0), this.latencyCell(slot + 1, 0));
  }
}
