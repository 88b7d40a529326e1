/**
 * Ids for requests that came without one: a prefix of this shard and a number in base 36, all of the same length. Must not
 * know what they are used for.
 */

const digits = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz", "latin1");
const zero = digits[0] as number;
/** The digit after each, by its character. */
const successors = Uint8Array.from({ length: 128 }, (_, code) => digits[(digits.indexOf(code) + 1) % digits.length] as number);
/** 78 thousand million: a shard at full speed has used them up after nine days, and begins again. */
const digitCount = 7;

export class RequestIds {
  /** Characters of each id, all ASCII. */
  readonly length: number;
  /** The newest id. Kept as bytes, because replies are: a number would have to be turned into digits each time. */
  private readonly current: Buffer;

  /** `prefix` is different for every shard and process. */
  constructor(prefix: string) {
    this.current = Buffer.from(prefix + "0".repeat(digitCount), "latin1");
    this.length = this.current.length;
  }

  next(): string {
    this.advance();
    return this.newest();
  }

  /** The one that was given last. */
  newest(): string {
    return this.current.toString("latin1");
  }

  /** Writes the next id's characters. */
  writeNext(out: Uint8Array, at: number): void {
    const { current, length } = this;
    this.advance();
    for (let index = 0; index < length; index++) out[at + index] = current[index] as number;
  }

  /** As an odometer does: mostly only the last digit moves. */
  private advance(): void {
    const { current, length } = this;
    for (let at = length - 1; at >= length - digitCount; at--) {
      const next = successors[current[at] as number] as number;
      current[at] = next;
      if (next !== zero) return;
    }
  }
}
