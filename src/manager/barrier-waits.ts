/**
 * Those who wait until a revision is active everywhere: answered when its barrier opens, or with the laggards when their time
 * is up. Must not know gRPC.
 */
import type { Clock, Timer } from "../base/clock.js";
import type { BarrierState, FleetView } from "./fleet-view.js";

export interface BarrierWaitOptions {
  /** Every change of the fleet looks at each of them. */
  readonly waitsMax: number;
  /** Whoever asks for longer is answered then, and asks again. */
  readonly timeoutMaxMs: number;
}

export const defaultBarrierWaitOptions: BarrierWaitOptions = { waitsMax: 1_000, timeoutMaxMs: 24 * 3_600_000 };

interface Wait {
  readonly revision: number;
  readonly answer: (barrier: BarrierState) => void;
  timer: Timer | undefined;
}

export class BarrierWaits {
  private readonly waits = new Set<Wait>();

  constructor(
    private readonly fleet: FleetView,
    private readonly options: BarrierWaitOptions,
    private readonly clock: Clock,
  ) {
    fleet.onChange(() => this.look());
  }

  /** Calls `answer` once, perhaps at once. Returns how to give up; undefined when too many wait. */
  wait(revision: number, timeoutMs: number, answer: (barrier: BarrierState) => void): (() => void) | undefined {
    const barrier = this.fleet.barrier(revision);
    if (barrier.open || timeoutMs === 0) {
      answer(barrier);
      return () => undefined;
    }
    if (this.waits.size >= this.options.waitsMax) return undefined;
    const wait: Wait = { revision, answer, timer: undefined };
    wait.timer = this.clock.after(Math.min(timeoutMs, this.options.timeoutMaxMs), () => this.settle(wait, this.fleet.barrier(revision)));
    this.waits.add(wait);
    return () => this.drop(wait);
  }

  private look(): void {
    const barriers = new Map<number, BarrierState>();
    for (const wait of this.waits) {
      const barrier = barriers.get(wait.revision) ?? this.fleet.barrier(wait.revision);
      barriers.set(wait.revision, barrier);
      if (barrier.open) this.settle(wait, barrier);
    }
  }

  private settle(wait: Wait, barrier: BarrierState): void {
    this.drop(wait);
    wait.answer(barrier);
  }

  private drop(wait: Wait): void {
    this.clock.clear(wait.timer);
    this.waits.delete(wait);
  }
}
