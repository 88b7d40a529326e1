/** A result as one HTML page that needs nothing else. */
import { barChart, Colors, escapeText, lineChart, shortNumber, type Bar } from "./charts.js";
import { measuresOf, type BenchResult, type CandidateResult, type JobResult, type Measures, type PointResult } from "./results.js";
import { boundCells, collectionText, ratioTo } from "./tables.js";

export function resultPage(result: BenchResult): string {
  const { machine, code } = result;
  const colors = new Colors();
  for (const name of ["lintel", "haproxy", "nginx", "floor", "haproxy-h2", "bare"]) colors.of(name);
  const facts = [
    `Lintel ${code.version} at ${code.commit}${code.isChanged ? " with changes" : ""}, ${result.date}`,
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
    `nginx ${machine.nginx || "absent"}, HAProxy ${machine.haproxy || "absent"}, wrk ${machine.wrk || "absent"}`,
    machine.cpus.balancer === "" ? "not pinned to cores" : `balancer on core ${machine.cpus.balancer}, workers on ${machine.cpus.workers}, load on ${machine.cpus.load}`,
    `${result.rounds} rounds of ${result.secondsPerRound} s, candidates in turn; medians, whiskers from the lowest to the highest; load average at the start ${machine.loadAverage.toFixed(2)}`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lintel benchmark ${escapeText(code.commit)}</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 1180px; padding: 0 1em; color: #111; background: #fff }
svg { font: 12px system-ui, sans-serif; margin: .5em 1em .5em 0; max-width: 100% }
table { border-collapse: collapse; margin: .5em 0 1.5em } td, th { padding: .15em .7em; text-align: right; border-bottom: 1px solid #ddd } td:first-child, th:first-child { text-align: left }
.facts { color: #555 }
</style></head><body>
<h1>Lintel benchmark</h1>
<p class="facts">${facts.map(escapeText).join("<br>")}</p>
${boundsSection(result)}
${result.jobs.map((job) => jobSection(job, colors)).join("\n")}
</body></html>
`;
}

function boundsSection({ bounds = [] }: BenchResult): string {
  if (bounds.length === 0) return "";
  const rows = bounds.map((bound) => `<tr>${boundCells(bound).map((cell) => `<td>${escapeText(cell)}</td>`).join("")}</tr>`);
  return `<h2>Bounds</h2><table><tr><th></th><th>measured</th><th>lowest</th><th>highest</th><th>bound</th><th></th></tr>\n${rows.join("\n")}</table>`;
}

function jobSection(job: JobResult, colors: Colors): string {
  const isSeries = job.points.length > 2 && job.points.every(({ ratePerSecond }) => ratePerSecond > 0);
  const content = isSeries ? seriesCharts(job, colors) + job.points.map(table).join("\n") : job.points.map((point) => pointCharts(point, colors) + table(point)).join("\n");
  return `<h2>${escapeText(job.name)}</h2><p>${escapeText(job.question)}</p>\n${content}`;
}

function pointCharts(point: PointResult, colors: Colors): string {
  const bars = (key: keyof Measures): Bar[] => point.candidates.map((candidate) => barOf(candidate, key));
  return [
    barChart(`${point.name}: CPU per request, µs`, bars("cpuMicros"), colors),
    barChart(`${point.name}: requests per second`, bars("requestsPerSecond"), colors),
    barChart(`${point.name}: p99, ms`, bars("p99Ms"), colors),
  ].join("\n");
}

function barOf({ name, rounds, median }: CandidateResult, key: keyof Measures): Bar {
  const values = rounds.map((round) => measuresOf(round)[key]);
  return { label: name, value: median[key], low: Math.min(...values), high: Math.max(...values) };
}

function seriesCharts({ points }: JobResult, colors: Colors): string {
  const names = points[0]!.candidates.map(({ name }) => name);
  const lines = (key: keyof Measures) =>
    names.map((label) => ({
      label,
      points: points.flatMap(({ ratePerSecond, candidates }) => {
        const found = candidates.find(({ name }) => name === label);
        return found === undefined ? [] : [{ x: ratePerSecond, y: found.median[key] }];
      }),
    }));
  return [
    lineChart("CPU per request, µs", "requests/s", lines("cpuMicros"), colors, false),
    lineChart("median latency, ms", "requests/s", lines("p50Ms"), colors, true),
    lineChart("p99 latency, ms", "requests/s", lines("p99Ms"), colors, true),
  ].join("\n");
}

function table(point: PointResult): string {
  const columns: readonly [string, (candidate: CandidateResult) => string][] = [
    ["requests/s", ({ median }) => shortNumber(median.requestsPerSecond)],
    ["CPU µs", ({ median }) => shortNumber(median.cpuMicros)],
    ["of it shards", ({ median }) => shortNumber(median.shardMicros)],
    ["main", ({ median }) => shortNumber(median.mainMicros)],
    ["busy", ({ median }) => `${(100 * median.busy).toFixed(0)} %`],
    ["p50 ms", ({ median }) => shortNumber(median.p50Ms)],
    ["p90", ({ median }) => shortNumber(median.p90Ms)],
    ["p99", ({ median }) => shortNumber(median.p99Ms)],
    ["p99.9", ({ median }) => shortNumber(median.p999Ms)],
    ["max", ({ median }) => shortNumber(median.maxMs)],
    ["memory MiB", ({ median }) => shortNumber(median.memoryMiB)],
    ["errors", ({ rounds }) => String(rounds.reduce((sum, { errors }) => sum + errors, 0))],
    ["CPU / floor", (candidate) => ratioTo("floor", candidate, point)],
    ["/ haproxy", (candidate) => ratioTo("haproxy", candidate, point)],
    ["/ nginx", (candidate) => ratioTo("nginx", candidate, point)],
  ];
  const head = columns.map(([title]) => `<th>${escapeText(title)}</th>`).join("");
  const rows = point.candidates.map((candidate) => `<tr><td>${escapeText(candidate.name)}</td>${columns.map(([, cell]) => `<td>${cell(candidate)}</td>`).join("")}</tr>`);
  const rate = point.ratePerSecond > 0 ? `, ${point.ratePerSecond.toLocaleString("en")} requests/s` : "";
  return `<table><tr><th>${escapeText(point.name + rate)} (load by ${point.tool})</th>${head}</tr>\n${rows.join("\n")}</table>${collections(point)}`;
}

function collections({ candidates }: PointResult): string {
  return candidates.map(({ name, rounds }) => (rounds[0]?.collections === undefined ? "" : `<p>${escapeText(name)}: ${collectionText(rounds)}</p>`)).join("");
}
