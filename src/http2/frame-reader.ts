/**
 * Cuts a server's byte stream into frames, checks their form (RFC 9113 sections 4 to 6), joins CONTINUATION
 * to its HEADERS, strips padding, and hands each on as plain numbers and a range of bytes. However the
 * stream is split into chunks, the sink hears the same. Must not know the state of any stream.
 */
import { errorCodes, flags, frameBytesLimit, frameHeaderBytes, frameTypes, Http2Error, int31Max, protocolDefaults, settingIds } from "./protocol.js";

/** Hears what the server sent. Every `bytes` is only valid until the call returns, except where noted. */
export interface FrameSink {
  /**
   * `flowBytes` is what counts against the windows: data and padding. The range stays valid until
   * `onChunkEnd`, so that a reply whose frames came together is never copied.
   */
  onData(streamId: number, bytes: Uint8Array, start: number, end: number, flowBytes: number, isEnd: boolean): void;
  /** A whole header block. */
  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, isEnd: boolean): void;
  onReset(streamId: number, code: number): void;
  onSetting(id: number, value: number): void;
  /** After the last `onSetting` of a frame: it must be acknowledged. */
  onSettingsEnd(): void;
  /** `at` is where the eight opaque bytes begin. */
  onPing(isAck: boolean, bytes: Uint8Array, at: number): void;
  onGoaway(lastStreamId: number, code: number, bytes: Uint8Array, debugStart: number, debugEnd: number): void;
  /** `streamId` is 0 for the connection's window. */
  onWindowUpdate(streamId: number, increment: number): void;
  /** The chunk is about to become invalid. */
  onChunkEnd(): void;
}

export interface FrameReaderLimits {
  /** The largest frame we announced to take. */
  readonly frameBytesMax: number;
  /** The largest header block over all its CONTINUATION frames; more is ENHANCE_YOUR_CALM. */
  readonly headerBlockBytesMax: number;
  /** How many CONTINUATION frames one block may have: empty ones would otherwise cost time without end. */
  readonly continuationFramesMax: number;
}

export const defaultFrameReaderLimits: FrameReaderLimits = {
  // The protocol's own default, so that nothing needs to be announced: 16 KiB frames already cost little per byte.
  frameBytesMax: protocolDefaults.frameBytes,
  // A reply's headers take some dozen bytes; error messages a few hundred.
  headerBlockBytesMax: 64 * 1024,
  continuationFramesMax: 64,
};

export class FrameReader {
  /** The start of a frame whose rest has not arrived. Grows to the largest frame that was ever split. */
  private carry = new Uint8Array(0);
  private carried = 0;
  /** A header block without its END_HEADERS yet: its stream, or 0. */
  private blockStreamId = 0;
  private blockIsEnd = false;
  private block = new Uint8Array(0);
  private blockBytes = 0;
  private continuations = 0;
  private sawSettings = false;
  private stopped = false;

  constructor(
    private readonly sink: FrameSink,
    private readonly limits: FrameReaderLimits = defaultFrameReaderLimits,
  ) {}

  /** Hands on every frame that `chunk[0, length)` completes. Throws `Http2Error`; nothing may be read after that. */
  read(chunk: Uint8Array, length: number): void {
    let at = 0;
    if (this.carried > 0) {
      at = this.completeCarried(chunk, length);
      if (at < 0) return;
    }
    while (!this.stopped && length - at >= frameHeaderBytes) {
      const total = frameHeaderBytes + this.payloadBytes(chunk, at);
      if (length - at < total) break;
      this.frame(chunk, at, total - frameHeaderBytes);
      at += total;
    }
    this.sink.onChunkEnd();
    if (!this.stopped && at < length) this.keep(chunk, at, length);
  }

  /** No further call to the sink, not even for the rest of the chunk being read. */
  stop(): void {
    this.stopped = true;
  }

  /** Where the chunk goes on behind the frame begun earlier; -1 when even with all of it that is not complete. */
  private completeCarried(chunk: Uint8Array, length: number): number {
    let at = 0;
    if (this.carried < frameHeaderBytes) {
      at = Math.min(frameHeaderBytes - this.carried, length);
      this.keep(chunk, 0, at);
      if (this.carried < frameHeaderBytes) return -1;
    }
    const payloadBytes = this.payloadBytes(this.carry, 0);
    const missing = frameHeaderBytes + payloadBytes - this.carried;
    const taken = Math.min(missing, length - at);
    this.keep(chunk, at, at + taken);
    if (taken < missing) return -1;
    this.carried = 0;
    this.frame(this.carry, 0, payloadBytes);
    return at + taken;
  }

