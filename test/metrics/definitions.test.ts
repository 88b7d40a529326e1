// The registry of metrics: named alike, described on the page, and every page names only what is there.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { balancerMetrics, labelMeanings, latencyBoundsSeconds, type MetricDefinition, metricGroups, seriesNames } from "../../src/metrics/definitions.js";
import { Exposition } from "../../src/metrics/exposition.js";
import { metricsPageText } from "../../src/metrics/metrics-page.js";
import { repositoryText } from "../support/configuration-files.js";
import { unknownMetricNames } from "../support/metric-names.js";
import { repositoryRoot } from "../support/source-module.js";

const all = metricGroups.flatMap(({ metrics }) => Object.values(metrics as Readonly<Record<string, MetricDefinition>>));

void t.test("docs/metrics.md is what the registry says", (t) => {
  t.equal(repositoryText("docs/metrics.md"), metricsPageText(), "run: node scripts/metrics.mjs");
  t.end();
});

void t.test("names begin with lintel_, are in base units, and say whether they count", (t) => {
  for (const { name, type, labels, help } of all) {
    t.match(name, /^lintel(_[a-z]+)+$/, name);
    t.notMatch(name, /_(ms|millis\w*|micros\w*|minutes|hours|kb|mb|\w+bibytes|percent)(_|$)/, `${name} is in base units`);
    t.equal(name.endsWith("_total"), type === "counter", `${name} ends in _total if it counts`);
    t.equal(new Set(labels).size, labels.length, `${name} has every label once`);
    for (const label of labels) t.ok(labelMeanings[label], `${name}: ${label} is described`);
    t.match(help, /^[A-Z].*[^.]$/, `${name} is described`);
  }
  t.equal(new Set(seriesNames()).size, seriesNames().length, "every name once");
  t.end();
});

void t.test("a third of the buckets is within a factor of two of 10 ms", (t) => {
  t.same(latencyBoundsSeconds, [...latencyBoundsSeconds].sort((one, other) => one - other));
  const near = latencyBoundsSeconds.filter((seconds) => seconds >= 0.005 && seconds <= 0.02).length;
  t.ok(near >= 7, `${near} bounds from 5 to 20 ms`);
  t.end();
});

void t.test("pages name no metric that does not exist", (t) => {
  const pages = ["README.md", ...readdirSync(join(repositoryRoot, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
  for (const page of pages) t.same(unknownMetricNames(repositoryText(page)), [], page);
  t.same(unknownMetricNames("rate(lintel_requests_total[5m]) / lintel_request_total, lintel_request_duration_seconds_bucket"), ["lintel_request_total"], "and one that does not would be found");
  t.end();
});

void t.test("what is exposed is read at the scrape; a name is there once", async (t) => {
  const exposition = new Exposition();
  let value = 1;
  exposition.add(balancerMetrics.attempts, () => [{ labels: { language: 'a"b\\', version: "1" }, value }]);
  exposition.addHistogram(balancerMetrics.duration, [0.01, 0.1], () => [{ labels: { language: "json" }, counts: [2, 3], count: 4, sum: 1.5 }]);
  value = 7;
  const lines = (await exposition.text()).split("\n").filter((line) => line !== "" && !line.startsWith("# HELP"));
  t.same(lines, [
    "# TYPE lintel_attempts_total counter",
    String.raw`lintel_attempts_total{language="a\"b\\",version="1"} 7`,
    "# TYPE lintel_request_duration_seconds histogram",
    'lintel_request_duration_seconds_bucket{language="json",le="0.01"} 2',
    'lintel_request_duration_seconds_bucket{language="json",le="0.1"} 3',
    'lintel_request_duration_seconds_bucket{language="json",le="+Inf"} 4',
    'lintel_request_duration_seconds_sum{language="json"} 1.5',
    'lintel_request_duration_seconds_count{language="json"} 4',
  ]);
  t.throws(() => exposition.addNumber(balancerMetrics.attempts, () => 0), /lintel_attempts_total/);
});
