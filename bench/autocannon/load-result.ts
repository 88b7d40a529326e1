/** What a load generator found. */
export interface LoadResult {
  readonly tool: LoadTool;
  /** Answered in full. */
  readonly requests: number;
  readonly seconds: number;
  readonly latencyMs: Latencies;
  /** Answers other than 200, lost connections, no answer in time. */
  readonly errors: number;
}

/** `paced` is this folder's own, for fixed rates. */
export type LoadTool = "wrk" | "autocannon" | "paced";

export interface Latencies {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}
