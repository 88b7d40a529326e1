/** Names of metrics in texts: queries, rules, pages. And what a real scrape shows, against the registry. */
import { type MetricDefinition, metricGroups, seriesNames } from "../../src/metrics/definitions.js";

/** What looks like a metric of ours and is none. Names of other things, such as of files, do not have three parts in lower case with underscores. */
export function metricNamesIn(text: string): string[] {
  return [...new Set(text.match(/\blintel_[a-z_]+[a-z]\b/g) ?? [])];
}

export function unknownMetricNames(text: string): string[] {
  const known = new Set([...seriesNames(), ...metricGroups.flatMap(({ metrics }) => Object.values(metrics as Readonly<Record<string, MetricDefinition>>).map(({ name }) => name))]);
  return metricNamesIn(text).filter((name) => !known.has(name));
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
