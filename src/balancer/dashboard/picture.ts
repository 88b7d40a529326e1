/**
 * What a dashboard shows, as it travels to browsers: types alone, shared with web/dashboard/. Must not know how it is made, nor
 * how it is shown.
 */

/** "well": nothing to do. "attention": users do not notice yet. "failing": they do. */
export type Level = "well" | "attention" | "failing";

export interface Verdict {
  readonly level: Level;
  /** One sentence. */
  readonly sentence: string;
  /** Why, the worst first; empty when all is well. */
  readonly reasons: readonly { readonly level: Exclude<Level, "well">; readonly text: string }[];
}

export interface VersionPicture {
  readonly version: string;
  readonly weight: number;
  /** Of the language's traffic, from 0 to 1. */
  readonly wanted: number;
  /** Of the last minute's requests; -1 when there were none. */
  readonly real: number;
  /** In the last minute. */
  readonly requests: number;
  /** Of these, those that ended in a 5xx. */
  readonly failures: number;
  readonly workers: number;
  /** Those that every shard that has them can choose. */
  readonly ready: number;
  /** Those that at least one shard can choose. */
  readonly usable: number;
  /** What it waits for before it gets traffic; "" for nothing. */
  readonly waiting: string;
}

export interface LanguagePicture {
  readonly language: string;
  readonly spill: boolean;
  /** Of the last minute's requests; -1 when there were none. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly versions: readonly VersionPicture[];
}

export interface ShardPicture {
  readonly index: number;
  readonly listening: boolean;
  /** Whether it said how it is when it was asked. */
  readonly answers: boolean;
  readonly restarts: number;
  readonly revision: number;
  readonly inFlight: number;
  readonly connections: number;
}

/** A change of the configuration that this balancer was given. */
export interface NoticedChange {
  readonly revision: number;
  readonly atUnixMs: number;
  readonly differences: readonly string[];
}

/** A worker, as all shards together see it. */
export interface WorkerPicture {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly address: string;
  /** "ready", or the state of the shard that sees it worst. */
  readonly state: string;
  readonly reason: string;
  /** Since when it is in this state. */
  readonly sinceUnixMs: number;
  readonly inFlight: number;
  /** What it last said to have in its queue. */
  readonly queued: number;
  /** Attempts in the last second; with a fraction when it was longer than one. */
  readonly perSecond: number;
  /** Mean time of the answers in the last ten seconds; -1 when there were none. */
  readonly answerMs: number;
  /** Attempts that failed, since the balancer started. */
  readonly failures: number;
  /** "ruff 0.17.3"; "" while unknown. */
  readonly linter: string;
}

/** One point of the charts: what happened in about a second. */
export interface Sample {
  readonly atUnixMs: number;
  readonly perSecond: number;
  /** 5xx a second. */
  readonly failuresPerSecond: number;
  /** 4xx a second, without clients that left. */
  readonly refusalsPerSecond: number;
  /** -1 when nothing was answered. */
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly inFlight: number;
}

export interface ManagedBalancer {
  readonly balancer: string;
  readonly connected: boolean;
  readonly stale: boolean;
  readonly ready: boolean;
  readonly acked: number;
  readonly shards: readonly number[];
  readonly reason: string;
  readonly program: string;
}

/** A worker as the manager knows it, where that is more than this balancer does. */
export interface ManagedWorker {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly address: string;
  readonly state: string;
  readonly reason: string;
  readonly sinceUnixMs: number;
  readonly restarts: number;
}

export interface HistoryEntry {
  readonly revision: number;
  readonly atUnixMs: number;
  readonly who: string;
  readonly what: string;
  readonly reason: string;
  readonly differences: readonly string[];
}

/** What a manager says of the fleet. */
export interface FleetPicture {
  readonly revision: number;
  readonly manager: string;
  readonly store: string;
  readonly platform: string;
  readonly balancers: readonly ManagedBalancer[];
  /** Those that are not listening: drained, starting, pausing, leaving. */
  readonly workers: readonly ManagedWorker[];
  /** Shares as they are configured, also while a version waits for its workers. */
  readonly languages: readonly { readonly language: string; readonly versions: readonly { readonly version: string; readonly weight: number; readonly source: string; readonly waiting: string }[] }[];
  /** The newest first. */
  readonly history: readonly HistoryEntry[];
}

/** Where changes are made. */
export type ManagerPicture =
  /** Nothing can be changed here; `reason` says why, and what to do instead. */
  | { readonly kind: "none"; readonly reason: string }
  /** It tells what it knows to everybody; to change anything takes a name. */
  | { readonly kind: "open"; readonly name: string; readonly fleet: FleetPicture }
  /** It asks for a token first. */
  | { readonly kind: "asks"; readonly name: string }
  | { readonly kind: "away"; readonly name: string; readonly reason: string };

/** Everything but the workers and the samples, each part of which is sent when it is not as it was. */
export interface Overview {
  readonly atUnixMs: number;
  readonly program: string;
  /** Where the configuration comes from. */
  readonly link: string;
  readonly revision: number;
  readonly verdict: Verdict;
  readonly languages: readonly LanguagePicture[];
  readonly shards: readonly ShardPicture[];
  /** The newest first. */
  readonly changes: readonly NoticedChange[];
  readonly manager: ManagerPicture;
}

/** The first event of a stream ("whole"). */
export interface WholePicture {
  readonly overview: Overview;
  readonly workers: readonly WorkerPicture[];
  readonly samples: readonly Sample[];
}

/** Every later one ("change"). */
export interface PictureChange {
  readonly overview: Partial<Overview>;
  /** New, or not as they were. */
  readonly workers: readonly WorkerPicture[];
  /** Ids of those that are gone. */
  readonly gone: readonly string[];
  readonly samples: readonly Sample[];
}

/** Who signed in. */
export interface SignedIn {
  readonly who: string;
  readonly role: string;
  readonly mayOperate: boolean;
}

/** What can be changed here. */
export type DashboardChange =
  | { readonly kind: "weights"; readonly language: string; readonly weights: readonly { readonly version: string; readonly weight: number }[] }
  | { readonly kind: "drain"; readonly workerId: string; readonly drained: boolean }
  /** 0: the newest change. */
  | { readonly kind: "undo"; readonly revision: number };

export interface ChangeRequest {
  readonly change: DashboardChange;
  readonly dryRun: boolean;
  /** The revision that was looked at; 0 for whatever is newest. */
  readonly ifRevision: number;
  readonly reason: string;
  /** Names the request, so that it is made once however often it arrives. */
  readonly requestId: string;
}

export interface ChangeReply {
  readonly revision: number;
  readonly changed: boolean;
  readonly differences: readonly string[];
  readonly warnings: readonly string[];
}
