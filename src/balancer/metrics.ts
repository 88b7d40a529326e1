/**
 * The balancer's Prometheus metrics, made at the scrape from memory that the shards write: a scrape costs
 * the hot path nothing. One table names every metric; the docs are made from it.
 */
import { build, type Histogram } from "hdr-histogram-js";
import { Counter, Gauge, Registry, type MetricObjectWithValues, type MetricValue } from "prom-client";
import type { Clock } from "../base/clock.js";
import { latencyBuckets, microsOf, outcomeStatuses, shardCells, type Statistics, versionCells, workerCells } from "../shard/statistics.js";
import type { Balancer } from "./balancer.js";

/** Upper bounds in seconds: dense around 10 ms, which is what a typical analysis takes. */
export const latencyBoundsSeconds = [
  0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
];

export const metricNames = {
  requests: ["lintel_requests_total", "Requests answered, by language, version and HTTP status; 499 is a client that left first"],
  attempts: ["lintel_attempts_total", "Attempts at workers, by language and version that got them"],
  spreading: ["lintel_version_spreading_shards", "How many shards use the ejected workers of a version, because it has no others"],
  duration: ["lintel_request_duration_seconds", "From a request's arrival to its answer"],
  workerInFlight: ["lintel_worker_in_flight", "Attempts in flight at a worker, over all shards"],
  workerAttempts: ["lintel_worker_attempts_total", "Attempts at a worker"],
  workerFailures: ["lintel_worker_failures_total", "Attempts at a worker that failed"],
  workerEjections: ["lintel_worker_ejections_total", "How often shards stopped using a worker because it failed"],
  workerUsable: ["lintel_worker_usable_shards", "How many shards may choose this worker now"],
  workerDepth: ["lintel_worker_reported_queue_depth", "Other balancers' and shards' requests at the worker, as it last said; the highest of any shard"],
  inFlight: ["lintel_shard_exchanges_in_flight", "Requests a shard is working on"],
  bodyBytes: ["lintel_shard_body_bytes_held", "Bytes of sources that a shard holds"],
  replyBytes: ["lintel_shard_reply_bytes_held", "Bytes of replies that a shard holds for clients that have not read them"],
  connections: ["lintel_shard_connections", "Open connections of users"],
  retries: ["lintel_shard_retries_total", "Attempts after the first"],
  budgetRefused: ["lintel_shard_retry_budget_exhausted_total", "Retries not made because the budget was spent"],
  shed: ["lintel_shard_requests_shed_total", "Requests refused because a bound was reached"],
  spilled: ["lintel_shard_requests_spilled_total", "Requests served by another version because their own had no usable worker"],
  poison: ["lintel_shard_poison_refused_total", "Requests refused because their source ended two workers before"],
  revision: ["lintel_shard_applied_revision", "The configuration revision a shard serves"],
  shards: ["lintel_shards", "Shards of this balancer"],
  ready: ["lintel_ready", "Whether /readyz says yes"],
} as const satisfies Record<string, readonly [name: string, help: string]>;

export class BalancerMetrics {
  readonly registry = new Registry();

  constructor(private readonly balancer: Balancer) {
    const { statistics } = balancer;
    this.versions("requests", Counter, ["language", "version", "code"], (one, slot, labels) =>
      outcomeStatuses.map((status, index) => ({ labels: { ...labels, code: String(status) }, value: one.get(one.versionCell(slot, index)) })),
    );
    this.versions("attempts", Counter, ["language", "version"], (one, slot, labels) => [
      { labels, value: one.get(one.versionCell(slot, versionCells.attempts)) },
    ]);
    this.versions("spreading", Gauge, ["language", "version"], (one, slot, labels) => [
      { labels, value: one.get(one.versionCell(slot, versionCells.spreading)) },
    ]);
    this.registry.registerMetric(new DurationHistogram(balancer) as unknown as Counter);
    this.worker("workerInFlight", workerCells.inFlight, "sum", Gauge);
    this.worker("workerAttempts", workerCells.attempts, "sum", Counter);
    this.worker("workerFailures", workerCells.failures, "sum", Counter);
    this.worker("workerEjections", workerCells.ejections, "sum", Counter);
    this.worker("workerUsable", workerCells.usable, "sum", Gauge);
    this.worker("workerDepth", workerCells.reportedDepth, "max", Gauge);
    this.shard("inFlight", Gauge, (index) => statistics[index]?.get(shardCells.exchangesInFlight));
    this.shard("bodyBytes", Gauge, (index) => statistics[index]?.get(shardCells.bodyBytesHeld));
    this.shard("replyBytes", Gauge, (index) => statistics[index]?.get(shardCells.replyBytesHeld));
    this.shard("connections", Gauge, (index) => statistics[index]?.get(shardCells.connections));
    this.shard("retries", Counter, (index) => statistics[index]?.get(shardCells.retries));
    this.shard("budgetRefused", Counter, (index) => statistics[index]?.get(shardCells.budgetRefused));
    this.shard("shed", Counter, (index) => statistics[index]?.get(shardCells.shed));
    this.shard("spilled", Counter, (index) => statistics[index]?.get(shardCells.spilled));
    this.shard("poison", Counter, (index) => statistics[index]?.get(shardCells.poisonRefused));
    this.shard("revision", Gauge, (index) => balancer.acked()[index]?.revision);
    this.single("shards", () => balancer.shardCount);
    this.single("ready", () => (balancer.notReadyBecause() === "" ? 1 : 0));
  }

