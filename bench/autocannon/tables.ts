/** Results as text for a terminal. */
import { holds, type BoundResult } from "./bounds.js";
import type { Collections } from "./collections.js";
import { cpuRatio, type BenchResult, type CandidateResult, type JobResult, type Measures, type PointResult, type Round } from "./results.js";

type Column = readonly [title: string, cell: (candidate: CandidateResult, point: PointResult) => string];

const columns: readonly Column[] = [
  ["requests/s", ({ median }) => Math.round(median.requestsPerSecond).toLocaleString("en")],
  ["±%", ({ spread }) => percent(spread.requestsPerSecond / 2)],
  ["CPU µs", ({ median }) => median.cpuMicros.toFixed(1)],
  ["±%", ({ spread }) => percent(spread.cpuMicros / 2)],
  ["shards", ({ median }) => (median.shardMicros === 0 ? "-" : median.shardMicros.toFixed(1))],
  ["main", ({ median }) => median.mainMicros.toFixed(2)],
  ["busy %", ({ median }) => percent(median.busy)],
  ["p50 ms", ({ median }) => median.p50Ms.toFixed(2)],
  ["p99", ({ median }) => median.p99Ms.toFixed(2)],
  ["p99.9", ({ median }) => median.p999Ms.toFixed(2)],
  ["MiB", ({ median }) => median.memoryMiB.toFixed(0)],
  ["errors", ({ rounds }) => String(rounds.reduce((sum, { errors }) => sum + errors, 0))],
  ["CPU/floor", (candidate, point) => ratioTo("floor", candidate, point)],
  ["CPU/haproxy", (candidate, point) => ratioTo("haproxy", candidate, point)],
  ["CPU/nginx", (candidate, point) => ratioTo("nginx", candidate, point)],
];

export function jobHeading({ name, question }: Pick<JobResult, "name" | "question">): string {
  return `\n${name}: ${question}\n`;
}

export function pointTable(point: PointResult): string {
  const title = `${point.name}${point.ratePerSecond > 0 ? `, ${point.ratePerSecond.toLocaleString("en")} requests/s` : ""} (load by ${point.tool})`;
  const rows = point.candidates.map((candidate) => [candidate.name, ...columns.map(([, cell]) => cell(candidate, point))]);
  return `  ${title}\n${aligned([["", ...columns.map(([name]) => name)], ...rows])}${collectionLines(point)}`;
}

/** The first column to the left, the others to the right. */
function aligned(table: readonly (readonly string[])[]): string {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  "));
  return lines.map((line) => `    ${line.trimEnd()}\n`).join("");
}

/** What the garbage collector did, where that was counted. */
function collectionLines({ candidates }: PointResult): string {
  return candidates.map(({ name, rounds }) => (rounds[0]?.collections === undefined ? "" : `    ${name}: ${collectionText(rounds)}\n`)).join("");
}

export function collectionText(rounds: readonly Round[]): string {
  const sum = (of: (collections: Collections) => number): number => rounds.reduce((total, { collections }) => total + (collections === undefined ? 0 : of(collections)), 0);
  const seconds = rounds.reduce((total, round) => total + round.seconds, 0);
  const share = sum(({ pauseMs }) => pauseMs) / (seconds * 10);
  return `${sum(({ markCompacts }) => markCompacts)} mark-compacts and ${sum(({ scavenges }) => scavenges)} scavenges in ${seconds.toFixed(0)} s, which took ${share.toFixed(2)} % of the time`;
}

/** What has to be reached, what was, and whether that suffices. */
export function boundsTable(bounds: readonly BoundResult[]): string {
  return `\nBounds\n${aligned([["", "measured", "lowest", "highest", "bound", ""], ...bounds.map(boundCells)])}`;
}

/** measure, measured, lowest, highest, bound, verdict */
export function boundCells(bound: BoundResult): string[] {
  const text = (value: number | undefined): string => (value === undefined ? "" : `${Number.isInteger(value) ? value : value.toFixed(value < 0.3 ? 3 : 2)}${bound.unit === "" ? "" : ` ${bound.unit}`}`);
  const verdict = { true: "ok", false: "NOT MET", undefined: "not measured" }[String(holds(bound))] ?? "";
  return [bound.measure, text(bound.measured), text(bound.low), text(bound.high), text(bound.bound), verdict];
}

/** This run against an older one: CPU per request, plain and as a multiple of the floor's of the same run, which cancels the machine's mood. */
export function comparison(now: BenchResult, before: BenchResult): string {
  const lines = [`\nAgainst ${before.code.commit} of ${before.date.slice(0, 10)}${sameMachine(now, before) ? "" : ", ANOTHER MACHINE: only multiples of the floor can be compared"}\n`];
  for (const job of now.jobs) {
    for (const point of job.points) {
      const old = before.jobs.find(({ name }) => name === job.name)?.points.find(({ name }) => name === point.name);
      if (old === undefined) continue;
      for (const candidate of point.candidates) {
        const oldCandidate = old.candidates.find(({ name }) => name === candidate.name);
        if (oldCandidate !== undefined) lines.push(`  ${`${job.name}, ${point.name}, ${candidate.name}`.padEnd(50)} ${changes(candidate, point, oldCandidate, old)}\n`);
      }
    }
  }
  return lines.length === 1 ? `${lines[0]!}  nothing in common\n` : lines.join("");
}

function changes(now: CandidateResult, point: PointResult, before: CandidateResult, oldPoint: PointResult): string {
  const change = (name: string, key: keyof Measures): string => `${name} ${before.median[key].toPrecision(3)} → ${now.median[key].toPrecision(3)} (${signed(now.median[key] / before.median[key] - 1)})`;
  const floors = [ratioTo("floor", before, oldPoint), ratioTo("floor", now, point)];
  const ofFloor = floors.includes("") ? "" : `, of the floor ${floors.join(" → ")}`;
  return `${change("CPU µs", "cpuMicros")}${ofFloor}; ${change("requests/s", "requestsPerSecond")}; ${change("p99 ms", "p99Ms")}`;
}

function sameMachine({ machine: one }: BenchResult, { machine: other }: BenchResult): boolean {
  return one.processor === other.processor && one.cores === other.cores;
}

/** "" where that candidate did not run. */
export function ratioTo(reference: string, candidate: CandidateResult, { candidates }: PointResult): string {
  const other = candidates.find(({ name }) => name === reference);
  return other === undefined ? "" : cpuRatio(candidate, other).toFixed(2);
}

function percent(part: number): string {
  return (100 * part).toFixed(0);
}

function signed(part: number): string {
  return Number.isFinite(part) ? `${part >= 0 ? "+" : ""}${(100 * part).toFixed(0)} %` : "?";
}
