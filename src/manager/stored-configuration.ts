/**
 * What the manager keeps: the configuration at its newest revision, and how it came to be. Plain data that survives
 * JSON. Which workers are alive is not part of it. Must not know where it is stored.
 */
import type { RunConfiguration } from "../snapshot/configuration.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";

/** What runs a version's workers; a version without it has workers elsewhere or workers that register themselves. */
export type StoredRun =
  | { readonly kind: "run"; readonly run: RunConfiguration }
  | { readonly kind: "image"; readonly image: string; readonly workers: number };

export interface StoredVersion {
  readonly version: string;
  readonly weight: number;
  /** Workers given by address. */
  readonly workers: readonly WorkerEndpoint[];
  readonly source?: StoredRun;
}

export interface StoredLanguage {
  readonly language: string;
  readonly extensions: readonly string[];
  readonly spill: boolean;
  readonly versions: readonly StoredVersion[];
}

export interface StoredEntry {
  readonly revision: number;
  readonly atUnixMs: number;
  readonly who: string;
  /** The verb and its object: "weights python 0.17.3=90 0.18.0=10". */
  readonly what: string;
  readonly reason: string;
  readonly differences: readonly string[];
  /** So that a request whose reply was lost is answered, not repeated; "" when it had none. */
  readonly requestId: string;
  readonly before: StoredBefore;
}

/**
 * How to go back to what was before a change: only what it touched, so that a history of a hundred changes to a large
 * configuration is not a hundred large configurations. `undo` of an older one goes through all that came after it.
 */
export interface StoredBefore {
  /** The languages that the change altered or removed, as they were. */
  readonly languages: readonly StoredLanguage[];
  /** The languages that it added. */
  readonly added: readonly string[];
  readonly drained: readonly string[];
}

export interface StoredConfiguration {
  /** Of this document's shape; a manager refuses one it does not know. */
  readonly format: 1;
  /** Grows by one with every change; 0 before the first. */
  readonly revision: number;
  /** By name: the order says nothing. */
  readonly languages: readonly StoredLanguage[];
  /** Workers that get no new requests, by id. */
  readonly drained: readonly string[];
  /** The newest last; bounded. */
  readonly history: readonly StoredEntry[];
}

export const emptyConfiguration: StoredConfiguration = { format: 1, revision: 0, languages: [], drained: [], history: [] };
