/** What the main thread and a shard say to each other. Plain data: it is cloned between threads. */
import type { PeerCertificates } from "../base/peer-certificates.js";
import type { Limits } from "../snapshot/limits.js";
import type { LanguageSnapshot } from "../snapshot/snapshot.js";
import type { Remembered } from "../balancing/poison.js";
import type { Finding } from "../balancing/suspect-desk.js";
import type { AccessSampling } from "./access-recorder.js";
import type { ApiKey } from "./api-keys.js";
import type { ClientLimitOptions } from "./client-limit.js";
import type { PageFile } from "./page-files.js";
import type { StatisticsSizes } from "./statistics.js";

/** Where each name's counters are in the shard's statistics; given out by the main thread, the same on every shard. */
export interface Slots {
  /** By "language version". */
  readonly versions: Readonly<Record<string, number>>;
  /** By worker id. */
  readonly workers: Readonly<Record<string, number>>;
  readonly languages: Readonly<Record<string, number>>;
}

/** Languages on their way to a shard, with the slots of their names. */
export interface LanguageBatch {
  readonly languages: readonly LanguageSnapshot[];
  readonly slots: Slots;
}

/**
 * The next snapshot, as what is different in it: languages that changed or are new, those that were staged before included, and
 * those that are gone. All others stay as they are.
 */
export interface SnapshotUpdate extends LanguageBatch {
  readonly revision: number;
  readonly nonce: number;
  /** What the shard had is not to stay: `languages`, with those staged, are all there are. */
  readonly whole: boolean;
  readonly removed: readonly string[];
  /** Of every version's workers (balancing/worker-part.ts); the same on every shard. */
  readonly share: number;
}

/** A version has, or has no longer, a usable worker on the shard. */
export interface VersionUsability {
  readonly language: string;
  readonly version: string;
  readonly usable: boolean;
}

/** Limits of the request path, as the configuration gives them. */
export interface RequestLimits extends Limits {
  readonly bodyBytesMax: number;
}

/** PEM texts that belong together. */
export interface Certificate {
  /** The server's, with those between it and its authority behind it. */
  readonly cert: string;
  readonly key: string;
}

export interface ShardOptions {
  readonly index: number;
  /** How many there are. */
  readonly shards: number;
  /** The balancer's name. */
  readonly balancer: string;
  readonly limits: RequestLimits;
  /** Origins that browsers may call from; "*" for any. */
  readonly corsOrigins: readonly string[];
  /** How often a client may ask; undefined for no limit. */
  readonly clientLimit: ClientLimitOptions | undefined;
  /** Whether users come over TLS: then a certificate comes before the port opens. */
  readonly tls: boolean;
  /** Whether a lint request needs an API key; nobody is let in before they are told. */
  readonly asksForKeys: boolean;
  /** To connect to workers with; undefined for no encryption. */
  readonly workerTls: PeerCertificates | undefined;
  /** The page that browsers get; empty for none. */
  readonly page: readonly PageFile[];
  readonly statistics: SharedArrayBuffer;
  readonly statisticsSizes: StatisticsSizes;
  /** See balancing/novel-inputs.ts; all shards have the same. */
  readonly novelInputs: Int32Array;
  /** Where records of requests go, and which; undefined for none. */
  readonly access: (AccessSampling & { readonly memory: SharedArrayBuffer }) | undefined;
}

export type ToShard =
  /**
   * Languages of a snapshot to come: kept, and not served yet. What crosses between threads is copied in one piece, and a large
   * snapshot in one piece would stop users for the time that takes. The next batch comes after the answer.
   */
  | { readonly kind: "stage"; readonly batch: LanguageBatch }
  /** Swap. */
  | { readonly kind: "snapshot"; readonly update: SnapshotUpdate }
  /**
   * Listen once every language of the snapshot has a usable worker, or after `warmUpMs`: a shard that starts
   * beside others must not answer 503 while they could have answered. Port 0 lets the system choose.
   */
  | { readonly kind: "listen"; readonly host: string; readonly port: number; readonly warmUpMs: number }
  /** For new connections from now on. Answered; the one before stays when it cannot be used. */
  | { readonly kind: "certificate"; readonly certificate: Certificate }
  /** All that count from now on. Answered. */
  | { readonly kind: "api-keys"; readonly keys: readonly ApiKey[] }
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
  /** Versions, as "python 1.0", whose traffic is spread over ejected workers, because they have no others. */
  readonly spreading: readonly string[];
  readonly workers: readonly WorkerStatus[];
}

export type FromShard =
  | { readonly kind: "started" }
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "listen-failed" }
  /** `refusedBecause` is "" when new connections get it. */
  | { readonly kind: "certificate"; readonly refusedBecause: string }
  | { readonly kind: "api-keys" }
  | { readonly kind: "staged" }
  | { readonly kind: "applied"; readonly revision: number; readonly nonce: number }
  | { readonly kind: "refused"; readonly revision: number; readonly nonce: number; readonly reason: string }
  /** What changed of who is usable here: readiness hangs on it, and whether a version may get traffic. */
  | { readonly kind: "usable"; readonly versions: readonly VersionUsability[] }
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
