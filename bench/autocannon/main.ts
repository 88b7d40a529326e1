/** `lintel bench`: runs the jobs, prints their tables, and writes the result as JSON and as a page. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.js";
import type { BenchFlags } from "../../src/commands/bench.js";
import { boundsJobs } from "./bounds-jobs.js";
import { checkBounds } from "./bounds.js";
import { candidateNames, type CandidateName } from "./candidates.js";
import { jobs, quickJobs, type Job } from "./jobs.js";
import type { LoadTool } from "./load-result.js";
import { codeFacts, machineFacts, repository, searchPath, type MachineFacts } from "./machine.js";
import { measurePoints, type Build, type Capacity, type Measuring, type MeasuringOptions } from "./measuring.js";
import { Processes } from "./processes.js";
import { resultPage } from "./result-page.js";
import { resultFormat, type BenchResult, type JobResult, type PointResult } from "./results.js";
import { boundsTable, comparison, jobHeading, pointTable } from "./tables.js";

export async function bench(names: readonly string[], flags: BenchFlags): Promise<void> {
  if (flags.list) {
    for (const { name, question } of jobs) process.stdout.write(`${name.padEnd(12)} ${question}\n`);
    return;
  }
  const chosen = chooseJobs(names, flags);
  const baselinePath = flags.baseline ?? usualBaseline(flags);
  const baseline = baselinePath === undefined ? undefined : readResult(baselinePath);
  process.env["PATH"] = searchPath();
  const folder = mkdtempSync(join(tmpdir(), "lintel-bench-"));
  const processes = new Processes(folder);
  try {
    const result = await runJobs(chosen, processes, folder, flags);
    if (result.bounds !== undefined) process.stdout.write(boundsTable(result.bounds));
    if (baseline !== undefined) process.stdout.write(comparison(result, baseline));
    write(result, flags);
  } finally {
    await processes.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runJobs(chosen: readonly Job[], processes: Processes, folder: string, flags: BenchFlags): Promise<BenchResult> {
  const usualRounds = flags.quick ? 2 : 5;
  const usualSeconds = flags.quick ? 2 : flags.bounds ? 3 : 4;
  const machine = machineFacts(flags.pin, 1);
  process.stdout.write(intro(machine));
  const options: MeasuringOptions = {
    rounds: flags.rounds,
    secondsPerRound: flags.seconds,
    usualRounds,
    usualSeconds,
    warmUpSeconds: flags.warmUp ?? 2,
    allowed: allowedCandidates(machine, flags),
    builds: builds(flags),
  };
  const measuring: Omit<Measuring, "capacity"> = {
    options,
    processes,
    coresOf: (shards) => (shards === 1 ? machine.cpus : machineFacts(flags.pin, shards).cpus),
    folder,
    load: { processes, cores: machine.cpus.load, folder, ...tools(machine, flags) },
    say: showProgress,
  };
  const results: JobResult[] = [];
  // With --bounds one for all jobs; else one for each, from its first point on.
  const common: Capacity = { perSecond: undefined };
  for (const job of chosen) results.push(await runJob(job, { ...measuring, capacity: flags.bounds ? common : { perSecond: undefined } }, flags));
  const { rounds = usualRounds, seconds = usualSeconds } = flags;
  const result: BenchResult = { format: resultFormat, date: new Date().toISOString(), code: codeFacts(), machine, rounds, secondsPerRound: seconds, jobs: results };
  return flags.bounds ? { ...result, bounds: checkBounds(result) } : result;
}

async function runJob({ name, question, points, isAlternating = false }: Job, measuring: Measuring, { point: wanted = "" }: BenchFlags): Promise<JobResult> {
  process.stdout.write(jobHeading({ name, question }));
  const done: PointResult[] = [];
  const chosen = points.filter((point) => point.name.includes(wanted));
  for (const together of isAlternating ? [chosen] : chosen.map((point) => [point])) {
    const results = await measurePoints(together, measuring);
    showProgress("");
    for (const result of results) process.stdout.write(pointTable(result));
    done.push(...results);
  }
  return { name, question, points: done };
}

/** On one line of a terminal; elsewhere nothing. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function chooseJobs(names: readonly string[], { quick, bounds }: BenchFlags): readonly Job[] {
  const all = bounds ? boundsJobs : quick ? quickJobs : jobs;
  const unknown = names.find((name) => !all.some((job) => job.name === name));
  if (unknown !== undefined) throw new UserError(`no such job: ${unknown}; expected ${all.map(({ name }) => name).join(", ")}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

/** Named ones, less peers that are not installed. */
function allowedCandidates({ nginx, haproxy }: MachineFacts, { candidates }: BenchFlags): CandidateName[] {
  const named = candidates ?? candidateNames;
  const unknown = named.find((name) => !candidateNames.some((known) => known === name));
  if (unknown !== undefined) throw new UserError(`--candidates has "${unknown}"; expected some of ${candidateNames.join(", ")}`);
  return candidateNames.filter((name) => named.includes(name) && (name !== "nginx" || nginx !== "") && (!name.startsWith("haproxy") || haproxy !== ""));
}