  private keep(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.carried + end - start;
    if (this.carry.length < needed) this.carry = grown(this.carry, this.carried, needed);
    this.carry.set(chunk.subarray(start, end), this.carried);
    this.carried = needed;
  }

  private payloadBytes(bytes: Uint8Array, at: number): number {
    const size = readUint24(bytes, at);
    if (!this.sawSettings && bytes[at + 3] !== frameTypes.settings) {
      const first = Buffer.from(bytes.subarray(at, at + frameHeaderBytes)).toString("latin1");
      throw new Http2Error(errorCodes.protocolError, `it does not speak HTTP/2: its first bytes are ${JSON.stringify(first)}, not a SETTINGS frame`);
    }
    if (size > this.limits.frameBytesMax) {
      throw new Http2Error(errorCodes.frameSizeError, `a frame of ${size} bytes, more than the ${this.limits.frameBytesMax} allowed`);
    }
    return size;
  }

  private frame(bytes: Uint8Array, at: number, size: number): void {
    const type = bytes[at + 3] ?? 0;
    const frameFlags = bytes[at + 4] ?? 0;
    const streamId = readUint32(bytes, at + 5) & int31Max;
    const start = at + frameHeaderBytes;
    if (this.blockStreamId !== 0 && type !== frameTypes.continuation) {
      throw new Http2Error(errorCodes.protocolError, `a frame of type ${type} inside a header block`);
    }
    switch (type) {
      case frameTypes.data:
        this.data(bytes, start, size, frameFlags, streamId);
        return;
      case frameTypes.headers:
        this.headers(bytes, start, size, frameFlags, streamId);
        return;
      case frameTypes.continuation:
        this.continuation(bytes, start, size, frameFlags, streamId);
        return;
      case frameTypes.rstStream:
        expectSize("RST_STREAM", size, 4);
        expectStream("RST_STREAM", streamId);
        this.sink.onReset(streamId, readUint32(bytes, start));
        return;
      case frameTypes.settings:
        this.settings(bytes, start, size, frameFlags, streamId);
        return;
      case frameTypes.ping:
        expectSize("PING", size, 8);
        expectConnection("PING", streamId);
        this.sink.onPing((frameFlags & flags.ack) !== 0, bytes, start);
        return;
      case frameTypes.goaway:
        if (size < 8) throw new Http2Error(errorCodes.frameSizeError, `GOAWAY of ${size} bytes`);
        expectConnection("GOAWAY", streamId);
        this.sink.onGoaway(readUint32(bytes, start) & int31Max, readUint32(bytes, start + 4), bytes, start + 8, start + size);
        return;
      case frameTypes.windowUpdate:
        this.windowUpdate(bytes, start, size, streamId);
        return;
      case frameTypes.priority:
        expectSize("PRIORITY", size, 5);
        expectStream("PRIORITY", streamId);
        return;
      case frameTypes.pushPromise:
        throw new Http2Error(errorCodes.protocolError, "PUSH_PROMISE, though push was disabled");
      default:
        return; // RFC 9113 section 4.1: unknown types are ignored.
    }
  }

  private data(bytes: Uint8Array, start: number, size: number, frameFlags: number, streamId: number): void {
    expectStream("DATA", streamId);
    const isEnd = (frameFlags & flags.endStream) !== 0;
    if ((frameFlags & flags.padded) === 0) {
      this.sink.onData(streamId, bytes, start, start + size, size, isEnd);
      return;
    }
    const padding = paddingOf("DATA", bytes, start, size, 1);
    this.sink.onData(streamId, bytes, start + 1, start + size - padding, size, isEnd);
  }

  private headers(bytes: Uint8Array, start: number, size: number, frameFlags: number, streamId: number): void {
    expectStream("HEADERS", streamId);
    const isPadded = (frameFlags & flags.padded) !== 0;
    const skipped = (isPadded ? 1 : 0) + ((frameFlags & flags.priority) !== 0 ? 5 : 0);
    if (size < skipped) throw new Http2Error(errorCodes.frameSizeError, `HEADERS of ${size} bytes`);
    const padding = isPadded ? paddingOf("HEADERS", bytes, start, size, skipped) : 0;
    const isEnd = (frameFlags & flags.endStream) !== 0;
    if ((frameFlags & flags.endHeaders) !== 0) {
      this.sink.onHeaders(streamId, bytes, start + skipped, start + size - padding, isEnd);
      return;
    }
    this.blockStreamId = streamId;
    this.blockIsEnd = isEnd;
    this.blockBytes = 0;
    this.continuations = 0;
    this.addToBlock(bytes, start + skipped, start + size - padding);
  }

