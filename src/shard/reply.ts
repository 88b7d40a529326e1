/**
 * Writes replies: one corked write each, everything about how a report was made in headers. Must not know
 * how the exchange went beyond what it is told.
 */
import type { HttpResponse } from "uWebSockets.js";
import { assert } from "../base/assert.js";
import { problemBody, replyOf, type Problem } from "./problem.js";
import { ReportHead } from "./report-head.js";
import type { RequestIds } from "./request-ids.js";
import type { Unread } from "./unread-replies.js";

/** What a reply tells of how it was made. */
export interface Answered {
  readonly attempts: number;
  readonly spilled: boolean;
  readonly worker: { readonly credits: string; reportHead: ReportHead | undefined } | undefined;
}

/** What every reply to one request carries. */
export interface ReplyMeta {
  /** The request's own; "" when it came without. */
  readonly requestId: string;
  /** Where ids for the others come from. */
  readonly ids: RequestIds;
  /** The lines of RateLimit and RateLimit-Policy; undefined when there is no limit. */
  readonly rateLimit: { readonly limit: string; readonly policy: string } | undefined;
  /** Of this request's step in the caller's trace; "" when it came without one. */
  readonly traceparent: string;
  /** The value of Access-Control-Allow-Origin; "" when the request did not come from another origin's page. */
  readonly allowOrigin: string;
  /** Whether replies to other origins differ. */
  readonly varyByOrigin: boolean;
  /** Whether the request's method is HEAD: everything but the body. */
  readonly isHead: boolean;
}

/** What a request may call itself: it goes into a header and into logs. */
export const wellFormedRequestId = /^[\w.:-]{1,128}$/;

/** Headers that a page of another origin may read. */
export const exposedHeaders = "Lintel-Linter, Lintel-Version, Lintel-Worker, Lintel-Attempts, Lintel-Spilled, X-Request-Id, Server-Timing, Retry-After, RateLimit, RateLimit-Policy, traceparent";

export function statusOf(problem: Problem): number {
  return Number(replyOf(problem).status.slice(0, 3));
}

/** `elapsedMs` is from the request's arrival to now. Undefined when the reply is complete. */
export function writeReport(
  res: HttpResponse,
  body: Uint8Array | string,
  mediaType: string,
  exchange: Answered,
  elapsedMs: number,
  meta: ReplyMeta,
  closeConnection: boolean,
): Unread | undefined {
  const { worker } = exchange;
  assert(worker !== undefined, "a report comes from a worker");
  const isUsual = mediaType === usualMediaType && meta.requestId === "" && meta.traceparent === "" && meta.rateLimit === undefined && meta.allowOrigin === "" && exchange.attempts === 1 && !exchange.spilled;
  const head = isUsual ? usualHead(worker, meta).next(elapsedMs) : reportLines(exchange, worker, mediaType, elapsedMs, meta);
  corked.res = res;
  corked.head = head;
  corked.body = body;
  corked.closeConnection = closeConnection;
  res.cork(writeCorked);
  const { unread } = corked;
  corked.unread = undefined;
  return unread;
}

/** The report being written. `cork` calls back at once, so one is enough, and no closure is made for each. */
const corked: { res: HttpResponse | undefined; head: Uint8Array | string; body: Uint8Array | string; closeConnection: boolean; unread: Unread | undefined } = {
  res: undefined,
  head: "",
  body: "",
  closeConnection: false,
  unread: undefined,
};

function writeCorked(): void {
  const { res, head, body, closeConnection } = corked;
  assert(res !== undefined, "a corked report has a response");
  // "200 OK" is what is written when no status is.
  res.writeHeader("X-Request-Id", head);
  corked.unread = endBounded(res, body, closeConnection);
  corked.res = undefined;
}

/** Up to so many bytes uWebSockets.js may hold of the last reply on a connection: what it writes a small reply from. */
const lastBytesMax = 16_384;

/**
 * `end` would hold whatever the socket does not take: for a client that sends request after request and reads nothing, of
 * all its replies. `tryEnd` cannot close; behind a large reply the client does, who was told to.
 */
function endBounded(res: HttpResponse, body: Uint8Array | string, closeConnection: boolean): Unread | undefined {
  if (closeConnection && body.length <= lastBytesMax) {
    res.end(body, true);
    return undefined;
  }
  if (closeConnection) res.writeHeader("Connection", "close");
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const { length } = bytes;
  if (res.tryEnd(bytes, length)[1]) return undefined;
  const offset = res.getWriteOffset();
  return { rest: bytes.subarray(offset), offset, totalBytes: length };
}

const usualMediaType = "application/json";

function usualHead(worker: NonNullable<Answered["worker"]>, { ids, varyByOrigin }: ReplyMeta): ReportHead {
  const { credits, reportHead } = worker;
  if (reportHead?.credits === credits) return reportHead;
  return (worker.reportHead = new ReportHead(ids, usualMediaType, varyByOrigin, credits));
}

/**
 * The value of X-Request-Id with the further headers of a report behind it. A value is written as it is, line breaks
 * too, and each call into native code costs as much as a dozen lines (lintel bench throughput: 12.6 against 11.0 µs
 * for seven calls).
 */
