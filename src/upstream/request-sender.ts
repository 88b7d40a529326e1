/**
 * Requests -> frames in the outbox, only as fast as the worker's windows allow (RFC 9113 section 5.2). A
 * request that fits goes out whole, straight from the caller's bytes into the batch; a larger one waits in
 * pieces. Must not know replies.
 */
import { messagePrefixBytes, writeMessagePrefix } from "../http2/grpc-format.js";
import { writeFrameHeader } from "../http2/frame-writer.js";
import { LintRequestWriter, type LintRequestFields } from "../http2/linter-messages.js";
import { errorCodes, flags, frameHeaderBytes, frameTypes, Http2Error, int31Max, protocolDefaults } from "../http2/protocol.js";
import type { RequestHeaders } from "../http2/request-headers.js";
import { callFlags, type CallRing } from "./call-ring.js";
import type { Outbox } from "./outbox.js";

/** A request body that did not fit its windows at once. */
interface WaitingBody {
  readonly id: number;
  /** The gRPC prefix and what comes before the source. */
  readonly head: Uint8Array;
  readonly source: Uint8Array;
  sentBytes: number;
}

const noSource = new Uint8Array(0);

export class RequestSender {
  /** The connection's window: what may be sent over all streams. */
  private window: number = protocolDefaults.windowBytes;
  /** What new streams start with. */
  private streamWindow: number = protocolDefaults.windowBytes;
  /** In the order of their requests, with holes closed as they finish. */
  private readonly waiting: WaitingBody[] = [];
  private readonly writer = new LintRequestWriter();

  constructor(
    private readonly ring: CallRing,
    private readonly outbox: Outbox,
    private readonly headers: RequestHeaders,
  ) {}

  /** Sends a Lint request on a stream that `open` gave. When it leaves is the caller's to say. */
  sendCall(slot: number, call: LintRequestFields, timeoutMs: number): void {
    const { writer, outbox, ring } = this;
    writer.measure(call);
    const bodyBytes = messagePrefixBytes + writer.messageBytes;
    if (bodyBytes > protocolDefaults.frameBytes || bodyBytes > this.window || bodyBytes > this.streamWindow || outbox.isBackPressured) {
      this.sendInPieces(slot, call, timeoutMs);
      return;
    }
    const id = ring.ids[slot] ?? 0;
    const start = outbox.reserve(2 * frameHeaderBytes + this.headers.blockBytesMax + bodyBytes);
    const out = outbox.bytes;
    const block = start + frameHeaderBytes;
    const data = this.headers.writeCall(out, block, timeoutMs, call.traceparent);
    writeFrameHeader(out, start, data - block, frameTypes.headers, flags.endHeaders, id);
    const message = writeFrameHeader(out, data, bodyBytes, frameTypes.data, flags.endStream, id);
    const source = writer.writeHead(call, out, writeMessagePrefix(out, message, writer.messageBytes));
    out.set(call.source, source);
    outbox.commit(source + call.source.length);
    this.window -= bodyBytes;
    ring.sendWindow[slot] = (ring.sendWindow[slot] ?? 0) - bodyBytes;
    ring.flags[slot] = (ring.flags[slot] ?? 0) | callFlags.bodySent;
  }

  /** Sends a request of another method, whose message is empty. No timeout when that is 0. */
  sendEmpty(slot: number, path: string, timeoutMs: number): void {
    const start = this.outbox.reserve(frameHeaderBytes + this.headers.blockBytesMax);
    const end = this.headers.writeOnce(this.outbox.bytes, start + frameHeaderBytes, path, timeoutMs);
    this.finishHeaders(slot, start, end);
    this.addWaiting(slot, new Uint8Array(messagePrefixBytes), noSource);
    this.outbox.flushLater();
  }

  /** A stream that `open` gives now starts with this window. */
  get initialStreamWindow(): number {
    return this.streamWindow;
  }

