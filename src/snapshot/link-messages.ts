/**
 * The messages of proto/lintel/v1/link.proto as they are in the program, for both ends of a link. Plain data, of the shape
 * src/rpc/service-definition.ts gives. Must not know streams.
 */
import type { LanguageSnapshot, WorkerEndpoint } from "./snapshot.js";

export interface HelloMessage {
  readonly balancer: string;
  readonly instance: string;
  readonly shards: number;
  readonly revision: number;
  readonly checksum: Buffer;
  readonly program: string;
}

export interface AckMessage {
  readonly nonce: number;
  readonly revision: number;
  readonly shardRevisions: readonly number[];
}

export interface NackMessage {
  readonly nonce: number;
  readonly revision: number;
  readonly reason: string;
  readonly wantWhole: boolean;
}

export interface WaitingMessage {
  readonly language: string;
  readonly version: string;
  readonly shard: string;
  readonly reason: string;
}

export interface StandingMessage {
  readonly shardRevisions: readonly number[];
  readonly ready: boolean;
  readonly notReadyBecause: string;
  readonly waiting: readonly WaitingMessage[];
}

/** Exactly one field is there. */
export interface BalancerMessage {
  readonly hello?: HelloMessage;
  readonly receipt?: { readonly nonce: number };
  readonly ack?: AckMessage;
  readonly nack?: NackMessage;
  readonly standing?: StandingMessage;
}

/** Exactly one field is there. */
export interface ChangeMessage {
  readonly setLanguage?: LanguageSnapshot;
  readonly removeLanguage?: string;
  readonly setVersion?: { readonly language: string; readonly version: string; readonly weight: number };
  readonly removeVersion?: { readonly language: string; readonly version: string };
  readonly setWorker?: { readonly language: string; readonly version: string; readonly worker: WorkerEndpoint | null };
  readonly removeWorker?: { readonly language: string; readonly version: string; readonly workerId: string };
}

export interface ChangesMessage {
  readonly baseRevision: number;
  readonly baseChecksum: Buffer;
  readonly changes: readonly ChangeMessage[];
}

/** One of `snapshot` and `changes` is there. */
export interface ManagerMessage {
  readonly nonce: number;
  readonly revision: number;
  readonly checksum: Buffer;
  readonly snapshot?: { readonly languages: readonly LanguageSnapshot[] } | null;
  readonly changes?: ChangesMessage | null;
}

export interface HeartbeatMessage {
  readonly language: string;
  readonly version: string;
  readonly worker: WorkerEndpoint | null;
  readonly leaving: boolean;
}

export interface WelcomeMessage {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}
