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
import type { AccessRecorder } from "./access-recorder.js";
import type { BodyMemory } from "./body-memory.js";
import { Exchange, type ExchangeContext, type ExchangeSink } from "./exchange.js";
import type { LintHead } from "./lint-request.js";
import type { Problem, ProblemKind } from "./problem.js";
import { writeProblem, writeReport, statusOf, type ReplyMeta } from "./reply.js";
import { shardCells } from "./statistics.js";
import type { Unread, UnreadReplies, UnreadReply } from "./unread-replies.js";

/** What incoming requests of a shard share. */
export interface IncomingContext extends ExchangeContext {
  /** Whether the shard is leaving: replies close their connection. */
  readonly isDraining: () => boolean;
  readonly uploads: Set<Incoming>;
  readonly bodies: BodyMemory;
  readonly unread: UnreadReplies;
  /** Undefined when nothing is recorded. */
  readonly access: AccessRecorder | undefined;
}

/**
 * A refused body is read to its end before the answer, because a client that is still sending sees a reset
 * instead of the answer; beyond this many times the limit that courtesy ends.
 */
const discardFactor = 8;

const noBytes = new Uint8Array(0);

export class Incoming implements ExchangeSink {
  /** Holds what has come of the body. */
  private memory: ArrayBuffer | undefined;
  private bytes = 0;
  private held = 0;
  private refused: Problem | undefined;
  private exchange: Exchange | undefined;
  private phase: "reading" | "waiting" | "replying" | "done" = "reading";
  private readonly startedMs: number;
  private readonly startedTick: number;
  private unread: UnreadReply | undefined;
  /** For the access log alone: the id it was given, and why there is no report. */
  private givenId = "";
  private reason: ProblemKind | "" = "";

  /** `head` is a Problem when the request was refused before its body; `announced` is its Content-Length as it came, "" for none. */
  constructor(
    private readonly res: HttpResponse,
    private readonly head: LintHead | Problem,
    private readonly announced: string,
    private readonly meta: ReplyMeta,
    private readonly context: IncomingContext,
  ) {
    this.startedMs = context.clock.nowMs();
    this.startedTick = context.table.ticks;
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
    else this.collect(chunk, isLast);
  }

  /** The client left. The response object is dead from here on. */
  onAborted(): void {
    if (this.phase === "done") return;
    const { exchange } = this;
    exchange?.abort();
    this.finish(499, this.context.clock.nowMs());
  }

  /** Called about every `tickMs` while the body is being read. */
  onTick(nowMs: number): void {
    const { requestTimeoutMs } = this.context.limits;
    if (this.phase === "reading" && nowMs - this.startedMs >= requestTimeoutMs) {
      this.answerProblem(this.refused ?? { kind: "request-timeout", limitMs: requestTimeoutMs }, true);
    }
  }

  onReport(exchange: Exchange, report: Uint8Array, nowMs: number): void {
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
    const unread = writeReport(res, body, head.format.mediaType, exchange, nowMs - this.startedMs, meta, this.context.isDraining());
    this.noteId();
    this.finishWhenSent(200, unread, nowMs);
  }

  onProblem(_exchange: Exchange, problem: Problem): void {
    this.answerProblem(problem, false);
  }

  private get isShardFull(): boolean {
    return this.context.table.size >= this.context.limits.inFlightPerShardMax;
  }

  private collect(chunk: ArrayBuffer, isLast: boolean): void {
    const { context, memory, bytes } = this;
    const { byteLength } = chunk;
    if (isLast && memory === undefined) {
      this.memory = context.bodies.take(byteLength);
      const source = byteLength === 0 ? noBytes : new Uint8Array(this.memory, 0, byteLength);
      source.set(new Uint8Array(chunk));
      this.begin(source);
      return;
    }
    this.memory = context.bodies.add(memory, bytes - byteLength, chunk, Number(this.announced));
    if (isLast) this.begin(new Uint8Array(this.memory, 0, bytes));
    else context.uploads.add(this);
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
    this.phase = "waiting";
    head.source = source;
    // The deadline counts from the complete request, which may come long after its head: an upload has its own limit.
    head.startedMs = context.table.ticks === this.startedTick ? this.startedMs : context.clock.nowMs();
    this.leaveUploads();
    this.exchange = new Exchange(head, context, this);
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
    const nowMs = this.context.clock.nowMs();
    const unread = writeProblem(this.res, problem, this.exchange, nowMs - this.startedMs, this.meta, closeConnection || this.context.isDraining());
    this.reason = problem.kind;
    this.noteId();
    this.finishWhenSent(statusOf(problem), unread, nowMs);
  }

  /** The one just written: a reply that is read slowly ends when others have newer ones. */
  private noteId(): void {
    const { meta } = this;
    if (this.context.access !== undefined) this.givenId = meta.requestId === "" ? meta.ids.newest() : meta.requestId;
  }

  /** `unread` is what the socket did not take of the reply: the rest goes when the client reads. */
  private finishWhenSent(status: number, unread: Unread | undefined, nowMs: number): void {
    if (unread === undefined) {
      this.finish(status, nowMs);
      return;
    }
    this.phase = "replying";
    this.dropBody();
    this.leaveUploads();
    this.unread = this.context.unread.hold(this.res, unread, () => this.finish(status, this.context.clock.nowMs()));
  }

  private dropBody(): void {
    if (this.memory !== undefined) this.context.bodies.give(this.memory);
    this.memory = undefined;
    this.hold(-this.held);
  }

  /** Most requests never were one. */
  private leaveUploads(): void {
    const { uploads } = this.context;
    if (uploads.size > 0) uploads.delete(this);
  }

  /** The one end: whatever happened, the bytes are given back and the outcome is counted. */
  private finish(status: number, nowMs: number): void {
    assert(this.phase !== "done", "a request is answered once");
    this.phase = "done";
    this.dropBody();
    this.leaveUploads();
    if (this.unread !== undefined) this.context.unread.remove(this.unread);
    const { statistics, access } = this.context;
    const languageSlot = "kind" in this.head ? 0 : this.head.language.slot;
    const versionSlot = this.exchange?.version?.slot ?? 0;
    const durationMs = nowMs - this.startedMs;
    statistics.countOutcome(versionSlot, languageSlot, status, durationMs * 1_000);
    if (access === undefined) return;
    const reason = status === 499 ? "client-left" : this.reason;
    access.note({ status, reason, languageSlot, sourceBytes: this.bytes, durationMs, requestId: this.givenId }, this.exchange, this.meta);
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
