/**
 * The way out of one connection: frames are written straight into a batch buffer, the batch leaves in one
 * write at the end of the turn, and the buffer is used again as soon as the kernel has it. Must not know frames.
 */
import type { Socket } from "node:net";
import type { BufferPool } from "./buffer-pool.js";
import type { Flushable, TurnFlusher } from "./turn-flusher.js";

/**
 * Above what one batch holds: `write` must not report back-pressure, and with it a "drain" event, for a batch
 * that went out whole.
 */
export const socketHighWaterBytes = 128 * 1024;

export interface OutboxEvents {
  /** Everything collected so far has been handed to the socket. */
  onFlushed(): void;
  /** The worker takes nothing: this many bytes wait. Must not run foreign code at once. */
  onStuck(queuedBytes: number): void;
}

export class Outbox implements Flushable {
  /** The batch that `reserve` made room in. */
  bytes: Buffer;
  /** The socket has more than it takes: bodies should wait for `onDrain`. */
  isBackPressured = false;
  private used = 0;
  private isDue = false;
  private isClosed = false;
  /** Batches that the socket still reads from, oldest first, and how much of each. */
  private readonly leaving: Buffer[] = [];
  private readonly leavingBytes: number[] = [];

  constructor(
    private readonly socket: Socket,
    private readonly flusher: TurnFlusher,
    private readonly pool: BufferPool,
    private readonly batchBytes: number,
    private readonly queuedBytesMax: number,
    private readonly events: OutboxEvents,
  ) {
    this.bytes = none;
  }

  /** Makes sure that `bytes` has room for `count`, at most a batch, and returns where. */
  reserve(count: number): number {
    if (this.used + count > this.bytes.length) {
      if (this.used > 0) this.flush();
      this.bytes = this.pool.take(this.batchBytes);
    }
    return this.used;
  }

  /** What was written up to `end` belongs to the batch; `flushLater` or `flush` must follow in the same turn. */
  commit(end: number): void {
    this.used = end;
  }

  /** The batch, if there is one, leaves at the end of this turn. */
  flushLater(): void {
    if (this.isDue || this.used === 0) return;
    this.isDue = true;
    this.flusher.add(this);
  }

  endTurn(): void {
    this.isDue = false;
    this.flush();
  }

  /** Writes the batch now; harmless when there is none. Runs no foreign code. */
  flush(): void {
    if (this.used === 0 || this.isClosed) return;
    const batch = this.bytes;
    const length = this.used;
    this.bytes = none;
    this.used = 0;
    this.flusher.writes++;
    const isTaken = this.socket.write(batch.subarray(0, length));
    const queuedBytes = this.socket.writableLength;
    if (queuedBytes === 0) {
      this.releaseLeft(0);
      this.pool.give(batch);
    } else {
      this.leaving.push(batch);
      this.leavingBytes.push(length);
      this.releaseLeft(queuedBytes);
      this.isBackPressured = !isTaken;
    }
    this.events.onFlushed();
    if (queuedBytes > this.queuedBytesMax) this.events.onStuck(queuedBytes);
  }

  /** The socket's "drain". */
  onDrain(): void {
    this.isBackPressured = false;
    this.releaseLeft(0);
  }

  /** Drops what is still collected: whole frames that never leave. */
  discard(): void {
    this.used = 0;
  }

  /** Nothing leaves any more; the socket keeps what it has, and so its buffers are not used again. */
  close(): void {
    this.isClosed = true;
    if (this.bytes !== none) this.pool.give(this.bytes);
    this.bytes = none;
    this.used = 0;
    this.leaving.length = 0;
  }

  /** Takes back the batches that the last `queuedBytes` written do not reach into. */
  private releaseLeft(queuedBytes: number): void {
    if (this.leaving.length === 0) return;
    let waiting = 0;
    for (const length of this.leavingBytes) waiting += length;
    while (this.leaving.length > 0 && waiting - (this.leavingBytes[0] ?? 0) >= queuedBytes) {
      waiting -= this.leavingBytes.shift() ?? 0;
      const batch = this.leaving.shift();
      if (batch !== undefined) this.pool.give(batch);
    }
  }
}

const none = Buffer.alloc(0);
