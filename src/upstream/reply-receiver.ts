/**
 * Frames of streams -> settled calls: every call that was opened is settled here, once, by its reply, by a
 * failure, or silently by a cancel. Must not know the socket nor when requests are sent.
 */
import { assert } from "../base/assert.js";
import { decodeMessage } from "../http2/grpc-format.js";
import { HpackDecoder } from "../http2/hpack-decoder.js";
import { LintResponseReader } from "../http2/linter-messages.js";
import { MessageError } from "../http2/protobuf-reader.js";
import { errorCodes, Http2Error, protocolDefaults } from "../http2/protocol.js";
import { ReplyFields, replyFieldKind } from "../http2/reply-fields.js";
import type { BufferPool } from "./buffer-pool.js";
import { callFlags, type CallRing } from "./call-ring.js";
import type { ControlFrames } from "./control-frames.js";
import type { AttemptFailure } from "./failure.js";
import { MessageAssembler } from "./message-assembler.js";
import type { ReceiveWindows } from "./receive-windows.js";
import { contractFailure, failureOfReply, failureOfReset, flawOfHeaders } from "./reply-failure.js";
import type { RequestSender } from "./request-sender.js";
import type { SideCall } from "./side-calls.js";

/** LintResponse's overhead around the report: two tags, a length and the queue depth. */
const responseOverheadBytes = 64;

export interface ReplyReceiverOptions {
  readonly reportBytesMax: number;
  readonly sideMessageBytesMax: number;
  readonly headerListBytesMax: number;
}

export class ReplyReceiver {
  /** The calls beside Lint, by stream id. */
  readonly sides = new Map<number, SideCall>();
  private readonly assembler: MessageAssembler;
  private readonly decoder = new HpackDecoder({ tableBytesMax: protocolDefaults.headerTableBytes, kindOf: replyFieldKind });
  private readonly fields = new ReplyFields();
  private readonly response = new LintResponseReader();

