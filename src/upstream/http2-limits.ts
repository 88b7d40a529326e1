/** Every bound and period of the shard's HTTP/2 client, with its default and the reason for it. */
import { int31Max } from "../http2/protocol.js";

export interface Http2Limits {
  /** Calls in flight on one connection, also when the worker allows more. */
  readonly callsMax: number;
  /** What we let the worker send on one connection before we say more: the window of RFC 9113 section 6.9. */
  readonly connectionWindowBytes: number;
  /** Our SETTINGS_MAX_HEADER_LIST_SIZE: larger reply headers break the contract. */
  readonly headerListBytesMax: number;
  /** A reply of Describe or Watch. */
  readonly sideMessageBytesMax: number;
  /** Bytes written that the kernel has not taken: with more the worker is not reading, and is given up. */
  readonly queuedBytesMax: number;
  /** Frames of one turn are collected up to this much before they are written. */
  readonly batchBytes: number;
  /** With calls in flight and nothing heard for one to two such periods a PING is sent; another one without an answer ends the connection. */
  readonly silenceMs: number;
  /** PINGs between two replies: C-core ends connections with more than three in five minutes without data. */
  readonly pingsPerReplyMax: number;
  /** From this stream id on the connection says it should be replaced: the last id is 2^31 - 1. */
  readonly rotateAtStreamId: number;
  /** How long a closed connection may take to deliver its last bytes. */
  readonly lingerMs: number;
  /** TCP probes an idle connection after this, which gRPC servers do not count as pings. */
  readonly tcpKeepAliveMs: number;
}

export const defaultHttp2Limits: Http2Limits = {
  // A shard has some hundred exchanges in flight; a worker that is sent a thousand has a queue of seconds.
  callsMax: 1_024,
  // Some hundred reports of ordinary size: with round trips under a millisecond never the bottleneck.
  connectionWindowBytes: 16 * 1024 * 1024,
  // Status messages are at most a few kilobytes.
  headerListBytesMax: 16 * 1024,
  // A description with its self test.
  sideMessageBytesMax: 64 * 1024,
  // Flow control keeps request bodies well below; only replies to PING and SETTINGS could fill it.
  queuedBytesMax: 4 * 1024 * 1024,
  // Forty requests of 1 KB and more than any socket takes at once.
  batchBytes: 64 * 1024,
  silenceMs: 5_000,
  pingsPerReplyMax: 2,
  // 16 million ids, a minute and a half at the highest rate measured, are left to connect anew.
  rotateAtStreamId: int31Max - 2 ** 24,
  lingerMs: 1_000,
  tcpKeepAliveMs: 15_000,
};
