/**
 * The snapshot: the immutable, complete routing configuration at one revision. Plain data that can be
 * cloned between threads. Must not know where it came from or how it is served.
 */

/** One worker's place on the network. */
export interface WorkerEndpoint {
  /** Unique in the snapshot, stable over restarts of the balancer; shown to users and operators. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface VersionSnapshot {
  readonly version: string;
  /** Its share of the language's traffic: a non-negative integer; the shares have any sum. 0 gets nothing. */
  readonly weight: number;
  readonly workers: readonly WorkerEndpoint[];
}

export interface LanguageSnapshot {
  readonly language: string;
  /** File name endings with their dot, lower case: ".py". Used to detect the language of a file. */
  readonly extensions: readonly string[];
  /** Whether another version may serve a request whose own version has no usable worker. */
  readonly spill: boolean;
  readonly versions: readonly VersionSnapshot[];
}

export interface Snapshot {
  /** The number of the stored configuration: grows by one at every change, never goes back. */
  readonly revision: number;
  /**
   * Grows at every publication by one link, also when only the workers' addresses changed and the
   * revision stayed: (revision, nonce) is what a shard acknowledges.
   */
  readonly nonce: number;
  readonly languages: readonly LanguageSnapshot[];
}

export const emptySnapshot: Snapshot = { revision: 0, nonce: 0, languages: [] };
