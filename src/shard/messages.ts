/** What the main thread and a shard say to each other. Plain data: it is cloned between threads. */
import type { Limits } from "../snapshot/limits.js";
import type { Snapshot } from "../snapshot/snapshot.js";
import type { Remembered } from "../balancing/poison.js";
import type { Finding } from "../balancing/suspect-desk.js";
import type { StatisticsSizes } from "./statistics.js";

/** Where each name's counters are in the shard's statistics; given out by the main thread, the same on every shard. */
export interface Slots {
  /** By "language version". */
  readonly versions: Readonly<Record<string, number>>;
  /** By worker id. */
  readonly workers: Readonly<Record<string, number>>;
  readonly languages: Readonly<Record<string, number>>;
}

/** Limits of the request path, as the configuration gives them. */
export interface RequestLimits extends Limits {
  readonly bodyBytesMax: number;
}

export interface ShardOptions {
  readonly index: number;
  readonly limits: RequestLimits;
  /** Origins that browsers may call from; "*" for any. */
  readonly corsOrigins: readonly string[];
  readonly statistics: SharedArrayBuffer;
  readonly statisticsSizes: StatisticsSizes;
  /** See balancing/novel-inputs.ts; all shards have the same. */
  readonly novelInputs: Int32Array;
}

export type ToShard =
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly slots: Slots }
  /**
   * Listen once every language of the snapshot has a usable worker, or after `warmUpMs`: a shard that starts
   * beside others must not answer 503 while they could have answered. Port 0 lets the system choose.
   */
  | { readonly kind: "listen"; readonly host: string; readonly port: number; readonly warmUpMs: number }
  | { readonly kind: "status"; readonly id: number }
  /**
   * Stop listening, answer with Connection: close, and close when nothing is in flight and `quietMs` have
   * passed (idle connections cannot be listed, and their clients must get the chance to hear it), or after `timeoutMs`.
   */
  | { readonly kind: "drain"; readonly quietMs: number; readonly timeoutMs: number }
  /** The first message of a shard that starts again: what is known of inputs that end workers. */
  | { readonly kind: "recall"; readonly remembered: readonly Remembered[] }
  /** What another shard found on an input. */
  | { readonly kind: "finding"; readonly finding: Finding }
  /** The answer to a suspect's question: the worker it may be tried at, or "" for poison. */
  | { readonly kind: "suspect-answer"; readonly id: number; readonly worker: string }
  /** For tests of the supervision: fail as a bug would. */
  | { readonly kind: "crash" };

export interface WorkerStatus {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly address: string;
  readonly state: string;
  /** Milliseconds since it entered this state. */
  readonly forMs: number;
  /** Why it is in this state; "" when nothing is wrong. */
  readonly reason: string;
  readonly inFlight: number;
  readonly reportedDepth: number;
  /** "ruff 0.17.3"; "" while unknown. */
  readonly linter: string;
}

export interface ShardStatus {
  readonly index: number;
  readonly revision: number;
  readonly nonce: number;
  readonly exchangesInFlight: number;
  readonly workers: readonly WorkerStatus[];
}

export type FromShard =
  | { readonly kind: "started" }
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "listen-failed" }
  | { readonly kind: "applied"; readonly revision: number; readonly nonce: number }
  | { readonly kind: "refused"; readonly revision: number; readonly nonce: number; readonly reason: string }
  /** The languages that have a usable worker here: readiness hangs on it. */
  | { readonly kind: "usable"; readonly languages: readonly string[] }
  | { readonly kind: "status"; readonly id: number; readonly status: ShardStatus }
  /** A worker was ejected, or returned; for the log. */
  | { readonly kind: "worker"; readonly worker: string; readonly change: "ejected" | "returned"; readonly reason: string }
  | { readonly kind: "finding"; readonly finding: Finding }
  /** Where may this suspect be tried? Answered when one of the workers, best first, is free of suspects. */
  | { readonly kind: "suspect-ask"; readonly id: number; readonly hash: string; readonly workers: readonly string[] }
  /** Its trial is over, or it is not wanted any more. */
  | { readonly kind: "suspect-done"; readonly id: number }
  | { readonly kind: "crashed"; readonly reason: string }
  | { readonly kind: "closed" };