  private versions(
    key: "requests" | "attempts" | "spreading",
    kind: typeof Gauge | typeof Counter,
    labelNames: string[],
    read: (one: Statistics, slot: number, labels: Record<string, string>) => { labels: Record<string, string>; value: number }[],
  ): void {
    const { balancer } = this;
    const [name, help] = metricNames[key];
    const registers = [this.registry];
    new kind({ name, help, labelNames, registers, collect(): void {
      this.reset();
      for (const [label, slot] of [["", 0] as const, ...balancer.slots.versions()]) {
        const [language = "", version = ""] = label.split(" ");
        for (const one of balancer.statistics) {
          for (const { labels, value } of read(one, slot, { language, version })) if (value > 0) this.inc(labels, value);
        }
      }
    } });
  }

  private worker(key: "workerInFlight" | "workerAttempts" | "workerFailures" | "workerEjections" | "workerUsable" | "workerDepth", cell: number, merge: "sum" | "max", kind: typeof Gauge | typeof Counter): void {
    const { balancer } = this;
    const [name, help] = metricNames[key];
    new kind({ name, help, labelNames: ["language", "version", "worker"], registers: [this.registry], collect(): void {
      this.reset();
      const slots = new Map(balancer.slots.workers());
      for (const { language, versions } of balancer.snapshot.languages) {
        for (const { version, workers } of versions) {
          for (const { id } of workers) {
            const values = balancer.statistics.map((one) => one.get(one.workerCell(slots.get(id) ?? 0, cell)));
            const value = merge === "max" ? Math.max(...values) : values.reduce((sum, one) => sum + one, 0);
            this.inc({ language, version, worker: id }, value);
          }
        }
      }
    } });
  }

  private shard(key: keyof typeof metricNames, kind: typeof Gauge | typeof Counter, read: (index: number) => number | undefined): void {
    const { shardCount } = this.balancer;
    const [name, help] = metricNames[key];
    new kind({ name, help, labelNames: ["shard"], registers: [this.registry], collect(): void {
      this.reset();
      for (let index = 0; index < shardCount; index++) this.inc({ shard: String(index) }, read(index) ?? 0);
    } });
  }

  private single(key: "shards" | "ready", read: () => number): void {
    const [name, help] = metricNames[key];
    new Gauge({ name, help, registers: [this.registry], collect(): void {
      this.set(read());
    } });
  }
}

/** prom-client's own histogram can only observe; this one reads the shards' buckets. */
class DurationHistogram {
  readonly name = metricNames.duration[0];
  readonly help = metricNames.duration[1];
  readonly type = "histogram";
  readonly aggregator = "sum";

  constructor(private readonly balancer: Balancer) {}

  get(): Promise<Omit<MetricObjectWithValues<MetricValue<string>>, "collect">> {
    const values: (MetricValue<string> & { metricName: string })[] = [];
    for (const [language, slot] of [["", 0] as const, ...this.balancer.slots.languages()]) {
      const buckets = mergedBuckets(this.balancer.statistics, slot);
      const total = buckets.reduce((sum, count) => sum + count, 0);
      if (total === 0) continue;
      let below = 0;
      let bucket = 0;
      for (const bound of latencyBoundsSeconds) {
        while (bucket < latencyBuckets && microsOf(bucket) <= bound * 1e6) below += buckets[bucket++] ?? 0;
        values.push({ metricName: `${this.name}_bucket`, labels: { language, le: bound }, value: below });
      }
      values.push({ metricName: `${this.name}_bucket`, labels: { language, le: "+Inf" }, value: total });
      const sumMicros = this.balancer.statistics.reduce((sum, one) => sum + one.get(one.latencySumCell(slot)), 0);
      values.push({ metricName: `${this.name}_sum`, labels: { language }, value: sumMicros / 1e6 });
      values.push({ metricName: `${this.name}_count`, labels: { language }, value: total });
    }
    return Promise.resolve({ name: this.name, help: this.help, type: "histogram" as never, aggregator: "sum", values });
  }

  reset(): void {
    // The shards' memory is the truth; there is nothing of its own to reset.
  }
}

function mergedBuckets(statistics: readonly Statistics[], slot: number): Float64Array {
  const merged = new Float64Array(latencyBuckets);
  for (const one of statistics) {
    for (let bucket = 0; bucket < latencyBuckets; bucket++) merged[bucket] = (merged[bucket] ?? 0) + one.get(one.latencyCell(slot, bucket));
  }
  return merged;
}

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Latency percentiles of one language over all shards: one HDR histogram per shard, merged on demand. */
export function latencySummary(statistics: readonly Statistics[], slot: number): LatencySummary {
  const merged = newHistogram();
  for (const one of statistics) merged.add(histogramOf(one, slot));
  const ms = (percentile: number): number => merged.getValueAtPercentile(percentile) / 1_000;
  return { count: merged.totalCount, p50Ms: ms(50), p90Ms: ms(90), p99Ms: ms(99), maxMs: merged.maxValue / 1_000 };
}

function histogramOf(one: Statistics, slot: number): Histogram {
  const histogram = newHistogram();
  for (let bucket = 0; bucket < latencyBuckets; bucket++) {
    const count = one.get(one.latencyCell(slot, bucket));
    if (count > 0) histogram.recordValueWithCount(Math.max(1, Math.round(microsOf(bucket))), count);
  }
  return histogram;
}

function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 2 ** 27, numberOfSignificantValueDigits: 2 });
}

/** For rates on a page: when the numbers were read. */
export function readAt(clock: Clock): string {
  return new Date(clock.wallMs()).toISOString();
}
