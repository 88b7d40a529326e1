/** gRPC status codes -> what they mean for an attempt, as proto/lintel/v1/linter.proto lays down. */
import type { FailureKind } from "./failure.js";

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  aborted: 10,
  internal: 13,
  unavailable: 14,
} as const;

export const queueDepthTrailer = "lintel-queue-depth";

const kinds: ReadonlyMap<number, FailureKind> = new Map<number, FailureKind>([
  [grpcStatus.invalidArgument, "rejected"],
  [grpcStatus.resourceExhausted, "overloaded"],
  [grpcStatus.unavailable, "draining"],
  [grpcStatus.deadlineExceeded, "deadline"],
  [grpcStatus.aborted, "killed"],
  [grpcStatus.internal, "crashed"],
]);

/** Every status that the contract does not name breaks it. */
export function kindOfStatus(code: number): FailureKind {
  return kinds.get(code) ?? "contract";
}
