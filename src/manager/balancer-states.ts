/** What every view of a fleet does with the states of its balancers. Must not know where they come from. */
import type { BalancerState, Laggard } from "./fleet-view.js";

export function laggardOf({ balancer, shards, reason }: Pick<BalancerState, "balancer" | "shards" | "reason">): Laggard {
  return { balancer, shardRevisions: shards, reason: reason || "the change is on its way" };
}

export function byName(one: BalancerState, other: BalancerState): number {
  return one.balancer < other.balancer ? -1 : 1;
}
