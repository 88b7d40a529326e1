/**
 * What a gRPC client needs of the fields of a reply: the HTTP status, the content type, the gRPC status and
 * Lintel's own trailer. One object is filled again and again. Must not know what follows from them.
 */
import type { FieldSink } from "./hpack-decoder.js";

const kinds = { ignored: 0, httpStatus: 1, contentType: 2, grpcStatus: 3, grpcMessage: 4, queueDepth: 5, otherPseudo: 6 } as const;

/** A worker's requests in hand, on every status but OK. */
export const queueDepthTrailer = "lintel-queue-depth";

const kindsByName: ReadonlyMap<string, number> = new Map<string, number>([
  [":status", kinds.httpStatus],
  ["content-type", kinds.contentType],
  ["grpc-status", kinds.grpcStatus],
  ["grpc-message", kinds.grpcMessage],
  [queueDepthTrailer, kinds.queueDepth],
]);

/** For `HpackDecoderOptions.kindOf`. */
export function replyFieldKind(name: string): number {
  return kindsByName.get(name) ?? (name.startsWith(":") ? kinds.otherPseudo : kinds.ignored);
}

export class ReplyFields implements FieldSink {
  /** -1 when the block had none: it was a trailer. */
  httpStatus = -1;
  /** "" when there was none. */
  contentType = "";
  /** -1 when there was none. */
  grpcStatus = -1;
  /** Still percent-encoded. */
  grpcMessage = "";
  /** -1 when there was none. */
  queueDepth = -1;
  /** A pseudo-header field that no reply has. */
  hasStrangePseudo = false;

  reset(): void {
    this.httpStatus = -1;
    this.contentType = "";
    this.grpcStatus = -1;
    this.grpcMessage = "";
    this.queueDepth = -1;
    this.hasStrangePseudo = false;
  }

  onField(kind: number, _name: string, value: string): void {
    switch (kind) {
      case kinds.ignored:
        return;
      case kinds.httpStatus:
        this.httpStatus = decimal(value);
        return;
      case kinds.contentType:
        this.contentType = value;
        return;
      case kinds.grpcStatus:
        this.grpcStatus = decimal(value);
        return;
      case kinds.grpcMessage:
        this.grpcMessage = value;
        return;
      case kinds.queueDepth:
        this.queueDepth = decimal(value);
        return;
      default:
        this.hasStrangePseudo = true;
    }
  }

  /** application/grpc, with a subtype or parameters or without. */
  get isGrpc(): boolean {
    return this.contentType === "application/grpc" || /^application\/grpc[+;]/.test(this.contentType);
  }
}

/** A non-negative decimal number of at most nine digits, or -1. */
function decimal(text: string): number {
  if (text.length === 0 || text.length > 9) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
