/**
 * Makes the connections of one shard: they share the buffer that sockets read into, the spare buffers, and
 * the end of the turn. Must not know what goes over them.
 */
import { createSecureContext } from "node:tls";
import { systemClock, type Clock } from "../base/clock.js";
import { type PeerCertificates, peerTlsVersionMin } from "../base/peer-certificates.js";
import { BufferPool } from "./buffer-pool.js";
import type { ConnectionEvents, ConnectionOptions, OpenConnection } from "./connection.js";
import { Http2Connection } from "./http2-connection.js";
import { defaultHttp2Limits, type Http2Limits } from "./http2-limits.js";
import type { Http2Shard } from "./http2-shard.js";
import { TurnFlusher, type FlushPolicy } from "./turn-flusher.js";

export interface Http2ConnectorOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<Http2Limits>;
  readonly flushPolicy?: FlushPolicy;
  /** Not given: without encryption. */
  readonly tls?: PeerCertificates | undefined;
}

/** As much as one read gets on a busy connection; larger ones gained nothing. */
const readBufferBytes = 64 * 1024;

/** What a shard can see of all its connections. */
export interface Http2Connector {
  readonly open: OpenConnection;
  /** Writes, and the turns of the event loop they were made in. */
  readonly flusher: { readonly turns: number; readonly writes: number };
}

export function createHttp2Connector(options: Http2ConnectorOptions = {}): Http2Connector {
  const readBuffer = new Uint8Array(readBufferBytes);
  const shard: Http2Shard = {
    clock: options.clock ?? systemClock,
    limits: { ...defaultHttp2Limits, ...options.limits },
    flushPolicy: options.flushPolicy ?? "alone-at-once",
    tls: options.tls && createSecureContext({ ...options.tls, minVersion: peerTlsVersionMin }),
    flusher: new TurnFlusher(),
    pool: new BufferPool(),
    callsInFlight: 0,
    // On Windows a read owns its buffer from when it is asked for until it is done: one each there.
    takeReadBuffer: () => (process.platform === "win32" ? new Uint8Array(readBufferBytes) : readBuffer),
  };
  return {
    open: (connectionOptions: ConnectionOptions, events: ConnectionEvents) => new Http2Connection(connectionOptions, events, shard),
    flusher: shard.flusher,
  };
}
