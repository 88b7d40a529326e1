/**
 * What the worker may send before we say more (RFC 9113 section 5.2). A stream's window holds the largest
 * message there may be, so that a reply needs no WINDOW_UPDATE of its own; only padding and the endless Watch
 * do. Must not know messages.
 */
import { errorCodes, Http2Error, int31Max, protocolDefaults } from "../http2/protocol.js";
import type { CallRing } from "./call-ring.js";
import type { ControlFrames } from "./control-frames.js";

export class ReceiveWindows {
  /** Our SETTINGS_INITIAL_WINDOW_SIZE. */
  readonly streamBytes: number;
  readonly connectionBytes: number;
  private received = 0;

  constructor(
    private readonly ring: CallRing,
    private readonly control: ControlFrames,
    messageBytesMax: number,
    connectionBytes: number,
  ) {
    const withOverhead = messageBytesMax + 1_024;
    this.streamBytes = Math.min(int31Max, Math.max(protocolDefaults.windowBytes, withOverhead));
    this.connectionBytes = Math.min(int31Max, Math.max(protocolDefaults.windowBytes, connectionBytes));
  }

  /** How much the first WINDOW_UPDATE adds to what every connection starts with. */
  get greetingIncrement(): number {
    return this.connectionBytes - protocolDefaults.windowBytes;
  }

  /** Counts a DATA frame, also one for a stream that is over, and gives back in large steps. */
  onConnectionData(flowBytes: number): void {
    this.received += flowBytes;
    if (this.received > this.connectionBytes) throw new Http2Error(errorCodes.flowControlError, `more data than the connection's window of ${this.connectionBytes} bytes`);
    if (this.received * 2 < this.connectionBytes) return;
    this.control.windowUpdate(0, this.received);
    this.received = 0;
  }

  /** `isEndless`: the stream has no last message, and gets back what it used. */
  onStreamData(slot: number, flowBytes: number, paddingBytes: number, isEndless: boolean): void {
    const received = (this.ring.received[slot] ?? 0) + flowBytes;
    if (received > this.streamBytes) {
      throw new Http2Error(errorCodes.flowControlError, `more data than the window of ${this.streamBytes} bytes on stream ${this.ring.ids[slot] ?? 0}`);
    }
    const returned = isEndless && received * 2 >= this.streamBytes ? received : paddingBytes;
    this.ring.received[slot] = received - returned;
    if (returned > 0) this.control.windowUpdate(this.ring.ids[slot] ?? 0, returned);
  }
}
