/**
 * The headers of a worker's reports as bytes that are made once. A report that is plain JSON, came at the first attempt and has an
 * id made up here, as nearly all do, differs from the one before in its id and its time alone: they are
 * written in place. Must not know requests.
 */
import type { RequestIds } from "./request-ids.js";

/** From "0.00" to "99999.99", which is longer than any deadline, in milliseconds. */
const timeCharsMin = 4;
const timeCharsMax = 8;
const hundredthsMax = 9_999_999;
const zeroCode = 0x30;
const pointCode = 0x2e;

export class ReportHead {
  /** The time comes last, so that a longer one moves nothing. */
  private readonly bytes: Buffer;
  private readonly timeAt: number;
  /** The bytes up to the end of a time, by its characters: all of the same memory. */
  private readonly upTo: readonly Uint8Array[];

  /** `credits` is what `ActiveWorker.credits` gives. */
  constructor(
    private readonly ids: RequestIds,
    mediaType: string,
    varyByOrigin: boolean,
    readonly credits: string,
  ) {
    const lines = `Content-Type: ${mediaType}\r\nLintel-Attempts: 1${varyByOrigin ? "\r\nVary: Origin" : ""}\r\nLintel-Linter: ${credits}`;
    const text = `${" ".repeat(ids.length)}\r\n${lines}\r\nServer-Timing: lint;dur=`;
    this.timeAt = text.length;
    this.bytes = Buffer.from(text + " ".repeat(timeCharsMax), "latin1");
    this.upTo = Array.from({ length: timeCharsMax + 1 }, (_, chars) => new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.timeAt + chars));
  }

  /** The value of X-Request-Id with the lines of all other headers behind it. Holds until the next call. */
  next(elapsedMs: number): Uint8Array {
    const { bytes } = this;
    this.ids.writeNext(bytes, 0);
    return this.upTo[writeHundredths(bytes, this.timeAt, elapsedMs)] as Uint8Array;
  }
}

/** As `value.toFixed(2)`, which takes longer than all else here together; returns how many characters. */
function writeHundredths(out: Uint8Array, at: number, value: number): number {
  let rest = Math.min(Math.round(value * 100), hundredthsMax);
  let chars = timeCharsMin;
  for (let limit = 1_000; rest >= limit; limit *= 10) chars++;
  for (let place = chars - 1; place >= 0; place--) {
    if (place === chars - 3) {
      out[at + place] = pointCode;
      continue;
    }
    out[at + place] = zeroCode + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return chars;
}
