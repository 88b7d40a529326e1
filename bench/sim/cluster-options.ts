/** What a simulated cluster is made of, and what is asked of it. */

export interface ClusterOptions {
  readonly shards: number;
  readonly workers: number;
  /** Analyses a worker runs at once; what is more waits in its queue. */
  readonly threads: number;
  /** Offered load as a share of what all workers can do, slow ones as slow as they are. */
  readonly load: number;
  /** Time of one analysis: lognormal around this mean. */
  readonly analysisMs: number;
  readonly sigma: number;
  /** The first so many workers take `slowFactor` times as long, all the time. */
  readonly slowShare: number;
  readonly slowFactor: number;
  /** Something else on their machine slows random workers for a while: every `everyMs` another one. */
  readonly antagonists?: { readonly everyMs: number; readonly lastMs: number; readonly factor: number };
  /** Arrivals come `factor` times as fast for `lastMs` in every `everyMs`; the mean load stays as given. */
  readonly bursts?: { readonly everyMs: number; readonly lastMs: number; readonly factor: number };
  /** The last so many workers refuse everything at once ("overloaded" without being it). */
  readonly refusing: number;
  /** Every worker in turn restarts, every so often: away for `awayMs`, then `coldFactor` times as slow, less with each of its first `coldAnalyses`. */
  readonly restarts?: { readonly everyMs: number; readonly awayMs: number; readonly coldFactor: number; readonly coldAnalyses: number };
  /** A worker with so many requests refuses further ones. */
  readonly queueMax: number;
  /** One way between a shard and a worker. */
  readonly networkMs: number;
  readonly seconds: number;
  /** Left out of the figures, to reach the steady state. */
  readonly warmupSeconds: number;
  readonly seed: number;
}

export const clusterDefaults: ClusterOptions = {
  shards: 64,
  workers: 200,
  threads: 1,
  load: 0.8,
  analysisMs: 4,
  sigma: 0.6,
  slowShare: 0.1,
  slowFactor: 3,
  refusing: 0,
  queueMax: Infinity,
  networkMs: 0.05,
  seconds: 12,
  warmupSeconds: 5,
  seed: 1,
};