  private continuation(bytes: Uint8Array, start: number, size: number, frameFlags: number, streamId: number): void {
    if (this.blockStreamId === 0 || streamId !== this.blockStreamId) {
      throw new Http2Error(errorCodes.protocolError, `CONTINUATION on stream ${streamId} without a header block to continue`);
    }
    if (++this.continuations > this.limits.continuationFramesMax) {
      throw new Http2Error(errorCodes.enhanceYourCalm, `a header block of more than ${this.limits.continuationFramesMax} CONTINUATION frames`);
    }
    this.addToBlock(bytes, start, start + size);
    if ((frameFlags & flags.endHeaders) === 0) return;
    this.blockStreamId = 0;
    this.sink.onHeaders(streamId, this.block, 0, this.blockBytes, this.blockIsEnd);
  }

  private addToBlock(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.blockBytes + end - start;
    if (needed > this.limits.headerBlockBytesMax) {
      throw new Http2Error(errorCodes.enhanceYourCalm, `a header block of more than ${this.limits.headerBlockBytesMax} bytes`);
    }
    if (this.block.length < needed) this.block = grown(this.block, this.blockBytes, needed);
    this.block.set(bytes.subarray(start, end), this.blockBytes);
    this.blockBytes = needed;
  }

  private settings(bytes: Uint8Array, start: number, size: number, frameFlags: number, streamId: number): void {
    expectConnection("SETTINGS", streamId);
    if ((frameFlags & flags.ack) !== 0) {
      expectSize("SETTINGS acknowledgement", size, 0);
      if (!this.sawSettings) throw new Http2Error(errorCodes.protocolError, "it acknowledged our SETTINGS before sending its own");
      return;
    }
    if (size % 6 !== 0) throw new Http2Error(errorCodes.frameSizeError, `SETTINGS of ${size} bytes, not a multiple of 6`);
    this.sawSettings = true;
    for (let at = start; at < start + size; at += 6) {
      const id = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      const value = readUint32(bytes, at + 2);
      checkSetting(id, value);
      this.sink.onSetting(id, value);
    }
    this.sink.onSettingsEnd();
  }

  private windowUpdate(bytes: Uint8Array, start: number, size: number, streamId: number): void {
    expectSize("WINDOW_UPDATE", size, 4);
    const increment = readUint32(bytes, start) & int31Max;
    if (increment === 0) throw new Http2Error(errorCodes.protocolError, `WINDOW_UPDATE by 0 on stream ${streamId}`);
    this.sink.onWindowUpdate(streamId, increment);
  }
}

function checkSetting(id: number, value: number): void {
  if (id === settingIds.enablePush && value !== 0) throw new Http2Error(errorCodes.protocolError, `SETTINGS_ENABLE_PUSH ${value} from a server`);
  if (id === settingIds.initialWindowBytes && value > int31Max) {
    throw new Http2Error(errorCodes.flowControlError, `SETTINGS_INITIAL_WINDOW_SIZE ${value}`);
  }
  if (id === settingIds.frameBytesMax && (value < protocolDefaults.frameBytes || value > frameBytesLimit)) {
    throw new Http2Error(errorCodes.protocolError, `SETTINGS_MAX_FRAME_SIZE ${value}`);
  }
}

/** The padding's length, checked to leave room for the `skipped` bytes of fields before the content. */
function paddingOf(name: string, bytes: Uint8Array, start: number, size: number, skipped: number): number {
  if (size < skipped) throw new Http2Error(errorCodes.frameSizeError, `padded ${name} of ${size} bytes`);
  const padding = bytes[start] ?? 0;
  if (skipped + padding > size) throw new Http2Error(errorCodes.protocolError, `${name} with more padding than content`);
  return padding;
}

function expectSize(name: string, size: number, expected: number): void {
  if (size !== expected) throw new Http2Error(errorCodes.frameSizeError, `${name} of ${size} bytes, not ${expected}`);
}

function expectStream(name: string, streamId: number): void {
  if (streamId === 0) throw new Http2Error(errorCodes.protocolError, `${name} on stream 0`);
}

function expectConnection(name: string, streamId: number): void {
  if (streamId !== 0) throw new Http2Error(errorCodes.protocolError, `${name} on stream ${streamId}`);
}

/** A copy with room for `needed` bytes, a power of two so that it grows seldom. */
function grown(old: Uint8Array, used: number, needed: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(needed, 64))));
  next.set(old.subarray(0, used));
  return next;
}

function readUint24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}
