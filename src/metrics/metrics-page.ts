/** docs/metrics.md, made from the definitions: a page that cannot be out of date. Must not know the numbers. */
import { balancerMetrics, labelMeanings, latencyBoundsSeconds, type MetricDefinition, metricGroups } from "./definitions.js";

const opening = `# Metrics

<!-- Made by scripts/metrics.mjs from src/metrics/definitions.ts: change it there. -->

Every metric that Lintel has, in Prometheus' text format. Alert rules, a scrape configuration and a Grafana dashboard are in [deploy/](../deploy/README.md);
what to do when one of them speaks up is in [operations.md](operations.md).

Names begin with \`lintel_\`, units are seconds and bytes, counters end in \`_total\` and begin again with their process. Shards count in memory that only they write, and a
scrape reads it: metrics cost requests nothing. A balancer has ${Object.values(balancerMetrics).filter(({ labels }) => labels.some((label) => label === "worker")).length} series for each worker; one with 20,000 of them is better scraped every minute, or with \`lintel_worker_.*\` dropped.
`;

export function metricsPageText(): string {
  const groups = metricGroups.map(({ title, where, metrics }) => {
    const rows = Object.values(metrics as Readonly<Record<string, MetricDefinition>>).map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(", ")} | ${help} |`);
    return [`## ${title}`, "", `${where}.`, "", "| name | type | labels | is |", "|---|---|---|---|", ...rows, ""].join("\n");
  });
  const labels = Object.entries(labelMeanings).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  const bounds = latencyBoundsSeconds.map((seconds) => String(seconds * 1_000)).join(", ");
  return [
    opening,
    ...groups,
    ["## Labels", "", "None of them has values that a user could invent.", "", "| label | is |", "|---|---|", ...labels, ""].join("\n"),
    ["## Histograms", "", `Their buckets are dense around 10 ms, which is what an analysis takes. Upper bounds in milliseconds: ${bounds}. Between these a`, "percentile is interpolated; `GET /status` has percentiles to 3 %.", ""].join("\n"),
  ].join("\n");
}
