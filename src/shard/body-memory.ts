/**
 * Memory for the bodies of requests, used again instead of collected: a buffer for each body is what a shard's garbage
 * would mostly consist of, and making one costs as much as a system call. One for each shard. Must not know what
 * the bodies are.
 */

// Powers of two are shifts: `**` with an unknown exponent is a call, a tenth of what a request takes (bench/micro/request-path.ts).

/** 1 KiB: source files are seldom smaller. */
const smallestBits = 10;
/** 1 MiB, the usual limit of a body; larger ones are rare enough to be collected. */
const largestBits = 20;
/** Of each size so much is kept: a thousand small bodies, one of the largest. */
const spareBytesMax = 2 ** 20;
/** A body may come in any number of pieces: memory grows by this, so that each byte is copied at most twice. */
const growth = 2;

export class BodyMemory {
  /** By size, the smallest first. */
  private readonly spares: ArrayBuffer[][] = Array.from({ length: largestBits - smallestBits + 1 }, () => []);

  /** At least so many bytes, with whatever content. */
  take(bytesMin: number): ArrayBuffer {
    const bits = Math.max(smallestBits, 32 - Math.clz32(bytesMin - 1));
    if (bits > largestBits) return new ArrayBuffer(bytesMin);
    return this.spares[bits - smallestBits]?.pop() ?? new ArrayBuffer(1 << bits);
  }

  /** Takes back what `take` or `add` gave, once nobody reads it any more. */
  give(memory: ArrayBuffer): void {
    const { byteLength } = memory;
    const bits = 31 - Math.clz32(byteLength);
    const spares = this.spares[bits - smallestBits];
    if (spares !== undefined && byteLength === 1 << bits && spares.length * byteLength < spareBytesMax) spares.push(memory);
  }

  /**
   * Puts a piece behind the first `used` bytes of `memory` and returns the memory that has it all now: another one when it
   * had to grow. `bytesExpected` is what the sender says all pieces come to; he is believed only as far as he has kept it.
   */
  add(memory: ArrayBuffer | undefined, used: number, piece: ArrayBuffer, bytesExpected: number): ArrayBuffer {
    const needed = used + piece.byteLength;
    const isEnough = memory !== undefined && needed <= memory.byteLength;
    const next = isEnough ? memory : this.take(Math.max(needed, Math.min(bytesExpected, needed * growth)));
    const bytes = new Uint8Array(next);
    if (memory !== undefined && !isEnough) {
      bytes.set(new Uint8Array(memory, 0, used));
      this.give(memory);
    }
    bytes.set(new Uint8Array(piece), used);
    return next;
  }
}
