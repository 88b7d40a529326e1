/**
 * The fleet of balancers as the rest of the manager sees it: who is connected, who has which revision, whether the barrier
 * for a revision is open. Interfaces alone; must not know streams, nor how a balancer is told anything.
 */

/** One connected or recently connected balancer. */
export interface BalancerState {
  readonly balancer: string;
  /** Of its process. */
  readonly instance: string;
  readonly connected: boolean;
  /** Has not acknowledged in time. */
  readonly stale: boolean;
  /** The last revision that is active on all of its shards; 0 when none is. */
  readonly acked: number;
  /** Since when that is known; 0 before it has acknowledged anything. */
  readonly ackedUnixMs: number;
  /** The active revision of every shard. */
  readonly shards: readonly number[];
  readonly ready: boolean;
  /** Why it is stale, lags or is not ready: "no acknowledgement for 5.2 s"; "" when all is well. */
  readonly reason: string;
  /** The program's version. */
  readonly program: string;
}

/** A balancer that keeps a barrier closed. */
export interface Laggard {
  readonly balancer: string;
  readonly shardRevisions: readonly number[];
  /** "refused: …", "waiting for a usable worker of python 2.0 on shard 1" */
  readonly reason: string;
}

export interface BarrierState {
  readonly revision: number;
  /** The revision, or a newer one, is active on every shard of every connected balancer. */
  readonly open: boolean;
  readonly laggards: readonly Laggard[];
}

/** A version that is to get weight and has no usable worker yet, as one balancer sees it. */
export interface VersionWaiting {
  readonly language: string;
  readonly version: string;
  readonly balancer: string;
  readonly shard: string;
  readonly reason: string;
}

export interface FleetView {
  barrier(revision: number): BarrierState;
  /** By name. */
  balancers(): readonly BalancerState[];
  waiting(): readonly VersionWaiting[];
  /** Called at once whenever any of the above may have changed; the listener stays for ever, and does little. */
  onChange(listener: () => void): void;
}
