/** Several views of balancers that have none in common, as one. Must not know where any of them comes from. */
import { byName } from "./balancer-states.js";
import type { BalancerState, BarrierState, FleetView, VersionWaiting } from "./fleet-view.js";

export class JoinedFleet implements FleetView {
  constructor(private readonly parts: readonly FleetView[]) {}

  barrier(revision: number): BarrierState {
    const laggards = this.parts.flatMap((part) => part.barrier(revision).laggards);
    return { revision, open: laggards.length === 0, laggards };
  }

  balancers(): readonly BalancerState[] {
    return this.parts.flatMap((part) => part.balancers()).sort(byName);
  }

  waiting(): readonly VersionWaiting[] {
    return this.parts.flatMap((part) => part.waiting());
  }

  onChange(listener: () => void): void {
    for (const part of this.parts) part.onChange(listener);
  }
}
