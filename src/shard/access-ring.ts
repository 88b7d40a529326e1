/**
 * Records of requests on their way from a shard to the main thread: a ring in memory that both see, into which only the shard puts and
 * from which only the main thread takes. Neither waits: when it is full a record is dropped. Names are slot numbers here
 * (statistics.ts). Must not know what is done with records, and holds nothing of a source.
 */

/** One request. The shard fills the same one again and again. */
export interface AccessRecord {
  /** When it was answered, in milliseconds since 1970. */
  wallMs: number;
  /** From its arrival to its answer. */
  durationMs: number;
  /** 0 when it reached none. */
  languageSlot: number;
  versionSlot: number;
  workerSlot: number;
  attempts: number;
  status: number;
  /** Its place in `accessReasons`. */
  reason: number;
  sourceBytes: number;
  spilled: boolean;
  /** ASCII; "" when it was given none. */
  requestId: string;
  /** "" when it came without a trace. */
  traceId: string;
}

export function emptyAccessRecord(): AccessRecord {
  return { wallMs: 0, durationMs: 0, languageSlot: 0, versionSlot: 0, workerSlot: 0, attempts: 0, status: 0, reason: 0, sourceBytes: 0, spilled: false, requestId: "", traceId: "" };
}

/**
 * Records of a shard that wait for the main thread, which takes them every 50 ms: a shard at full speed makes 4,000 in that time.
 * 2 MiB, of which only what is used is ever touched.
 */
export const accessRecordsMax = 8_192;

const numbersPerRecord = 10;
/** What a request may call itself (reply.ts). */
const idBytesMax = 128;
const traceBytesMax = 32;
/** Their lengths, and the texts. */
const textBytes = 2 + idBytesMax + traceBytesMax;
const recordBytes = numbersPerRecord * Float64Array.BYTES_PER_ELEMENT + textBytes;
const endsBytes = 16;
const [headAt, tailAt] = [0, 1];

export class AccessRing {
  /** How many were put in and taken out, modulo 2^32. */
  private readonly ends: Int32Array;
  private readonly numbers: Float64Array;
  private readonly text: Uint8Array;
  private readonly records: number;

  /** `memory` from `allocate`. */
  constructor(memory: SharedArrayBuffer) {
    this.records = (memory.byteLength - endsBytes) / recordBytes;
    this.ends = new Int32Array(memory, 0, 2);
    this.numbers = new Float64Array(memory, endsBytes, this.records * numbersPerRecord);
    this.text = new Uint8Array(memory, endsBytes + this.numbers.byteLength);
  }

  /** `records` is a power of two, so that the counters may wrap. */
  static allocate(records = accessRecordsMax): SharedArrayBuffer {
    return new SharedArrayBuffer(endsBytes + records * recordBytes);
  }

  /** The shard's side. False when there is no room. Allocates nothing. */
  put(record: AccessRecord): boolean {
    const head = Atomics.load(this.ends, headAt);
    if (((head - Atomics.load(this.ends, tailAt)) | 0) >= this.records) return false;
    const place = (head >>> 0) % this.records;
    const { numbers, text } = this;
    const at = place * numbersPerRecord;
    numbers[at] = record.wallMs;
    numbers[at + 1] = record.durationMs;
    numbers[at + 2] = record.languageSlot;
    numbers[at + 3] = record.versionSlot;
    numbers[at + 4] = record.workerSlot;
    numbers[at + 5] = record.attempts;
    numbers[at + 6] = record.status;
    numbers[at + 7] = record.reason;
    numbers[at + 8] = record.sourceBytes;
    numbers[at + 9] = record.spilled ? 1 : 0;
    const textAt = place * textBytes;
    text[textAt] = writeAscii(record.requestId, text, textAt + 2, idBytesMax);
    text[textAt + 1] = writeAscii(record.traceId, text, textAt + 2 + idBytesMax, traceBytesMax);
    // The record is whole before the other side sees that it is there.
    Atomics.store(this.ends, headAt, (head + 1) | 0);
    return true;
  }

  /** The main thread's side: the oldest records, at most `max`. */
  take(max: number): AccessRecord[] {
    const tail = Atomics.load(this.ends, tailAt);
    const count = Math.min(max, (Atomics.load(this.ends, headAt) - tail) | 0);
    const taken = Array.from({ length: count }, (_, index) => this.read(((tail + index) >>> 0) % this.records));
    Atomics.store(this.ends, tailAt, (tail + count) | 0);
    return taken;
  }

  private read(place: number): AccessRecord {
    const { text } = this;
    const [wallMs = 0, durationMs = 0, languageSlot = 0, versionSlot = 0, workerSlot = 0, attempts = 0, status = 0, reason = 0, sourceBytes = 0, spilled = 0] =
      this.numbers.subarray(place * numbersPerRecord, (place + 1) * numbersPerRecord);
    const textAt = place * textBytes;
    const textOf = (at: number, length: number): string => Buffer.from(text.slice(at, at + length)).toString("latin1");
    const requestId = textOf(textAt + 2, text[textAt] ?? 0);
    const traceId = textOf(textAt + 2 + idBytesMax, text[textAt + 1] ?? 0);
    return { wallMs, durationMs, languageSlot, versionSlot, workerSlot, attempts, status, reason, sourceBytes, spilled: spilled === 1, requestId, traceId };
  }
}

/** Returns how many characters; what is longer is cut. */
function writeAscii(characters: string, out: Uint8Array, at: number, max: number): number {
  const length = Math.min(characters.length, max);
  for (let index = 0; index < length; index++) out[at + index] = characters.charCodeAt(index);
  return length;
}
