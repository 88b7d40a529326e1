/**
 * The HTTP side of one exchange: collects the body within its limits, starts the exchange, writes the one
 * reply. The native response object is used here and nowhere after its abort. Must not know workers' wires.
 */
import type { HttpResponse } from "uWebSockets.js";
import { assert } from "../base/assert.js";
import { messageOf } from "../base/errors.js";
import { unnamedFile } from "../formats/file-report.js";
import { parseReport } from "../formats/parse-report.js";
import type { Report } from "../formats/report.js";
import { Exchange, type ExchangeContext, type ExchangeSink } from "./exchange.js";
import type { LintHead } from "./lint-request.js";
import type { Problem } from "./problem.js";
import { writeProblem, writeReport, statusOf, type ReplyMeta } from "./reply.js";
import { shardCells } from "./statistics.js";
import type { Unread, UnreadReplies, UnreadReply } from "./unread-replies.js";

/** What incoming requests of a shard share. */
export interface IncomingContext extends ExchangeContext {
  /** Whether the shard is leaving: replies close their connection. */
  readonly isDraining: () => boolean;
  readonly uploads: Set<Incoming>;
  readonly unread: UnreadReplies;
}

/**
 * A refused body is read to its end before the answer, because a client that is still sending sees a reset
 * instead of the answer; beyond this many times the limit that courtesy ends.
 */
const discardFactor = 8;

const noBytes = new Uint8Array(0);

export class Incoming implements ExchangeSink {
  private chunks: Uint8Array[] | undefined;
  private bytes = 0;
  private held = 0;
  private refused: Problem | undefined;
  private exchange: Exchange | undefined;
  private phase: "reading" | "waiting" | "replying" | "done" = "reading";
  private readonly startedMs: number;
  private unread: UnreadReply | undefined;

  /** `head` is a Problem when the request was refused before its body. */
  constructor(
    private readonly res: HttpResponse,
    private readonly head: LintHead | Problem,
    private readonly meta: ReplyMeta,
    private readonly context: IncomingContext,
  ) {
    this.startedMs = context.clock.nowMs();
    if ("kind" in head) this.refused = head;
    else if (this.isShardFull) this.shed("This balancer has its fill of requests");
  }

