/**
 * Where snapshots come from, as the balancer sees it. Must not know of shards: it hands a snapshot to its
 * receiver and hears whether it became active.
 */
import type { Snapshot } from "../snapshot/snapshot.js";

/** What became of a snapshot: active on every shard, or refused with the old one still serving. */
export type ApplyOutcome = { readonly kind: "applied" } | { readonly kind: "refused"; readonly reason: string };

export interface SnapshotReceiver {
  /** Settles once every shard has swapped, or once one has refused; never rejects. */
  apply(snapshot: Snapshot): Promise<ApplyOutcome>;
}

/** What a reload did, for the person who asked: `problems` are complete sentences, one per fault. */
export type ReloadOutcome =
  | { readonly kind: "applied"; readonly revision: number; readonly warnings: readonly string[] }
  | { readonly kind: "unchanged"; readonly revision: number }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export interface ManagerLink {
  /** For `/status`: "file:lintel.yaml". */
  readonly name: string;
  /** Fetches the first snapshot, applies it, and keeps watching. Throws a UserError when there is none to start from. */
  start(receiver: SnapshotReceiver): Promise<void>;
  /** Looks again now. */
  reload(): Promise<ReloadOutcome>;
  stop(): Promise<void>;
}
