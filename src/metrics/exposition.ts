/**
 * What a scrape gets: every metric is read when it is asked for, from numbers that are kept anyway, so that metrics cost nothing
 * while nobody looks. Must not know what they mean.
 */
import { Registry, type Counter, type MetricObjectWithValues, type MetricValue } from "prom-client";
import type { LabelName, MetricDefinition } from "./definitions.js";

export interface Sample {
  readonly labels?: Readonly<Partial<Record<LabelName, string>>>;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Readonly<Partial<Record<LabelName, string>>>;
  /** Cumulative: how many were at most each of the bounds. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

type Values = (MetricValue<string> & { metricName?: string })[];

export class Exposition {
  private readonly registry = new Registry();

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** A counter or a gauge. Throws when the name is there already. */
  add(metric: MetricDefinition, read: () => Iterable<Sample>): void {
    this.register(metric, () => Array.from(read(), ({ labels = {}, value }) => ({ labels: { ...labels }, value })));
  }

  /** One number without labels. */
  addNumber(metric: MetricDefinition, read: () => number): void {
    this.add(metric, () => [{ value: read() }]);
  }

  addHistogram(metric: MetricDefinition, bounds: readonly number[], read: () => Iterable<HistogramSample>): void {
    const { name } = metric;
    this.register(metric, () =>
      Array.from(read()).flatMap(({ labels, counts, count, sum }): Values => [
        ...bounds.map((le, index) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: counts[index] ?? 0 })),
        { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
        { metricName: `${name}_sum`, labels: { ...labels }, value: sum },
        { metricName: `${name}_count`, labels: { ...labels }, value: count },
      ]),
    );
  }

  /** prom-client's own metrics keep their numbers; all a registry asks of one is `get`. */
  private register({ name, help, type }: MetricDefinition, values: () => Values): void {
    const get = (): Promise<Omit<MetricObjectWithValues<MetricValue<string>>, "collect">> =>
      Promise.resolve({ name, help, type: type as never, aggregator: "sum", values: values() });
    this.registry.registerMetric({ name, help, type, get, reset: () => undefined } as unknown as Counter);
  }
}
