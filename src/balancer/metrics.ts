/**
 * The balancer's metrics and latencies, read at the scrape from memory that the shards write: a scrape costs the hot path
 * nothing. What they are called is in metrics/definitions.ts; must not know who asks.
 */
import { build, type Histogram } from "hdr-histogram-js";
import type { Clock } from "../base/clock.js";
import { balancerMetrics, latencyBoundsSeconds, type MetricDefinition } from "../metrics/definitions.js";
import type { Exposition, HistogramSample, Sample } from "../metrics/exposition.js";
import { latencyBuckets, microsOf, outcomeStatuses, shardCells, type Statistics, versionCells, workerCells } from "../shard/statistics.js";
import type { Balancer } from "./balancer.js";

export function describeBalancer(exposition: Exposition, balancer: Balancer): void {
  describeVersions(exposition, balancer);
  describeWorkers(exposition, balancer);
  describeShards(exposition, balancer);
  exposition.addHistogram(balancerMetrics.duration, latencyBoundsSeconds, () => durations(balancer));
  exposition.addNumber(balancerMetrics.accessWritten, () => balancer.accessLog?.written ?? 0);
  exposition.addNumber(balancerMetrics.accessDropped, () => balancer.statistics.reduce((sum, one) => sum + one.get(shardCells.accessDropped), balancer.accessLog?.dropped ?? 0));
  exposition.addNumber(balancerMetrics.shards, () => balancer.shardCount);
  exposition.addNumber(balancerMetrics.ready, () => (balancer.notReadyBecause() === "" ? 1 : 0));
}

/** `expiresAtMs` in milliseconds since 1970. */
export function describeCertificate(exposition: Exposition, expiresAtMs: () => number): void {
  exposition.addNumber(balancerMetrics.certificateExpires, () => expiresAtMs() / 1_000);
}

function describeVersions(exposition: Exposition, balancer: Balancer): void {
  const total = (cell: (one: Statistics) => number): number => balancer.statistics.reduce((sum, one) => sum + one.get(cell(one)), 0);
  const slots = function* (): Generator<{ readonly labels: { readonly language: string; readonly version: string }; readonly slot: number }> {
    yield { labels: { language: "", version: "" }, slot: 0 };
    for (const [name, slot] of balancer.slots.versions()) {
      const [language = "", version = ""] = name.split(" ");
      yield { labels: { language, version }, slot };
    }
  };
  exposition.add(balancerMetrics.requests, function* () {
    for (const { labels, slot } of slots()) {
      for (const [index, status] of outcomeStatuses.entries()) {
        const value = total((one) => one.versionCell(slot, index));
        if (value > 0) yield { labels: { ...labels, code: String(status) }, value };
      }
    }
  });
  exposition.add(balancerMetrics.attempts, function* () {
    for (const { labels, slot } of slots()) yield { labels, value: total((one) => one.versionCell(slot, versionCells.attempts)) };
  });
  exposition.add(balancerMetrics.spreading, function* () {
    for (const { labels, slot } of slots()) yield { labels, value: total((one) => one.versionCell(slot, versionCells.spreading)) };
  });
  exposition.add(balancerMetrics.weight, function* () {
    for (const { language, versions } of balancer.snapshot.languages) for (const { version, weight } of versions) yield { labels: { language, version }, value: weight };
  });
}

function describeWorkers(exposition: Exposition, balancer: Balancer): void {
  const add = (metric: MetricDefinition, cell: number, merge: (values: readonly number[]) => number): void =>
    exposition.add(metric, function* () {
      const slots = new Map(balancer.slots.workers());
      for (const { language, versions } of balancer.snapshot.languages) {
        for (const { version, workers } of versions) {
          for (const { id } of workers) {
            const values = balancer.statistics.map((one) => one.get(one.workerCell(slots.get(id) ?? 0, cell)));
            yield { labels: { language, version, worker: id }, value: merge(values) };
          }
        }
      }
    });
  const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);
  add(balancerMetrics.workerInFlight, workerCells.inFlight, sum);
  add(balancerMetrics.workerAttempts, workerCells.attempts, sum);
  add(balancerMetrics.workerFailures, workerCells.failures, sum);
  add(balancerMetrics.workerEjections, workerCells.ejections, sum);
  add(balancerMetrics.workerUsable, workerCells.usable, sum);
  add(balancerMetrics.workerDepth, workerCells.reportedDepth, (values) => Math.max(...values));
}

function describeShards(exposition: Exposition, balancer: Balancer): void {
  const add = (metric: MetricDefinition, read: (index: number) => number | undefined): void =>
    exposition.add(metric, () => Array.from({ length: balancer.shardCount }, (_, index): Sample => ({ labels: { shard: String(index) }, value: read(index) ?? 0 })));
  const addCell = (metric: MetricDefinition, cell: number): void => add(metric, (index) => balancer.statistics[index]?.get(cell));
  addCell(balancerMetrics.inFlight, shardCells.exchangesInFlight);
  addCell(balancerMetrics.bodyBytes, shardCells.bodyBytesHeld);
  addCell(balancerMetrics.replyBytes, shardCells.replyBytesHeld);
  addCell(balancerMetrics.connections, shardCells.connections);
  addCell(balancerMetrics.retries, shardCells.retries);
  addCell(balancerMetrics.budgetRefused, shardCells.budgetRefused);
  addCell(balancerMetrics.shed, shardCells.shed);
  addCell(balancerMetrics.rateLimited, shardCells.rateLimited);
  addCell(balancerMetrics.spilled, shardCells.spilled);
  addCell(balancerMetrics.poison, shardCells.poisonRefused);
  add(balancerMetrics.busy, (index) => (balancer.threadStates()[index]?.busyMs ?? 0) / 1_000);
  add(balancerMetrics.listening, (index) => (balancer.threadStates()[index]?.listening === true ? 1 : 0));
  add(balancerMetrics.restarts, (index) => balancer.threadStates()[index]?.restarts);
  add(balancerMetrics.revision, (index) => balancer.acked()[index]?.revision);
}

/** By language, over all shards. A bucket of ours that a bound cuts is counted by its middle: 3 % at most. */
function* durations({ slots, statistics }: Balancer): Generator<HistogramSample> {
  for (const [language, slot] of [["", 0] as const, ...slots.languages()]) {
    const buckets = mergedBuckets(statistics, slot);
    const count = buckets.reduce((sum, one) => sum + one, 0);
    if (count === 0) continue;
    let below = 0;
    let bucket = 0;
    const counts = latencyBoundsSeconds.map((bound) => {
      while (bucket < latencyBuckets && microsOf(bucket) <= bound * 1e6) below += buckets[bucket++] ?? 0;
      return below;
    });
    const sumMicros = statistics.reduce((sum, one) => sum + one.get(one.latencySumCell(slot)), 0);
    yield { labels: { language }, counts, count, sum: sumMicros / 1e6 };
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