/** This build first, then those to compare with it. */
function builds({ compare }: BenchFlags): Build[] {
  const others = compare.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new UserError(`--compare is "${text}", but must be NAME=PATH of another build's dist/src/main.js`);
    return { name: text.slice(0, at), mainPath: text.slice(at + 1) };
  });
  return [{ name: "", mainPath: join(repository, "dist/src/main.js") }, ...others];
}

function tools({ wrk }: MachineFacts, { load }: BenchFlags): { fullLoadTool: LoadTool; rateTool: LoadTool } {
  if (load === "autocannon") return { fullLoadTool: "autocannon", rateTool: "autocannon" };
  if (load === "wrk" && wrk === "") throw new UserError("--load wrk: wrk is not installed; on Debian, apt-get install wrk");
  return { fullLoadTool: wrk === "" ? "autocannon" : "wrk", rateTool: "paced" };
}

function intro({ processor, cores, kernel, node, nginx, haproxy, wrk, cpus, loadAverage }: MachineFacts): string {
  const absent = Object.entries({ nginx, haproxy, wrk }).filter(([, version]) => version === "").map(([name]) => name);
  const lines = [
    `${processor}, ${cores} cores, Linux ${kernel}, Node ${node}`,
    cpus.balancer === "" ? "not pinned to cores" : `the balancer on core ${cpus.balancer}, workers on ${cpus.workers}, load on ${cpus.load}`,
    ...(absent.length > 0 ? [`not installed, and so left out: ${absent.join(", ")} (on Debian: apt-get install nginx-light haproxy wrk)`] : []),
    ...(loadAverage > 0.5 * cores ? [`the machine is busy with other things (load ${loadAverage.toFixed(1)}): rely on ratios within a round only`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** What --bounds compares with when nothing is named: the run that is kept in the repository. */
function usualBaseline({ bounds }: BenchFlags): string | undefined {
  const path = join(repository, "bench/results/baseline.json");
  return bounds && existsSync(path) ? path : undefined;
}

function write(result: BenchResult, { out, quick, bounds }: BenchFlags): void {
  mkdirSync(out, { recursive: true });
  const base = join(out, `${result.date.slice(0, 10)}-${result.code.commit}${bounds ? "-bounds" : quick ? "-quick" : ""}`);
  writeFileSync(`${base}.json`, `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(`${base}.html`, resultPage(result));
  process.stdout.write(`\nwrote ${base}.json and .html\n`);
}

function readResult(path: string): BenchResult {
  let result: BenchResult;
  try {
    result = JSON.parse(readFileSync(path, "utf8")) as BenchResult;
  } catch (error) {
    throw new UserError(`--baseline ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if ((result.format as number) !== resultFormat) throw new UserError(`--baseline ${path} is not a result of this benchmark (format ${resultFormat})`);
  return result;
}
