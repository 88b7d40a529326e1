/**
 * Which requests of a shard become records of the access log: a sample of all, and failures. Must not know how they are
 * written, and never sees a source.
 */
import type { Clock } from "../base/clock.js";
import type { Random } from "../base/random.js";
import type { Exchange } from "./exchange.js";
import { type AccessRing, emptyAccessRecord } from "./access-ring.js";
import type { ProblemKind } from "./problem.js";
import { problemKinds } from "./problem-samples.js";
import type { ReplyMeta } from "./reply.js";
import { shardCells, type Statistics } from "./statistics.js";

/** Why a request got no report, by number: "" when it got one, "client-left" when nobody waited any more. */
export const accessReasons: readonly (ProblemKind | "" | "client-left")[] = ["", "client-left", ...problemKinds];

export interface AccessSampling {
  /** The part of all requests that is recorded: from 0 to 1. */
  readonly sample: number;
  /** Whether those that were answered with an error, or left, are recorded all the same. */
  readonly errors: boolean;
}

/** What is to be known of one request beside its exchange. */
export interface AccessOutcome {
  readonly status: number;
  readonly reason: ProblemKind | "" | "client-left";
  readonly languageSlot: number;
  readonly sourceBytes: number;
  readonly durationMs: number;
  /** The id it was given; "" when that is the newest of `meta.ids`. */
  readonly requestId: string;
}

export class AccessRecorder {
  private readonly record = emptyAccessRecord();

  constructor(
    private readonly ring: AccessRing,
    private readonly sampling: AccessSampling,
    private readonly statistics: Statistics,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  note({ status, reason, languageSlot, sourceBytes, durationMs, requestId }: AccessOutcome, exchange: Exchange | undefined, meta: ReplyMeta): void {
    const { sample, errors } = this.sampling;
    if (!(errors && status >= 400) && (sample === 0 || (sample < 1 && this.random.next() >= sample))) return;
    const { record } = this;
    record.wallMs = this.clock.wallMs();
    record.durationMs = durationMs;
    record.languageSlot = languageSlot;
    record.versionSlot = exchange?.version?.slot ?? 0;
    record.workerSlot = exchange?.worker?.slot ?? 0;
    record.attempts = exchange?.attempts ?? 0;
    record.status = status;
    record.reason = accessReasons.indexOf(reason);
    record.sourceBytes = sourceBytes;
    record.spilled = exchange?.spilled ?? false;
    record.requestId = requestId;
    record.traceId = meta.traceparent.slice(3, 35);
    if (!this.ring.put(record)) this.statistics.add(shardCells.accessDropped, 1);
  }
}
