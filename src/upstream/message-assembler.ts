/**
 * DATA -> gRPC messages. A message that comes in one frame, as nearly all do, stays where it was read; only
 * when the chunk ends before its trailers came, or when it spans frames, it is copied to a pooled buffer.
 * Must not know what the messages are.
 */
import { messagePrefixBytes } from "../http2/grpc-format.js";
import { readUint32 } from "../http2/frame-reader.js";
import { MessageError } from "../http2/protobuf-reader.js";
import type { BufferPool } from "./buffer-pool.js";
import { callFlags, type CallRing } from "./call-ring.js";

export class MessageAssembler {
  /** Ids of the calls whose message lies in the chunk being read. */
  private held = new Int32Array(64);
  private heldCount = 0;

  constructor(
    private readonly ring: CallRing,
    private readonly pool: BufferPool,
  ) {}

  /**
   * Takes bytes up to the end of one message and returns where it stopped; the call's flag `isComplete` says
   * whether the message is whole. Throws `MessageError` for one that is compressed or larger than `bytesMax`.
   */
  add(slot: number, bytes: Uint8Array, start: number, end: number, bytesMax: number): number {
    const { ring } = this;
    const isFresh = ring.messageEnd[slot] === 0;
    if (!isFresh || end - start < messagePrefixBytes) return this.addToOwned(slot, bytes, start, end, bytesMax);
    const messageBytes = readPrefix(bytes, start, bytesMax);
    const messageStart = start + messagePrefixBytes;
    if (end - messageStart < messageBytes) return this.addToOwned(slot, bytes, start, end, bytesMax);
    ring.messages[slot] = bytes;
    ring.messageStart[slot] = messageStart;
    ring.messageEnd[slot] = messageStart + messageBytes;
    ring.flags[slot] = (ring.flags[slot] ?? 0) | callFlags.isComplete | callFlags.isHeld;
    this.hold(ring.ids[slot] ?? 0);
    return messageStart + messageBytes;
  }

  /** The message is not needed any more: the next one of the same stream may come. */
  release(slot: number): void {
    const { ring } = this;
    if (ring.has(slot, callFlags.isOwned)) this.pool.give(ring.messages[slot] as Buffer);
    ring.flags[slot] = (ring.flags[slot] ?? 0) & ~(callFlags.isComplete | callFlags.isHeld | callFlags.isOwned);
    ring.messages[slot] = undefined;
    ring.messageStart[slot] = 0;
    ring.messageEnd[slot] = 0;
  }

  /** The chunk is about to become invalid: messages that still lie in it are copied. */
  endChunk(): void {
    const { ring } = this;
    for (let index = 0; index < this.heldCount; index++) {
      const slot = ring.find(this.held[index] ?? 0);
      if (slot < 0 || !ring.has(slot, callFlags.isHeld)) continue;
      const start = ring.messageStart[slot] ?? 0;
      const size = (ring.messageEnd[slot] ?? 0) - start;
      const own = this.pool.take(Math.max(size, 1));
      own.set((ring.messages[slot] ?? own).subarray(start, start + size));
      ring.messages[slot] = own;
      ring.messageStart[slot] = 0;
      ring.messageEnd[slot] = size;
      ring.flags[slot] = ((ring.flags[slot] ?? 0) & ~callFlags.isHeld) | callFlags.isOwned;
    }
    this.heldCount = 0;
  }

  private hold(id: number): void {
    if (this.heldCount === this.held.length) {
      const more = new Int32Array(2 * this.heldCount);
      more.set(this.held);
      this.held = more;
    }
    this.held[this.heldCount++] = id;
  }

  /** Collects prefix and message in a buffer of the call's own, which grows with what really comes. */
  private addToOwned(slot: number, bytes: Uint8Array, start: number, end: number, bytesMax: number): number {
    const { ring } = this;
    let at = start;
    if ((ring.messageEnd[slot] ?? 0) < messagePrefixBytes) {
      at = this.append(slot, bytes, at, Math.min(end, at + messagePrefixBytes - (ring.messageEnd[slot] ?? 0)));
      if ((ring.messageEnd[slot] ?? 0) < messagePrefixBytes) return at;
    }
    const total = messagePrefixBytes + readPrefix(ring.messages[slot] ?? bytes, 0, bytesMax);
    at = this.append(slot, bytes, at, Math.min(end, at + total - (ring.messageEnd[slot] ?? 0)));
    if (ring.messageEnd[slot] !== total) return at;
    ring.messageStart[slot] = messagePrefixBytes;
    ring.flags[slot] = (ring.flags[slot] ?? 0) | callFlags.isComplete;
    return at;
  }

  private append(slot: number, bytes: Uint8Array, start: number, end: number): number {
    const { ring } = this;
    const filled = ring.messageEnd[slot] ?? 0;
    const needed = filled + end - start;
    let own = ring.messages[slot];
    if (own === undefined || own.length < needed) {
      const larger = this.pool.take(needed);
      if (own !== undefined) {
        larger.set(own.subarray(0, filled));
        this.pool.give(own as Buffer);
      }
      ring.messages[slot] = own = larger;
      ring.flags[slot] = (ring.flags[slot] ?? 0) | callFlags.isOwned;
    }
    own.set(bytes.subarray(start, end), filled);
    ring.messageEnd[slot] = needed;
    return end;
  }
}

function readPrefix(bytes: Uint8Array, at: number, bytesMax: number): number {
  if (bytes[at] !== 0) throw new MessageError("a compressed message, though compression was not offered");
  const size = readUint32(bytes, at + 1);
  if (size > bytesMax) throw new MessageError(`a message of ${size} bytes, more than the ${bytesMax} allowed`);
  return size;
}
