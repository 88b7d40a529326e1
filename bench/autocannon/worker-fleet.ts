/** Starts the workers of a point, of the kind it asks for, on the workers' cores. */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { LanguageGiven } from "./candidates.js";
import type { Point } from "./jobs.js";
import type { LoadRequest } from "./load.js";
import { repository } from "./machine.js";
import type { FloorOptions } from "./processes/floor.js";
import type { StaticWorkerOptions } from "./processes/static-worker.js";
import type { Processes, Running } from "./processes.js";

export interface WorkerFleet {
  readonly languages: readonly LanguageGiven[];
  /** HTTP/1.1 servers for the peers. */
  readonly http1: readonly number[];
  readonly requests: readonly LoadRequest[];
  readonly stop: () => Promise<void>;
}

export interface FleetGiven {
  readonly processes: Processes;
  readonly cores: string;
  readonly mainPath: string;
}

/** What a report of a dozen findings is cut to; about what small files get. */
export const reportBytes = 300;
const language = "python";

export function startFleet(point: Point, given: FleetGiven): Promise<WorkerFleet> {
  return point.workerKind === "real" ? startRealFleet(given) : startSampleFleet(point, given);
}

/** Two versions share the workers, and with them the traffic. */
async function startSampleFleet({ workers, bodyBytes, workerKind }: Point, { processes, cores }: FleetGiven): Promise<WorkerFleet> {
  const versions = Array.from({ length: workers }, (_, index) => (index < workers / 2 ? "1.0.0" : "2.0.0"));
  const options: StaticWorkerOptions = { language, versions, reportBytes };
  const grpc = await processes.serve(workerKind === "grpc-js" ? "grpc-js-worker" : "static-worker", options, cores);
  const http1 = await processes.serve("floor", { count: workers, reportBytes, replyLater: false } satisfies FloorOptions, cores);
  const portsOf = (version: string): number[] => grpc.ports.filter((_, index) => versions[index] === version);
  return {
    languages: [{ language, versions: [...new Set(versions)].map((version) => ({ version, workers: portsOf(version) })) }],
    http1: http1.ports,
    requests: [{ path: `/v1/lint/${language}`, body: sourceOf(bodyBytes) }],
    stop: () => stopAll([grpc, http1]),
  };
}

/** Text that looks like a program; nobody analyses it. */
function sourceOf(bytes: number): Buffer {
  return Buffer.from("total = total + price * count  # so far\n".repeat(Math.ceil(bytes / 40)).slice(0, bytes));
}

/** Languages with Lintel's own linters, and where their files are found. */
const realSources = [
  { language: "typescript", folder: "src", ending: ".ts" },
  { language: "javascript", folder: "node_modules/commander", ending: ".js" },
  { language: "json", folder: "node_modules/ajv/lib", ending: ".json" },
  { language: "python", folder: "docs/examples", ending: ".py" },
] as const;
const filesMax = 40;

async function startRealFleet({ processes, cores, mainPath }: FleetGiven): Promise<WorkerFleet> {
  const started: Running[] = [];
  const languages: LanguageGiven[] = [];
  const requests: LoadRequest[] = [];
  for (const { language, folder, ending } of realSources) {
    const files = filesBelow(join(repository, folder), ending).slice(0, filesMax);
    if (files.length === 0) continue;
    const worker = processes.start(process.execPath, [mainPath, "linter", language, "--as-version", "1.0.0"], { cores, hasChannel: true, environment: { LINTEL_LOG_LEVEL: "error" } });
    const [{ port }] = (await once(worker.child, "message")) as [{ port: number }];
    started.push(worker);
    languages.push({ language, versions: [{ version: "1.0.0", workers: [port] }] });
    for (const file of files) requests.push({ path: `/v1/lint/${language}?filename=${encodeURIComponent(relative(repository, file))}`, body: readFileSync(file) });
  }
  return { languages, http1: [], requests, stop: () => stopAll(started) };
}

async function stopAll(running: readonly Running[]): Promise<void> {
  await Promise.all(running.map(({ stop }) => stop()));
}

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.includes("node_modules"))
    .sort()
    .map((name) => join(folder, name));
}
