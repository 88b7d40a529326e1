/**
 * Ids for requests that came without one: a prefix of this shard and a number in base 36. Must not know what
 * they are used for.
 */

const base = 36;
const lowCount = base * base;
/** The last two digits of every number: converting each whole number anew would cost ten times as much. */
const lowDigits = Array.from({ length: lowCount }, (_, low) => low.toString(base).padStart(2, "0"));

export class RequestIds {
  private start: string;
  private high = 0;
  private low = 0;

  /** `prefix` is different for every shard and process. */
  constructor(private readonly prefix: string) {
    this.start = `${prefix}0`;
  }

  /** Never the same twice. */
  next(): string {
    if (++this.low === lowCount) {
      this.low = 0;
      this.start = `${this.prefix}${(++this.high).toString(base)}`;
    }
    return this.start + (lowDigits[this.low] as string);
  }
}
