/**
 * What runs workers. Level-based: it is told what should be and makes it so, however often it is told. Must not know
 * weights, balancers or stores.
 */
import type { WorkerEndpoint } from "../../snapshot/snapshot.js";
import type { StoredRun } from "../stored-configuration.js";

/** A version whose workers the platform is to run. */
export interface WantedVersion {
  readonly language: string;
  readonly version: string;
  readonly source: StoredRun;
}

export interface PlatformWorker {
  /** Unique among all workers, stable over restarts of the process: "python-0.18.0-1". */
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly state: "starting" | "listening" | "pausing" | "leaving";
  readonly sinceUnixMs: number;
  /** Why it is not listening: "ended with exit code 1; again in 2 s". */
  readonly reason: string;
  readonly restarts: number;
  /** 0 when there is no process here. */
  readonly pid: number;
  /** Of the cluster, where there is one and it is known; "" elsewhere. */
  readonly zone?: string;
  /** Only while it listens. */
  readonly endpoint?: WorkerEndpoint;
}

export interface Platform {
  /** For status: "local", "kubernetes (namespace lintel)". */
  readonly name: string;
  /** "" when this platform can run it, else a sentence that says why not and what to do. Asked before a change is stored. */
  refusalOf(wanted: WantedVersion): Promise<string>;
  /**
   * From now on these should run, and no others. Returns at once. With the configuration's revision a platform that several managers
   * share can tell that one of them is behind.
   */
  want(versions: readonly WantedVersion[], revision?: number): void;
  /** The workers there are, whatever their state. */
  workers(): readonly PlatformWorker[];
  /** Called whenever `workers()` changed. */
  onChange(listener: () => void): void;
  /** Stops watching. Whether the workers stay is the platform's nature: local ones end, pods stay. */
  close(): Promise<void>;
}
