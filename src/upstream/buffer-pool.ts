/**
 * Buffers that are used again instead of collected: garbage on the path of a request shows as pauses
 * (facts of the prototype: p99 of 8 ms with a few buffers a request, 1.5 ms with none). One pool per shard.
 * Must not know what the buffers hold.
 */

/** 4 KiB, a page: smaller ones would not be cheaper. */
const smallestBits = 12;
/** 256 KiB: larger ones are rare enough to be collected. */
const largestBits = 18;

export class BufferPool {
  private readonly free: Buffer[][] = Array.from({ length: largestBits - smallestBits + 1 }, () => []);

  /** `spareMax`: how many unused buffers of each size are kept. */
  constructor(private readonly spareMax = 64) {}

  /** A buffer of at least `bytesMin`, with whatever content. */
  take(bytesMin: number): Buffer {
    const bits = Math.max(smallestBits, 32 - Math.clz32(bytesMin - 1));
    return this.free[bits - smallestBits]?.pop() ?? Buffer.allocUnsafeSlow(1 << bits);
  }

  /** Takes back a buffer that nobody refers to any more. */
  give(buffer: Buffer): void {
    const spares = this.free[31 - Math.clz32(buffer.length) - smallestBits];
    if (spares !== undefined && spares.length < this.spareMax) spares.push(buffer);
  }
}
