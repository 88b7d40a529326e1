/** What the HTTP/2 connections of one shard have in common. */
import type { SecureContext } from "node:tls";
import type { Clock } from "../base/clock.js";
import type { BufferPool } from "./buffer-pool.js";
import type { Http2Limits } from "./http2-limits.js";
import type { FlushPolicy, TurnFlusher } from "./turn-flusher.js";

export interface Http2Shard {
  readonly clock: Clock;
  readonly limits: Http2Limits;
  readonly flushPolicy: FlushPolicy;
  readonly flusher: TurnFlusher;
  readonly pool: BufferPool;
  /** With it connections are made over TLS, to workers whose certificate is of its authority. */
  readonly tls: SecureContext | undefined;
  /** Lint calls in flight on all connections. */
  callsInFlight: number;
  /** What sockets read into: one for all, since a chunk is used up before its callback returns. */
  takeReadBuffer(): Uint8Array;
}