  constructor(
    private readonly ring: CallRing,
    private readonly sender: RequestSender,
    private readonly control: ControlFrames,
    private readonly windows: ReceiveWindows,
    private readonly pool: BufferPool,
    private readonly options: ReplyReceiverOptions,
    /** Called after every settled call, Lint or not, whose listener has heard. */
    private readonly onSettled: (isSide: boolean) => void,
  ) {
    this.assembler = new MessageAssembler(ring, pool);
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, flowBytes: number, isEnd: boolean): void {
    this.windows.onConnectionData(flowBytes);
    const slot = this.find("DATA", streamId);
    if (slot < 0) return;
    const side = this.ring.has(slot, callFlags.isSide) ? this.sides.get(streamId) : undefined;
    if (!isEnd) this.windows.onStreamData(slot, flowBytes, flowBytes - (end - start), side !== undefined);
    if (!this.ring.has(slot, callFlags.sawHeaders)) {
      this.fail(slot, contractFailure("data before the headers of a reply"), isEnd);
      return;
    }
    const flaw = side === undefined ? this.readCall(slot, bytes, start, end) : this.readSide(side, streamId, bytes, start, end);
    if (flaw === "" && !isEnd) return;
    const still = this.ring.find(streamId);
    if (still >= 0) this.fail(still, contractFailure(flaw === "" ? "the reply ended without trailers" : flaw), isEnd);
  }

  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    const { fields, ring } = this;
    fields.reset();
    // Also for a stream that is over: the table must stay what the worker thinks it is.
    const listBytes = this.decoder.decode(bytes, start, end, fields);
    const slot = this.find("HEADERS", streamId);
    if (slot < 0) return;
    const flaw = listBytes > this.options.headerListBytesMax ? `${listBytes} bytes of headers, more than the ${this.options.headerListBytesMax} allowed` : this.flawOfBlock(slot, isEnd);
    if (flaw !== "") this.fail(slot, contractFailure(flaw), isEnd);
    else if (isEnd) this.finish(slot);
    else if (fields.httpStatus === 200) ring.flags[slot] = (ring.flags[slot] ?? 0) | callFlags.sawHeaders;
  }

  onReset(streamId: number, code: number): void {
    const slot = this.find("RST_STREAM", streamId);
    if (slot < 0) return;
    this.sender.forget(streamId);
    this.settleFailure(slot, failureOfReset(code));
  }

  /** The chunk that all calls of `onData` since the last one read from becomes invalid. */
  endChunk(): void {
    this.assembler.endChunk();
  }

  /** Settles a call without a word to its listener. */
  cancel(slot: number): void {
    this.end(slot, false);
    const isSide = this.takeSide(slot) !== undefined;
    this.assembler.release(slot);
    this.ring.free(slot);
    this.onSettled(isSide);
  }

  /** Settles every call for which `failureOf` has a failure, without a word to the worker. */
  failAll(failureOf: (slot: number) => AttemptFailure | undefined): void {
    for (const id of [...this.ring.ids].sort((a, b) => a - b)) {
      // Listeners may do anything meanwhile, so each call is looked up anew.
      const slot = this.ring.find(id);
      const failure = slot < 0 ? undefined : failureOf(slot);
      if (failure === undefined) continue;
      this.sender.forget(id);
      this.settleFailure(slot, failure);
    }
  }

  /** A stream's slot, -1 when it is over already. Throws when it never was (RFC 9113 section 5.1). */
  private find(frame: string, streamId: number): number {
    const slot = this.ring.find(streamId);
    if (slot < 0) this.expectKnown(frame, streamId);
    return slot;
  }

  expectKnown(frame: string, streamId: number): void {
    if (streamId % 2 === 0 || streamId >= this.ring.nextId) {
      throw new Http2Error(errorCodes.protocolError, `${frame} on stream ${streamId}, which was never opened`);
    }
  }

  /** Returns "" or what is wrong with the message. */
  private readCall(slot: number, bytes: Uint8Array, start: number, end: number): string {
    if (start === end) return "";
    if (this.ring.has(slot, callFlags.isComplete)) return "more than one message in a reply";
    try {
      const next = this.assembler.add(slot, bytes, start, end, this.options.reportBytesMax + responseOverheadBytes);
      return next < end ? "more than one message in a reply" : "";
    } catch (error) {
      return flawOf(error);
    }
  }

  private readSide(side: SideCall, streamId: number, bytes: Uint8Array, start: number, end: number): string {
    const { ring, assembler } = this;
    let at = start;
    try {
      while (at < end) {
        const slot = ring.find(streamId);
        if (slot < 0) return ""; // its own listener ended it
        at = assembler.add(slot, bytes, at, end, this.options.sideMessageBytesMax);
        const message = ring.messages[slot];
        if (message === undefined || !ring.has(slot, callFlags.isComplete)) continue;
        side.onMessage(message, ring.messageStart[slot] ?? 0, ring.messageEnd[slot] ?? 0);
        const still = ring.find(streamId);
        if (still >= 0) assembler.release(still);
      }
      return "";
    } catch (error) {
      return flawOf(error);
    }
  }

  private flawOfBlock(slot: number, isEnd: boolean): string {
    const { fields } = this;
    if (this.ring.has(slot, callFlags.sawHeaders)) {
      if (!isEnd) return "headers in the middle of a reply";
      return fields.httpStatus >= 0 || fields.hasStrangePseudo ? "trailers with pseudo-header fields" : "";
    }
    const isInterim = fields.httpStatus >= 100 && fields.httpStatus < 200 && !isEnd;
    return isInterim ? "" : flawOfHeaders(fields);
  }

  /** The stream ended with a status. */
  private finish(slot: number): void {
    const { fields } = this;
    this.end(slot, true);
    if (this.ring.has(slot, callFlags.isSide)) this.settleSide(slot, fields.grpcStatus, decodeMessage(fields.grpcMessage));
    else if (fields.grpcStatus !== 0) this.settleFailure(slot, failureOfReply(fields));
    else if (!this.ring.has(slot, callFlags.isComplete)) this.settleFailure(slot, contractFailure("status OK without a message", fields.queueDepth));
    else this.settleReply(slot);
  }

  /** The worker did something on the stream that a contract does not allow. */
  private fail(slot: number, failure: AttemptFailure, isStreamEnd: boolean): void {
    this.end(slot, isStreamEnd);
    this.settleFailure(slot, failure);
  }

  /** Makes sure that the stream is over on both sides: what is not sent will not be, what is not received neither. */
  private end(slot: number, isEndedByWorker: boolean): void {
    const id = this.ring.ids[slot] ?? 0;
    const isSent = this.ring.has(slot, callFlags.bodySent);
    if (!isSent) this.sender.forget(id);
    if (!isSent || !isEndedByWorker) this.control.rstStream(id, errorCodes.cancel);
  }

  private settleReply(slot: number): void {
    const { ring, response } = this;
    const message = ring.messages[slot];
    const listener = ring.listeners[slot];
    assert(message !== undefined && listener !== undefined, "a complete Lint call has a message and a listener");
    const isOwned = ring.has(slot, callFlags.isOwned);
    const start = ring.messageStart[slot] ?? 0;
    const end = ring.messageEnd[slot] ?? 0;
    ring.free(slot);
    const flaw = this.readResponse(message, start, end);
    if (flaw === "") {
      const report = new Uint8Array(message.buffer, message.byteOffset + response.reportStart, response.reportEnd - response.reportStart);
      listener.onReply(report, response.queueDepth, response.costMicros);
    } else listener.onFailure(contractFailure(flaw));
    if (isOwned) this.pool.give(message as Buffer);
    this.onSettled(false);
  }

  private readResponse(message: Uint8Array, start: number, end: number): string {
    try {
      this.response.read(message, start, end);
    } catch (error) {
      return flawOf(error);
    }
    const bytes = this.response.reportEnd - this.response.reportStart;
    return bytes > this.options.reportBytesMax ? `a report of ${bytes} bytes, more than the ${this.options.reportBytesMax} allowed` : "";
  }

  private settleFailure(slot: number, failure: AttemptFailure): void {
    if (this.ring.has(slot, callFlags.isSide)) {
      this.settleSide(slot, -1, failure.message);
      return;
    }
    const listener = this.ring.listeners[slot];
    this.assembler.release(slot);
    this.ring.free(slot);
    listener?.onFailure(failure);
    this.onSettled(false);
  }

  private settleSide(slot: number, grpcStatus: number, message: string): void {
    const side = this.takeSide(slot);
    this.assembler.release(slot);
    this.ring.free(slot);
    side?.onEnd(grpcStatus, message);
    this.onSettled(true);
  }

  private takeSide(slot: number): SideCall | undefined {
    const id = this.ring.ids[slot] ?? 0;
    const side = this.sides.get(id);
    this.sides.delete(id);
    return side;
  }
}

/** What is wrong with a message; anything but a MessageError is a bug of ours and goes on. */
function flawOf(error: unknown): string {
  if (error instanceof MessageError) return error.message;
  throw error;
}