  /** The worker's SETTINGS_INITIAL_WINDOW_SIZE: changes the windows of open streams too, even to below 0. */
  setStreamWindow(bytes: number): void {
    const { ids, sendWindow, slots } = this.ring;
    const change = bytes - this.streamWindow;
    this.streamWindow = bytes;
    for (let slot = 0; slot < slots; slot++) {
      if (ids[slot] === 0) continue;
      const next = (sendWindow[slot] ?? 0) + change;
      if (next > int31Max) throw new Http2Error(errorCodes.flowControlError, `SETTINGS_INITIAL_WINDOW_SIZE ${bytes} makes a window of ${next} bytes`);
      sendWindow[slot] = next;
    }
  }

  addToWindow(increment: number): void {
    this.window += increment;
    if (this.window > int31Max) throw new Http2Error(errorCodes.flowControlError, `a connection window of ${this.window} bytes`);
  }

  addToStreamWindow(slot: number, increment: number): void {
    const next = (this.ring.sendWindow[slot] ?? 0) + increment;
    if (next > int31Max) throw new Http2Error(errorCodes.flowControlError, `a window of ${next} bytes on stream ${this.ring.ids[slot] ?? 0}`);
    this.ring.sendWindow[slot] = next;
  }

  /** Sends what waits and may go, a frame of each stream in turn. */
  pump(): void {
    let isMoving = this.waiting.length > 0;
    while (isMoving && this.window > 0 && !this.outbox.isBackPressured) {
      isMoving = false;
      let kept = 0;
      for (const body of this.waiting) {
        if (this.sendPiece(body)) isMoving = true;
        if (body.sentBytes < body.head.length + body.source.length) this.waiting[kept++] = body;
      }
      this.waiting.length = kept;
    }
  }

  /** The call is over: what waits of it is not sent. */
  forget(id: number): void {
    const index = this.waiting.findIndex((body) => body.id === id);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  private sendInPieces(slot: number, call: LintRequestFields, timeoutMs: number): void {
    const start = this.outbox.reserve(frameHeaderBytes + this.headers.blockBytesMax);
    const end = this.headers.writeCall(this.outbox.bytes, start + frameHeaderBytes, timeoutMs, call.traceparent);
    this.finishHeaders(slot, start, end);
    const head = Buffer.allocUnsafe(messagePrefixBytes + this.writer.headBytes);
    this.writer.writeHead(call, head, writeMessagePrefix(head, 0, this.writer.messageBytes));
    this.addWaiting(slot, head, call.source);
  }

  private finishHeaders(slot: number, start: number, end: number): void {
    writeFrameHeader(this.outbox.bytes, start, end - start - frameHeaderBytes, frameTypes.headers, flags.endHeaders, this.ring.ids[slot] ?? 0);
    this.outbox.commit(end);
  }

  private addWaiting(slot: number, head: Uint8Array, source: Uint8Array): void {
    this.waiting.push({ id: this.ring.ids[slot] ?? 0, head, source, sentBytes: 0 });
    this.pump();
  }

  /** Sends one frame of a body if it may; says whether it did. */
  private sendPiece(body: WaitingBody): boolean {
    const { ring, outbox } = this;
    const slot = ring.find(body.id);
    const left = body.head.length + body.source.length - body.sentBytes;
    const size = Math.min(left, this.window, ring.sendWindow[slot] ?? 0, protocolDefaults.frameBytes);
    if (size <= 0 || outbox.isBackPressured) return false;
    const start = outbox.reserve(frameHeaderBytes + size);
    const isLast = size === left;
    const at = writeFrameHeader(outbox.bytes, start, size, frameTypes.data, isLast ? flags.endStream : 0, body.id);
    copyPiece(body, outbox.bytes, at, size);
    outbox.commit(at + size);
    body.sentBytes += size;
    this.window -= size;
    ring.sendWindow[slot] = (ring.sendWindow[slot] ?? 0) - size;
    if (isLast) ring.flags[slot] = (ring.flags[slot] ?? 0) | callFlags.bodySent;
    return true;
  }
}

/** The next `size` bytes of head and source. */
function copyPiece(body: WaitingBody, out: Uint8Array, at: number, size: number): void {
  const start = body.sentBytes;
  const end = start + size;
  const headEnd = Math.min(end, body.head.length);
  if (start < headEnd) out.set(body.head.subarray(start, headEnd), at);
  const sourceStart = Math.max(start, body.head.length);
  if (sourceStart < end) out.set(body.source.subarray(sourceStart - body.head.length, end - body.head.length), at + sourceStart - start);
}
