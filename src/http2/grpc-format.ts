/**
 * The parts of gRPC over HTTP/2 that are not HTTP/2: message prefix, timeout and status message formats, names
 * of statuses (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Must not know any service.
 */
import { writeUint32 } from "./frame-writer.js";

/** One byte that says whether the message is compressed, four with its length. */
export const messagePrefixBytes = 5;

export function writeMessagePrefix(out: Uint8Array, at: number, messageBytes: number): number {
  out[at] = 0;
  return writeUint32(out, at + 1, messageBytes);
}

/** TimeoutValue has at most eight digits. */
const timeoutValueMax = 99_999_999;

/** A timeout as the header grpc-timeout can say it: whole milliseconds, at least one, at most 27 hours. */
export function wholeTimeoutMs(timeoutMs: number): number {
  return Math.min(timeoutValueMax, Math.max(1, Math.ceil(timeoutMs)));
}

/** The value of the header grpc-timeout; `wholeMs` comes from `wholeTimeoutMs`. */
export function formatTimeout(wholeMs: number): string {
  return `${wholeMs}m`;
}

/** Writes what `formatTimeout` says, at most nine bytes, without making a string. */
export function writeTimeout(out: Uint8Array, at: number, wholeMs: number): number {
  let digits = 1;
  for (let rest = wholeMs; rest >= 10; rest /= 10) digits++;
  let rest = wholeMs;
  for (let next = at + digits - 1; next >= at; next--) {
    out[next] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  out[at + digits] = 0x6d; // m
  return at + digits + 1;
}

/** The `grpc-message` of a status: percent-encoded UTF-8. What is not valid encoding is left as it is, never refused. */
export function decodeMessage(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  const octets = Buffer.from(encoded, "latin1");
  let length = 0;
  for (let at = 0; at < octets.length; at++) {
    const digits = octets[at] === 0x25 ? encoded.slice(at + 1, at + 3) : "";
    const isEncoded = /^[0-9A-Fa-f]{2}$/.test(digits);
    octets[length++] = isEncoded ? Number.parseInt(digits, 16) : (octets[at] ?? 0);
    if (isEncoded) at += 2;
  }
  return octets.toString("utf8", 0, length);
}

const statusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

export function statusName(status: number): string {
  return statusNames[status] ?? `status ${status}`;
}
