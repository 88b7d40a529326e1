/** Makes the load of one measurement with the tool that suits it: wrk, autocannon, or our own at fixed rates. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadResult, LoadTool } from "./load-result.js";
import type { AutocannonOptions } from "./processes/autocannon.js";
import type { PacedOptions } from "./processes/paced.js";
import type { Processes } from "./processes.js";

export interface LoadGiven {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** 0 for as many as the server takes. */
  readonly ratePerSecond: number;
  /** Asked in turn; only autocannon can make more than one kind. */
  readonly requests: readonly LoadRequest[];
}

export interface LoadRequest {
  readonly path: string;
  readonly body: Buffer;
}

export interface LoadMaker {
  readonly processes: Processes;
  readonly cores: string;
  /** For wrk's script. */
  readonly folder: string;
  /** What to use at full load; `wrk` where it is installed, because one autocannon does not keep a shard busy. */
  readonly fullLoadTool: LoadTool;
  /** At fixed rates. */
  readonly rateTool: LoadTool;
}

export function toolFor({ ratePerSecond, requests }: LoadGiven, maker: LoadMaker): LoadTool {
  if (requests.length > 1) return "autocannon";
  return ratePerSecond > 0 ? maker.rateTool : maker.fullLoadTool;
}

export function makeLoad(given: LoadGiven, maker: LoadMaker): Promise<LoadResult> {
  switch (toolFor(given, maker)) {
    case "wrk":
      return runWrk(given, maker);
    case "autocannon":
      return runAutocannon(given, maker);
    case "paced":
      return runPaced(given, maker);
  }
}

function runPaced({ port, connections, seconds, ratePerSecond, requests }: LoadGiven, { processes, cores }: LoadMaker): Promise<LoadResult> {
  const [{ path, body }] = requests as [LoadRequest];
  const options: PacedOptions = { port, path, body: body.toString("base64"), connections, ratePerSecond, seconds, seed: 1 };
  return processes.load("paced", options, cores);
}

function runAutocannon({ port, connections, seconds, ratePerSecond, requests }: LoadGiven, { processes, cores }: LoadMaker): Promise<LoadResult> {
  const plain = requests.map(({ path, body }) => ({ path, body: body.toString("base64") }));
  const options: AutocannonOptions = { port, connections, seconds, ratePerSecond, requests: plain };
  return processes.load("autocannon", options, cores);
}

/** Printed by the script's `done`: numbers in the order they are read below; times in µs. */
const resultPattern = /RESULT (\d+) (\d+) (\d+) (\S+) (\d+) (\d+) (\d+) (\d+) (\d+)/;

async function runWrk({ port, connections, seconds, requests }: LoadGiven, { processes, cores, folder }: LoadMaker): Promise<LoadResult> {
  const [{ path, body }] = requests as [LoadRequest];
  const bodyPath = join(folder, "body");
  const scriptPath = join(folder, "wrk.lua");
  writeFileSync(bodyPath, body);
  writeFileSync(scriptPath, scriptOf(bodyPath));
  const wholeSeconds = Math.max(1, Math.round(seconds));
  const args = ["--threads", "1", "--connections", String(connections), "--duration", `${wholeSeconds}s`, "--timeout", "10s", "--script", scriptPath, `http://127.0.0.1:${port}${path}`];
  const output = await processes.run("wrk", args, cores);
  const numbers = resultPattern.exec(output)?.slice(1).map(Number);
  if (numbers === undefined) throw new Error(`wrk printed no result: ${output}`);
  const [count = 0, micros = 0, errors = 0, mean = 0, p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0] = numbers;
  return {
    tool: "wrk",
    requests: count - errors,
    seconds: micros / 1e6,
    latencyMs: { mean: mean / 1_000, p50: p50 / 1_000, p90: p90 / 1_000, p99: p99 / 1_000, p999: p999 / 1_000, max: max / 1_000 },
    errors,
  };
}

function scriptOf(bodyPath: string): string {
  return `
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/plain"
wrk.body = io.open(${JSON.stringify(bodyPath)}, "rb"):read("*a")
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %.3f %d %d %d %d %d\\n", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`;
}