  /** A piece of the body; `chunk` is dead after the call. */
  onData(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.phase !== "reading") return;
    this.bytes += chunk.byteLength;
    if (this.refused !== undefined) this.discard(isLast);
    else if (this.bytes > this.context.limits.bodyBytesMax) this.refuseTooLarge(isLast);
    else if (!this.admit(chunk.byteLength)) this.discard(isLast);
    else if (isLast && this.chunks === undefined) this.begin(copyOf(chunk));
    else this.collect(chunk, isLast);
  }

  /** The client left. The response object is dead from here on. */
  onAborted(): void {
    if (this.phase === "done") return;
    const { exchange } = this;
    exchange?.abort();
    this.finish(499);
  }

  /** Called about every `tickMs` while the body is being read. */
  onTick(nowMs: number): void {
    const { requestTimeoutMs } = this.context.limits;
    if (this.phase === "reading" && nowMs - this.startedMs >= requestTimeoutMs) {
      this.answerProblem(this.refused ?? { kind: "request-timeout", limitMs: requestTimeoutMs }, true);
    }
  }

  onReport(exchange: Exchange, report: Uint8Array): void {
    const { head, res, meta } = this;
    assert(!("kind" in head), "a refused request starts no exchange");
    let body: Uint8Array | string = report;
    if (head.format.name !== "json") {
      const rendered = render(head, exchange.request.source, report);
      if (typeof rendered !== "string") {
        this.answerProblem(rendered, false);
        return;
      }
      body = rendered;
    }
    const elapsedMs = this.context.clock.nowMs() - this.startedMs;
    this.finishWhenSent(200, writeReport(res, body, head.format.mediaType, exchange, elapsedMs, meta, this.context.isDraining()));
  }

  onProblem(_exchange: Exchange, problem: Problem): void {
    this.answerProblem(problem, false);
  }

  private get isShardFull(): boolean {
    return this.context.table.size >= this.context.limits.inFlightPerShardMax;
  }

  private collect(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.chunks === undefined) {
      this.chunks = [];
      this.context.uploads.add(this);
    }
    this.chunks.push(copyOf(chunk));
    if (isLast) this.begin(Buffer.concat(this.chunks));
  }

  /** Takes `bytes` into account, unless the shard holds all it may. */
  private admit(bytes: number): boolean {
    const { limits, statistics } = this.context;
    if (statistics.get(shardCells.bodyBytesHeld) + bytes <= limits.bodyBytesHeldPerShardMax) {
      this.hold(bytes);
      return true;
    }
    this.shed("This balancer holds all the bytes it may");
    this.dropBody();
    return false;
  }

  private begin(source: Uint8Array): void {
    const { head, context } = this;
    assert(!("kind" in head), "a refused request starts no exchange");
    // Others may have filled the shard since the head was read.
    if (this.isShardFull) {
      this.shed("This balancer has its fill of requests");
      this.discard(true);
      return;
    }
    // The deadline counts from the complete request, which may come long after its head: an upload has its own limit.
    const startedMs = context.clock.nowMs();
    this.phase = "waiting";
    this.chunks = undefined;
    context.uploads.delete(this);
    // Written out, because `{ ...head, source }` makes a new hidden class for every request, which then spoils every access to it
    // (lintel bench throughput: 16.9 against 12.6 µs).
    const { active, language, version, filename, optionsJson, traceparent, deadlineMs } = head;
    this.exchange = new Exchange({ active, language, version, filename, optionsJson, traceparent, deadlineMs, source, startedMs }, context, this);
    this.exchange.start();
  }

  private hold(bytes: number): void {
    this.held += bytes;
    this.context.statistics.add(shardCells.bodyBytesHeld, bytes);
  }

  private shed(what: string): void {
    this.context.statistics.add(shardCells.shed, 1);
    this.refused = { kind: "overloaded", what, retryAfterSeconds: 1 };
  }

  private refuseTooLarge(isLast: boolean): void {
    const { bodyBytesMax } = this.context.limits;
    this.refused = { kind: "body-too-large", limitBytes: bodyBytesMax, actualBytes: this.bytes, complete: isLast };
    this.dropBody();
    this.discard(isLast);
  }

  private discard(isLast: boolean): void {
    const { refused } = this;
    assert(refused !== undefined, "only a refused body is discarded");
    const whole = refused.kind === "body-too-large" ? { ...refused, actualBytes: this.bytes, complete: isLast } : refused;
    if (isLast) this.answerProblem(whole, false);
    else if (this.bytes > discardFactor * this.context.limits.bodyBytesMax) this.answerProblem(whole, true);
    else this.context.uploads.add(this);
  }

  private answerProblem(problem: Problem, closeConnection: boolean): void {
    const unread = writeProblem(this.res, problem, this.meta, this.exchange, closeConnection || this.context.isDraining());
    this.finishWhenSent(statusOf(problem), unread);
  }

  /** `unread` is what the socket did not take of the reply: the rest goes when the client reads. */
  private finishWhenSent(status: number, unread: Unread | undefined): void {
    if (unread === undefined) {
      this.finish(status);
      return;
    }
    this.phase = "replying";
    this.dropBody();
    this.context.uploads.delete(this);
    this.unread = this.context.unread.hold(this.res, unread, () => this.finish(status));
  }

  private dropBody(): void {
    this.chunks = undefined;
    this.hold(-this.held);
  }

  /** The one end: whatever happened, the bytes are given back and the outcome is counted. */
  private finish(status: number): void {
    assert(this.phase !== "done", "a request is answered once");
    this.phase = "done";
    this.dropBody();
    this.context.uploads.delete(this);
    if (this.unread !== undefined) this.context.unread.remove(this.unread);
    const { statistics, clock } = this.context;
    const languageSlot = "kind" in this.head ? 0 : this.head.language.slot;
    const versionSlot = this.exchange?.version?.slot ?? 0;
    statistics.countOutcome(versionSlot, languageSlot, status, (clock.nowMs() - this.startedMs) * 1_000);
  }
}

/** The report in another format; the worker's fault when it is not a report, ours when it cannot be rendered. */
function render({ format, filename }: LintHead, source: Uint8Array, report: Uint8Array): string | Problem {
  let parsed: Report;
  try {
    parsed = parseReport(textOf(report));
  } catch (error) {
    return { kind: "contract", reason: messageOf(error) };
  }
  try {
    return format.render([{ filename: filename === "" ? unnamedFile : filename, report: parsed, ...(format.usesSource && { source: textOf(source) }) }]);
  } catch {
    return { kind: "internal" };
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function copyOf(chunk: ArrayBuffer): Uint8Array {
  return chunk.byteLength === 0 ? noBytes : Buffer.from(new Uint8Array(chunk));
}