function reportLines({ attempts, spilled }: Answered, worker: NonNullable<Answered["worker"]>, mediaType: string, elapsedMs: number, meta: ReplyMeta): string {
  const { traceparent, rateLimit, varyByOrigin, allowOrigin } = meta;
  let lines = `${requestIdOf(meta)}\r\nContent-Type: ${mediaType}\r\nServer-Timing: ${timing(elapsedMs)}\r\nLintel-Attempts: ${attempts}`;
  if (traceparent !== "") lines += `\r\ntraceparent: ${traceparent}`;
  if (rateLimit !== undefined) lines += `\r\nRateLimit: ${rateLimit.limit}\r\nRateLimit-Policy: ${rateLimit.policy}`;
  if (spilled) lines += "\r\nLintel-Spilled: 1";
  if (varyByOrigin) lines += "\r\nVary: Origin";
  if (allowOrigin !== "") lines += `\r\nAccess-Control-Allow-Origin: ${allowOrigin}\r\nAccess-Control-Expose-Headers: ${exposedHeaders}`;
  return `${lines}\r\nLintel-Linter: ${worker.credits}`;
}

function requestIdOf({ requestId, ids }: ReplyMeta): string {
  return requestId === "" ? ids.next() : requestId;
}

function timing(elapsedMs: number): string {
  return `lint;dur=${elapsedMs.toFixed(2)}`;
}

/** `elapsedMs` is from the request's arrival to now. Undefined when the reply is complete. */
export function writeProblem(
  res: HttpResponse,
  problem: Problem,
  exchange: Answered | undefined,
  elapsedMs: number,
  meta: ReplyMeta,
  closeConnection: boolean,
): Unread | undefined {
  const reply = replyOf(problem);
  const requestId = requestIdOf(meta);
  let unread: Unread | undefined;
  res.cork(() => {
    res.writeStatus(reply.status);
    writeHead(res, meta, requestId);
    for (const [name, value] of reply.headers) res.writeHeader(name, value);
    res.writeHeader("Content-Type", "application/problem+json");
    res.writeHeader("Server-Timing", timing(elapsedMs));
    if (exchange !== undefined) writeAttempts(res, exchange);
    unread = endWith(res, problemBody(reply, requestId), meta, closeConnection);
  });
  return unread;
}

/** A fixed document. `vary` names the header that another document would be sent for; "" for none. Undefined when the reply is complete. */
export function writeDocument(res: HttpResponse, mediaType: string, body: string, vary: string, meta: ReplyMeta, closeConnection: boolean): Unread | undefined {
  let unread: Unread | undefined;
  res.cork(() => {
    res.writeStatus("200 OK");
    writeHead(res, meta);
    if (vary !== "") res.writeHeader("Vary", vary);
    res.writeHeader("Content-Type", mediaType);
    unread = endWith(res, body, meta, closeConnection);
  });
  return unread;
}

/** The answer to a browser's question before a request from another origin, and to anybody's. */
export function writePreflight(res: HttpResponse, allowed: string, meta: ReplyMeta): void {
  res.cork(() => {
    res.writeStatus("204 No Content");
    writeHead(res, meta);
    res.writeHeader("Allow", allowed);
    res.writeHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    res.writeHeader("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, X-API-Key, Lintel-Deadline-Ms, X-Request-Id, traceparent");
    res.writeHeader("Access-Control-Max-Age", "86400");
    res.endWithoutBody();
  });
}

/**
 * The end of a reply whose status and headers are written. A HEAD gets its length, and whether to close, as headers:
 * `endWithoutBody` with either never settles the reply, which ends the process.
 */
export function endWith(res: HttpResponse, body: Uint8Array | string, meta: ReplyMeta, closeConnection: boolean): Unread | undefined {
  if (!meta.isHead) return endBounded(res, body, closeConnection);
  res.writeHeader("Content-Length", String(typeof body === "string" ? Buffer.byteLength(body) : body.length));
  if (closeConnection) res.writeHeader("Connection", "close");
  res.endWithoutBody();
  return undefined;
}

/** The headers that every reply has, whatever it is. */
export function writeHead(res: HttpResponse, meta: ReplyMeta, requestId = requestIdOf(meta)): void {
  res.writeHeader("X-Request-Id", requestId);
  if (meta.traceparent !== "") res.writeHeader("traceparent", meta.traceparent);
  if (meta.rateLimit !== undefined) {
    res.writeHeader("RateLimit", meta.rateLimit.limit);
    res.writeHeader("RateLimit-Policy", meta.rateLimit.policy);
  }
  if (meta.varyByOrigin) res.writeHeader("Vary", "Origin");
  if (meta.allowOrigin === "") return;
  res.writeHeader("Access-Control-Allow-Origin", meta.allowOrigin);
  res.writeHeader("Access-Control-Expose-Headers", exposedHeaders);
}

function writeAttempts(res: HttpResponse, exchange: Answered): void {
  const { worker } = exchange;
  res.writeHeader("Lintel-Attempts", String(exchange.attempts));
  if (worker === undefined) return;
  res.writeHeader("Lintel-Linter", worker.credits);
  if (exchange.spilled) res.writeHeader("Lintel-Spilled", "1");
}
