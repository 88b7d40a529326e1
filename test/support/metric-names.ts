/** Names of metrics in texts: queries, rules, pages. And what a real scrape shows, against the registry. */
import { labelMeanings, type MetricDefinition, metricGroups, seriesNames } from "../../src/metrics/definitions.js";

/** What looks like a metric of ours and is none. Names of other things, such as of files, do not have three parts in lower case with underscores. */
export function metricNamesIn(text: string): string[] {
  return [...new Set(text.match(/\blintel_[a-z_]+[a-z]\b/g) ?? [])];
}

export function unknownMetricNames(text: string): string[] {
  const known = new Set([...seriesNames(), ...metricGroups.flatMap(({ metrics }) => Object.values(metrics as Readonly<Record<string, MetricDefinition>>).map(({ name }) => name))]);
  return metricNamesIn(text).filter((name) => !known.has(name));
}

/** What Prometheus adds, and the bound of a bucket. */
const labelsOfPrometheus = ["instance", "job", "le"];

/** Labels that a query groups by or selects with, and those that a text beside it shows, that nothing has; in order. */
export function unknownLabels(query: string, text: string): string[] {
  const known = new Set([...Object.keys(labelMeanings), ...labelsOfPrometheus]);
  const grouped = [...query.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(","));
  const selected = [...query.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = ""]) => [...list.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, name = ""]) => name));
  const shown = [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, name = ""]) => name);
  return [...new Set([...grouped, ...selected, ...shown].map((name) => name.trim()))].filter((name) => name !== "" && !known.has(name)).sort();
}

export interface Scrape {
  /** Names of series that have a value. */
  readonly series: ReadonlySet<string>;
  /** What is in it and not as the registry says. */
  readonly faults: readonly string[];
}

/** A scrape's text. */
export function readScrape(exposition: string): Scrape {
  const definitions = new Map(metricGroups.flatMap(({ metrics }) => Object.values(metrics as Readonly<Record<string, MetricDefinition>>)).map((one) => [one.name, one]));
  const series = new Set<string>();
  const faults: string[] = [];
  for (const line of exposition.split("\n")) {
    const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === "") continue;
    series.add(name);
    const definition = definitions.get(name) ?? definitions.get(name.replace(/_(bucket|sum|count)$/, ""));
    const names = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label = ""]) => label).filter((label) => label !== "le");
    if (definition === undefined) faults.push(`${name} is not in the registry`);
    else if (names.join() !== definition.labels.join()) faults.push(`${name} has the labels ${names.join()}, the registry says ${definition.labels.join()}`);
  }
  return { series, faults: [...new Set(faults)] };
}
