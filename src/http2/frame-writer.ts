/**
 * Writes frames into a buffer of the caller's, who has made sure that they fit. Every function returns the
 * offset behind what it wrote. Must not know when or where the bytes are sent.
 */
import { clientPreface, flags, frameHeaderBytes, frameTypes } from "./protocol.js";

/** The size of the frames below whose size is fixed. */
export const fixedFrameBytes = {
  settingsAck: frameHeaderBytes,
  ping: frameHeaderBytes + 8,
  rstStream: frameHeaderBytes + 4,
  windowUpdate: frameHeaderBytes + 4,
  goaway: frameHeaderBytes + 8,
} as const;

export function writeFrameHeader(out: Uint8Array, at: number, payloadBytes: number, type: number, frameFlags: number, streamId: number): number {
  out[at] = payloadBytes >>> 16;
  out[at + 1] = payloadBytes >>> 8;
  out[at + 2] = payloadBytes;
  out[at + 3] = type;
  out[at + 4] = frameFlags;
  return writeUint32(out, at + 5, streamId);
}

export function writeUint32(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

export function writePreface(out: Uint8Array, at: number): number {
  for (let index = 0; index < clientPreface.length; index++) out[at + index] = clientPreface.charCodeAt(index);
  return at + clientPreface.length;
}

/** `settings` are pairs of identifier and value. */
export function writeSettings(out: Uint8Array, at: number, settings: readonly (readonly [id: number, value: number])[]): number {
  let next = writeFrameHeader(out, at, settings.length * 6, frameTypes.settings, 0, 0);
  for (const [id, value] of settings) {
    out[next] = id >>> 8;
    out[next + 1] = id;
    next = writeUint32(out, next + 2, value);
  }
  return next;
}

export function writeSettingsAck(out: Uint8Array, at: number): number {
  return writeFrameHeader(out, at, 0, frameTypes.settings, flags.ack, 0);
}

/** `payload` holds the eight opaque bytes from `payloadAt` on. */
export function writePing(out: Uint8Array, at: number, isAck: boolean, payload: Uint8Array, payloadAt: number): number {
  const next = writeFrameHeader(out, at, 8, frameTypes.ping, isAck ? flags.ack : 0, 0);
  for (let index = 0; index < 8; index++) out[next + index] = payload[payloadAt + index] ?? 0;
  return next + 8;
}

export function writeRstStream(out: Uint8Array, at: number, streamId: number, code: number): number {
  return writeUint32(out, writeFrameHeader(out, at, 4, frameTypes.rstStream, 0, streamId), code);
}

export function writeWindowUpdate(out: Uint8Array, at: number, streamId: number, increment: number): number {
  return writeUint32(out, writeFrameHeader(out, at, 4, frameTypes.windowUpdate, 0, streamId), increment);
}

export function writeGoaway(out: Uint8Array, at: number, lastStreamId: number, code: number): number {
  const next = writeFrameHeader(out, at, 8, frameTypes.goaway, 0, 0);
  return writeUint32(out, writeUint32(out, next, lastStreamId), code);
}
