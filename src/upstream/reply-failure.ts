/**
 * What a worker's HTTP/2 and gRPC signals mean for an attempt, in the words of proto/lintel/v1/linter.proto.
 * Pure. Must not know connections.
 */
import { decodeMessage, statusName } from "../http2/grpc-format.js";
import { errorCodes, errorName } from "../http2/protocol.js";
import type { ReplyFields } from "../http2/reply-fields.js";
import type { AttemptFailure, FailureKind } from "./failure.js";
import { kindOfStatus } from "./grpc-status.js";

export function contractFailure(message: string, queueDepth = -1): AttemptFailure {
  return { kind: "contract", message, queueDepth };
}

/** "" when these fields can begin a reply with a message, or be a reply of trailers only; else what is wrong. */
export function flawOfHeaders(fields: ReplyFields): string {
  if (fields.httpStatus < 0) return "a reply without an HTTP status";
  if (fields.httpStatus !== 200) return `HTTP status ${fields.httpStatus} instead of a gRPC reply`;
  if (fields.hasStrangePseudo) return "a reply with a pseudo-header field that replies do not have";
  if (!fields.isGrpc) return `the content type ${JSON.stringify(fields.contentType)} instead of application/grpc`;
  return "";
}

/** The failure that a final status other than OK stands for. */
export function failureOfReply(fields: ReplyFields): AttemptFailure {
  const { grpcStatus, queueDepth } = fields;
  if (grpcStatus < 0) return contractFailure("the reply ended without a grpc-status", queueDepth);
  const kind = kindOfStatus(grpcStatus);
  const said = decodeMessage(fields.grpcMessage);
  if (kind === "rejected") return { kind, message: said, queueDepth };
  return { kind, message: said === "" ? statusName(grpcStatus) : `${statusName(grpcStatus)}: ${said}`, queueDepth };
}

/** RST_STREAM from the worker. Only REFUSED_STREAM says that nothing was done (RFC 9113 section 8.7). */
export function failureOfReset(code: number): AttemptFailure {
  const message = `the worker reset the stream: ${errorName(code)}`;
  return { kind: kindOfReset(code), message, queueDepth: -1 };
}

function kindOfReset(code: number): FailureKind {
  if (code === errorCodes.refusedStream) return "draining";
  if (code === errorCodes.enhanceYourCalm) return "overloaded";
  return "contract";
}
