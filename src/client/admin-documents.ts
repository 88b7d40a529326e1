/**
 * A manager's answers as documents for people's programs: what `-o json` and `-o yaml` print, and tables are made from. Their
 * shape is an interface (docs/admin.md). Must not know where they are printed.
 */
import type { BalancerStateMessage, BarrierMessage, ChangeReplyMessage, HistoryReplyMessage, LanguageStatusMessage, LaggardMessage, StatusReplyMessage, WorkerStateMessage } from "../rpc/admin-messages.js";

export interface BalancerDocument {
  /** The newest revision that is active on every shard. */
  readonly acked: number;
  /** The active revision of each shard. */
  readonly shards: readonly number[];
  /** Since when the manager knows that; "" before anything was acknowledged. */
  readonly since: string;
  readonly connected: boolean;
  /** It does not acknowledge in time. */
  readonly stale: boolean;
  readonly ready: boolean;
  /** Why it lags, is stale or not ready; "" when all is well. */
  readonly reason: string;
  readonly instance: string;
  readonly program: string;
}

export interface VersionDocument {
  readonly weight: number;
  /** Of the language's traffic, from 0 to 1. */
  readonly share: number;
  readonly source: string;
  /** How many workers the manager is to run; 0 when they run elsewhere. */
  readonly replicas: number;
  readonly listening: number;
  /** "" when it waits for nothing. */
  readonly waiting: string;
}

export interface LanguageDocument {
  readonly extensions: readonly string[];
  readonly spill: boolean;
  readonly versions: Readonly<Record<string, VersionDocument>>;
}

export interface WorkerDocument {
  readonly language: string;
  readonly version: string;
  /** "" while it does not listen. */
  readonly address: string;
  readonly state: string;
  readonly since: string;
  readonly reason: string;
  readonly restarts: number;
  /** 0 when it is no process of the manager's machine. */
  readonly pid: number;
  /** In a cluster; "" when it is not known. */
  readonly zone: string;
}

export interface StatusDocument {
  readonly revision: number;
  readonly balancers: Readonly<Record<string, BalancerDocument>>;
  readonly languages: Readonly<Record<string, LanguageDocument>>;
  readonly workers: Readonly<Record<string, WorkerDocument>>;
  readonly manager: string;
  readonly store: string;
  readonly platform: string;
}

export interface BarrierDocument {
  readonly revision: number;
  readonly open: boolean;
  readonly laggards: Readonly<Record<string, { readonly shards: readonly number[]; readonly reason: string }>>;
}

export interface ChangeDocument {
  readonly revision: number;
  readonly changed: boolean;
  readonly dryRun: boolean;
  readonly differences: readonly string[];
  readonly warnings: readonly string[];
  /** Only with --wait. */
  readonly barrier?: BarrierDocument;
}

export interface HistoryDocument {
  /** The newest first. */
  readonly entries: readonly {
    readonly revision: number;
    readonly at: string;
    readonly who: string;
    readonly what: string;
    readonly reason: string;
    readonly differences: readonly string[];
  }[];
}

export function statusDocument(reply: StatusReplyMessage): StatusDocument {
  const { revision, manager, store, platform } = reply;
  return {
    revision,
    balancers: Object.fromEntries(reply.balancers.map((one) => [one.balancer, balancerDocument(one)])),
    languages: Object.fromEntries(reply.languages.map((one) => [one.language, languageDocument(one)])),
    workers: Object.fromEntries(reply.workers.map((one) => [one.id, workerDocument(one)])),
    manager,
    store,
    platform,
  };
}

function balancerDocument({ acked, shards, ackedUnixMs, connected, stale, ready, reason, instance, program }: BalancerStateMessage): BalancerDocument {
  return { acked, shards, since: isoTime(ackedUnixMs), connected, stale, ready, reason, instance, program };
}

function languageDocument({ extensions, spill, versions }: LanguageStatusMessage): LanguageDocument {
  const sum = versions.reduce((total, { weight }) => total + weight, 0);
  const documents = versions.map(({ version, weight, source, replicas, listening, waiting }) => {
    const share = sum === 0 ? 0 : weight / sum;
    return [version, { weight, share, source, replicas, listening, waiting }] as const;
  });
  return { extensions, spill, versions: Object.fromEntries(documents) };
}

function workerDocument({ language, version, address, state, sinceUnixMs, reason, restarts, pid, zone }: WorkerStateMessage): WorkerDocument {
  return { language, version, address, state, since: isoTime(sinceUnixMs), reason, restarts, pid, zone };
}

export function barrierDocument({ revision, open, laggards }: BarrierMessage): BarrierDocument {
  const named = laggards.map(({ balancer, shardRevisions: shards, reason }: LaggardMessage) => [balancer, { shards, reason }] as const);
  return { revision, open, laggards: Object.fromEntries(named) };
}

export function changeDocument({ revision, changed, differences, warnings }: ChangeReplyMessage, dryRun: boolean, barrier: BarrierMessage | undefined): ChangeDocument {
  return { revision, changed, dryRun, differences, warnings, ...(barrier === undefined ? {} : { barrier: barrierDocument(barrier) }) };
}

export function historyDocument({ entries }: HistoryReplyMessage): HistoryDocument {
  return { entries: entries.map(({ revision, atUnixMs, who, what, reason, differences }) => ({ revision, at: isoTime(atUnixMs), who, what, reason, differences })) };
}

function isoTime(unixMs: number): string {
  return unixMs === 0 ? "" : new Date(unixMs).toISOString();
}
