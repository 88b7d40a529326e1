/**
 * Why an attempt at a worker failed, in the terms that decide what happens next. Must not know HTTP
 * statuses: `shard/problem.ts` turns the last failure of an exchange into a reply.
 */

export type FailureKind =
  /** No connection, or it closed before the request left: the worker never saw it. */
  | "not-sent"
  /** The worker refuses new work because it is leaving; it did not start on it. */
  | "draining"
  /** The worker's queue is full; it did not start on it. */
  | "overloaded"
  /** The connection closed while the worker had the request. */
  | "connection-lost"
  /** No answer within the attempt's timeout. */
  | "timeout"
  /** The worker dropped it because its deadline had passed. */
  | "deadline"
  /** The analysis broke its time or memory limit and was killed. */
  | "killed"
  /** The analysis crashed. */
  | "crashed"
  /** The worker answered something that is not a valid answer. */
  | "contract"
  /** The source or its options cannot be analysed, by any worker. */
  | "rejected";

export interface AttemptFailure {
  readonly kind: FailureKind;
  /** Names what happened for people; for "rejected" the worker's own words, shown to the user. */
  readonly message: string;
  /** The worker's queue depth, or -1 when it did not say. */
  readonly queueDepth: number;
}

/** The worker never started on it: trying again elsewhere costs nothing and draws on no budget. */
export function isFree(kind: FailureKind): boolean {
  return kind === "not-sent" || kind === "draining";
}

/** Whether another worker may succeed. Linting is a pure function, so everything but a rejection may. */
export function isRetryable(kind: FailureKind): boolean {
  return kind !== "rejected";
}

/** Whether the input itself may have caused it: two of these on different workers make an input poison. */
export function blamesInput(kind: FailureKind): boolean {
  return kind === "killed" || kind === "crashed" || kind === "connection-lost" || kind === "timeout";
}
