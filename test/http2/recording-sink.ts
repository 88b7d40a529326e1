/** A FrameSink that writes down what it hears, and checks what a sink may rely on. */
import type { FrameSink } from "../../src/http2/frame-reader.js";

export class RecordingSink implements FrameSink {
  readonly events: string[] = [];
  /** Data whose bytes must still be there at the end of the chunk. */
  private readonly held: { readonly event: number; readonly bytes: Uint8Array }[] = [];

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, flowBytes: number, isEnd: boolean): void {
    this.held.push({ event: this.events.length, bytes: bytes.subarray(start, end) });
    this.events.push(`data ${streamId} ${hexOf(bytes, start, end)} flow ${flowBytes}${isEnd ? " end" : ""}`);
  }
  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.events.push(`headers ${streamId} ${hexOf(bytes, start, end)}${isEnd ? " end" : ""}`);
  }
  onReset(streamId: number, code: number): void {
    this.events.push(`reset ${streamId} ${code}`);
  }
  onSetting(id: number, value: number): void {
    this.events.push(`setting ${id} ${value}`);
  }
  onSettingsEnd(): void {
    this.events.push("settings end");
  }
  onPing(isAck: boolean, bytes: Uint8Array, at: number): void {
    this.events.push(`ping${isAck ? " ack" : ""} ${hexOf(bytes, at, at + 8)}`);
  }
  onGoaway(lastStreamId: number, code: number, bytes: Uint8Array, debugStart: number, debugEnd: number): void {
    this.events.push(`goaway ${lastStreamId} ${code} ${hexOf(bytes, debugStart, debugEnd)}`);
  }
  onWindowUpdate(streamId: number, increment: number): void {
    this.events.push(`window ${streamId} ${increment}`);
  }
  onChunkEnd(): void {
    for (const { event, bytes } of this.held) {
      if (!this.events[event]?.includes(` ${hexOf(bytes, 0, bytes.length)} `)) throw new Error("data changed before the end of its chunk");
    }
    this.held.length = 0;
  }
}

function hexOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString("hex");
}
