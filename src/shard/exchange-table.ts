/** The exchanges in flight on a shard: one array and one timer for all of them instead of a timer each. */
import { assert } from "../base/assert.js";
import type { Exchange } from "./exchange.js";

export class ExchangeTable {
  /** How often `tick` was called: what happens within one tick happens at the same time, as far as deadlines go. */
  ticks = 0;
  private readonly exchanges: Exchange[] = [];

  get size(): number {
    return this.exchanges.length;
  }

  add(exchange: Exchange): void {
    exchange.tableIndex = this.exchanges.length;
    this.exchanges.push(exchange);
  }

  /** Moves the last one into the gap: the order carries no meaning. */
  remove(exchange: Exchange): void {
    const last = this.exchanges.pop();
    assert(last !== undefined && exchange.tableIndex >= 0, "only what is in the table is removed");
    if (last !== exchange) {
      this.exchanges[exchange.tableIndex] = last;
      last.tableIndex = exchange.tableIndex;
    }
    exchange.tableIndex = -1;
  }

  /** Checks every deadline. Backwards, because an exchange that ends moves the last one, already checked, into its place. */
  tick(nowMs: number): void {
    this.ticks++;
    for (let index = this.exchanges.length - 1; index >= 0; index--) this.exchanges[index]?.onTick(nowMs);
  }
}
