/**
 * New workers are connected to a few at a time: thousands of sockets opened in one turn would stop users for as long as that
 * takes. Must not know snapshots.
 */
import type { Clock, Timer } from "../base/clock.js";
import type { Upstream } from "../upstream/upstream.js";

export interface ConnectQueueOptions {
  /** Opening one takes about 0.1 ms. */
  readonly connectsPerTurn: number;
  /** Between turns users have the thread. */
  readonly turnMs: number;
}

export const defaultConnectQueueOptions: ConnectQueueOptions = { connectsPerTurn: 16, turnMs: 2 };

export class ConnectQueue {
  private waiting: Upstream[] = [];
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly options: ConnectQueueOptions = defaultConnectQueueOptions,
  ) {}

  /** The first few at once, when none wait already. */
  add(upstreams: readonly Upstream[]): void {
    for (const upstream of upstreams) this.waiting.push(upstream);
    if (this.timer === undefined) this.turn();
  }

  private turn(): void {
    const { connectsPerTurn, turnMs } = this.options;
    const now = this.waiting.splice(0, connectsPerTurn);
    // One that was released while it waited is not idle any more.
    for (const upstream of now) if (upstream.state.kind === "idle") upstream.connect();
    this.timer = this.waiting.length === 0 ? undefined : this.clock.after(turnMs, () => this.turn());
  }
}
