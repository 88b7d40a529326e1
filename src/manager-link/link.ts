/**
 * Where snapshots come from, as the balancer sees it. Must not know of shards: it hands a snapshot to its
 * receiver and hears whether it became active.
 */
import type { Snapshot } from "../snapshot/snapshot.js";

/** What became of a snapshot. */
export type ApplyOutcome =
  /** Active on every shard. */
  | { readonly kind: "applied" }
  /** The one before goes on serving. */
  | { readonly kind: "refused"; readonly reason: string }
  /** A newer one came while this one waited for its first workers; what becomes of that one holds for both. */
  | { readonly kind: "superseded" };

export interface SnapshotReceiver {
  /** Settles once every shard has swapped, or one has refused, or a newer snapshot took its place; never rejects. */
  apply(snapshot: Snapshot): Promise<ApplyOutcome>;
}

/** A version that is to get weight and has no usable worker yet on a shard. */
export interface WaitingVersion {
  readonly language: string;
  readonly version: string;
  readonly shard: number;
  /** "" when there is nothing to add. */
  readonly reason: string;
}

/** How a balancer is, for a manager that asks. */
export interface BalancerStanding {
  /** What each shard serves now. */
  readonly shardRevisions: readonly number[];
  /** Why it is not ready; "" when it is. */
  readonly notReadyBecause: string;
  readonly waiting: readonly WaitingVersion[];
}

/** A receiver that a manager can be told about. */
export interface StandingReceiver extends SnapshotReceiver {
  standing(): BalancerStanding;
}

/** What is asked of a reload, by the flags that every change takes. */
export interface ReloadRequest {
  /** Says what would change, and changes nothing. */
  readonly dryRun: boolean;
  /** Only when this is the newest revision; 0: whatever is. */
  readonly ifRevision: number;
  /** For the history, where there is one. */
  readonly reason: string;
}

export const plainReload: ReloadRequest = { dryRun: false, ifRevision: 0, reason: "" };

/** Why a reload changed nothing, though there is something to change. */
export type NotReloaded =
  | { readonly kind: "planned"; readonly revision: number; readonly differences: readonly string[] }
  /** Somebody else was faster; `reason` is a sentence. */
  | { readonly kind: "conflict"; readonly revision: number; readonly reason: string };

/** What a reload did, for the person who asked: `problems` are complete sentences, one per fault. */
export type ReloadOutcome =
  /** `late`: why it is not active on every shard yet; "" when it is. */
  | { readonly kind: "applied"; readonly revision: number; readonly warnings: readonly string[]; readonly late: string }
  | { readonly kind: "unchanged"; readonly revision: number }
  | NotReloaded
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export interface ManagerLink {
  /** For `/status`: "file:lintel.yaml". */
  readonly name: string;
  /** Fetches the first snapshot, applies it, and keeps watching. Throws a UserError when there is none to start from. */
  start(receiver: StandingReceiver): Promise<void>;
  /** Looks again now. A link whose configuration is made elsewhere has nothing to plan, and takes no request. */
  reload(request?: ReloadRequest): Promise<ReloadOutcome>;
  /** Why nothing new can be heard, and what is served may be out of date; "" while it can. For `/status`. */
  staleBecause(): string;
  stop(): Promise<void>;
}
