/**
 * The state of the calls in flight on one connection, in typed arrays indexed by stream id: opening, finding
 * and freeing a call allocates nothing (a Map costs three times as much and makes garbage). Must not know
 * what the state is for.
 */
import { int31Max } from "../http2/protocol.js";
import type { AttemptListener } from "./connection.js";

export const callFlags = {
  /** END_STREAM is written: the worker has, or will have, the whole request. */
  bodySent: 1,
  sawHeaders: 2,
  /** Describe or Watch; its listener is kept apart. */
  isSide: 4,
  /** The reply's message is whole, in `messages` from `messageStart` to `messageEnd`. */
  isComplete: 8,
  /** The message lies in the chunk being read and must be copied before that ends. */
  isHeld: 16,
  /** The buffer in `messages` is from the pool. */
  isOwned: 32,
} as const;

const firstSlots = 64;

export class CallRing {
  /** Calls in flight. */
  count = 0;
  /** The worker's SETTINGS_MAX_CONCURRENT_STREAMS; no limit unless it says one. */
  streamsMax = Infinity;
  /** The id of the next call: client streams are odd, ids only grow, and may have gaps (RFC 9113 section 5.1.1). */
  nextId = 1;
  slots = firstSlots;
  /** By slot: the stream's id, or 0 when the slot is free. */
  ids = new Int32Array(firstSlots);
  flags = new Uint8Array(firstSlots);
  /** What we may still send; below 0 when the worker lowered its initial window meanwhile. */
  sendWindow = new Int32Array(firstSlots);
  /** Flow-controlled bytes received and not yet given back. */
  received = new Int32Array(firstSlots);
  messageStart = new Int32Array(firstSlots);
  /** Until the message is whole: how many bytes of it, with its prefix, are in `messages`. */
  messageEnd = new Int32Array(firstSlots);
  messages: (Uint8Array | undefined)[] = new Array<undefined>(firstSlots).fill(undefined);
  listeners: (AttemptListener | undefined)[] = new Array<undefined>(firstSlots).fill(undefined);

  get isExhausted(): boolean {
    return this.nextId > int31Max - 1_000_000;
  }

  /** Takes the next stream id whose slot is free; returns the slot. At most half of the slots are ever in use. */
  open(listener: AttemptListener | undefined, callFlag: number, sendWindow: number): number {
    if (this.count * 2 >= this.slots) this.grow();
    while (this.ids[this.slot(this.nextId)] !== 0) this.nextId += 2;
    const slot = this.slot(this.nextId);
    this.ids[slot] = this.nextId;
    this.flags[slot] = callFlag;
    this.sendWindow[slot] = sendWindow;
    this.received[slot] = 0;
    this.messageStart[slot] = 0;
    this.messageEnd[slot] = 0;
    this.listeners[slot] = listener;
    this.nextId += 2;
    this.count++;
    return slot;
  }

  /** The slot of a stream, or -1 when it is not in flight. Holds until the next `open`. */
  find(id: number): number {
    const slot = this.slot(id);
    return this.ids[slot] === id && id !== 0 ? slot : -1;
  }

  has(slot: number, flag: number): boolean {
    return ((this.flags[slot] ?? 0) & flag) !== 0;
  }

  free(slot: number): void {
    this.ids[slot] = 0;
    this.messages[slot] = undefined;
    this.listeners[slot] = undefined;
    this.count--;
  }

  private slot(id: number): number {
    return (id >>> 1) & (this.slots - 1);
  }

  /** Twice as many slots: two ids that had different slots among few have them among more. */
  private grow(): void {
    const { slots, ids, flags, sendWindow, received, messageStart, messageEnd, messages, listeners } = this;
    this.slots *= 2;
    this.ids = new Int32Array(this.slots);
    this.flags = new Uint8Array(this.slots);
    this.sendWindow = new Int32Array(this.slots);
    this.received = new Int32Array(this.slots);
    this.messageStart = new Int32Array(this.slots);
    this.messageEnd = new Int32Array(this.slots);
    this.messages = new Array<undefined>(this.slots).fill(undefined);
    this.listeners = new Array<undefined>(this.slots).fill(undefined);
    for (let from = 0; from < slots; from++) {
      const id = ids[from] ?? 0;
      if (id === 0) continue;
      const to = this.slot(id);
      this.ids[to] = id;
      this.flags[to] = flags[from] ?? 0;
      this.sendWindow[to] = sendWindow[from] ?? 0;
      this.received[to] = received[from] ?? 0;
      this.messageStart[to] = messageStart[from] ?? 0;
      this.messageEnd[to] = messageEnd[from] ?? 0;
      this.messages[to] = messages[from];
      this.listeners[to] = listeners[from];
    }
  }
}
