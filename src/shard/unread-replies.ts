/**
 * Replies that their clients have not read yet, as far as the sockets did not take them: bounded over all of a shard,
 * because a client that asks and never reads costs memory that nothing else frees. Over the bound the oldest goes: a client
 * that reads is done long before. While a reply is here, uWebSockets.js ends a connection that sends a further request, so
 * each has one at most. Must not know what the replies say.
 */
import type { HttpResponse } from "uWebSockets.js";
import type { Clock } from "../base/clock.js";
import { shardCells, type Statistics } from "./statistics.js";

/** What the socket did not take of a body; `rest` is valid as long as the body. */
export interface Unread {
  readonly rest: Uint8Array;
  /** Where in the body it begins. */
  readonly offset: number;
  readonly totalBytes: number;
}

/** One reply's rest; opaque to its owner. */
export interface UnreadReply {
  readonly res: HttpResponse;
  readonly bytes: number;
  readonly sinceMs: number;
}

export class UnreadReplies {
  /** In the order they came. */
  private readonly replies = new Set<UnreadReply>();
  private bytes = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly timeoutMs: number,
    private readonly statistics: Statistics,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.replies.size;
  }

  /**
   * Sends the rest as the client reads it, then calls `onDone`. Every other end the caller hears of by the response's own
   * `onAborted`, never before this returns, and calls `remove`. A single reply may be larger than the bound.
   */
  hold(res: HttpResponse, { rest, offset, totalBytes }: Unread, onDone: () => void): UnreadReply {
    const copy = Buffer.from(rest);
    const reply: UnreadReply = { res, bytes: copy.length, sinceMs: this.clock.nowMs() };
    res.onWritable((at) => {
      const [ok, isDone] = res.tryEnd(copy.subarray(at - offset), totalBytes);
      if (!isDone) return ok;
      this.remove(reply);
      onDone();
      return true;
    });
    for (const oldest of this.replies) {
      if (this.bytes + reply.bytes <= this.bytesMax) break;
      this.cut(oldest);
    }
    this.replies.add(reply);
    this.count(reply.bytes);
    return reply;
  }

  /** Harmless when it is gone. */
  remove(reply: UnreadReply): void {
    if (this.replies.delete(reply)) this.count(-reply.bytes);
  }

  /** Called every few milliseconds: ends those that take too long. */
  tick(nowMs: number): void {
    for (const oldest of this.replies) {
      if (nowMs - oldest.sinceMs < this.timeoutMs) return;
      this.cut(oldest);
    }
  }

  /** Its `onAborted` follows within the call. */
  private cut(reply: UnreadReply): void {
    reply.res.close();
    this.remove(reply);
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.statistics.set(shardCells.replyBytesHeld, this.bytes);
  }
}
