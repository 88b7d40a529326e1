/** The frames that carry no request, written into an outbox; they leave at the end of the turn at the latest. */
import {
  fixedFrameBytes,
  writeGoaway,
  writePing,
  writePreface,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from "../http2/frame-writer.js";
import type { Outbox } from "./outbox.js";

/** Room for the preface, our settings and a window update. */
const greetingBytes = 128;
const pingPayload = Buffer.from("lintel\0\0", "latin1");

export class ControlFrames {
  constructor(private readonly outbox: Outbox) {}

  /** The client's connection preface (RFC 9113 section 3.4). */
  greeting(settings: readonly (readonly [id: number, value: number])[], windowIncrement: number): void {
    const { outbox } = this;
    const start = outbox.reserve(greetingBytes);
    const next = writeSettings(outbox.bytes, writePreface(outbox.bytes, start), settings);
    this.done(windowIncrement > 0 ? writeWindowUpdate(outbox.bytes, next, 0, windowIncrement) : next);
  }

  settingsAck(): void {
    const start = this.outbox.reserve(fixedFrameBytes.settingsAck);
    this.done(writeSettingsAck(this.outbox.bytes, start));
  }

  ping(): void {
    const start = this.outbox.reserve(fixedFrameBytes.ping);
    this.done(writePing(this.outbox.bytes, start, false, pingPayload, 0));
  }

  pingAck(payload: Uint8Array, at: number): void {
    const start = this.outbox.reserve(fixedFrameBytes.ping);
    this.done(writePing(this.outbox.bytes, start, true, payload, at));
  }

  rstStream(streamId: number, code: number): void {
    const start = this.outbox.reserve(fixedFrameBytes.rstStream);
    this.done(writeRstStream(this.outbox.bytes, start, streamId, code));
  }

  windowUpdate(streamId: number, increment: number): void {
    const start = this.outbox.reserve(fixedFrameBytes.windowUpdate);
    this.done(writeWindowUpdate(this.outbox.bytes, start, streamId, increment));
  }

  /** No server-initiated streams exist, so the last one seen is always 0. */
  goaway(code: number): void {
    const start = this.outbox.reserve(fixedFrameBytes.goaway);
    this.done(writeGoaway(this.outbox.bytes, start, 0, code));
  }

  private done(end: number): void {
    this.outbox.commit(end);
    this.outbox.flushLater();
  }
}
