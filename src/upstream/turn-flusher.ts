/**
 * Ends the turn: what all connections of a shard collected in one turn of the event loop leaves in one write
 * each, from one `setImmediate` for all of them. A write costs as much as all else that a request costs
 * together. Must not know what is written.
 */

/** When a request leaves. */
export type FlushPolicy =
  /** At the end of the turn, always. */
  | "turn"
  /**
   * At once when no other call of the shard is in flight: then there is nothing to wait for, and the
   * `setImmediate` is saved. Otherwise at the end of the turn. bench/micro/http2-connection.ts shows both.
   */
  | "alone-at-once";

export interface Flushable {
  /** Must not run foreign code, and so not lead to `add`. */
  endTurn(): void;
}

export class TurnFlusher {
  /** Turns that ended with something to write, and the writes in them: their ratio to calls is the batching. */
  turns = 0;
  writes = 0;
  private readonly due: Flushable[] = [];
  private dueCount = 0;

  /** `endTurn` will be called on it once. */
  add(flushable: Flushable): void {
    if (this.dueCount === 0) setImmediate(this.endTurn);
    this.due[this.dueCount++] = flushable;
  }

  private readonly endTurn = (): void => {
    this.turns++;
    const count = this.dueCount;
    for (let index = 0; index < count; index++) this.due[index]?.endTurn();
    this.dueCount = 0;
  };
}
