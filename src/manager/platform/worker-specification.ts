/** What a worker process on this machine is to run: from versions to command lines. Must not start anything. */
import { createHash } from "node:crypto";
import { type PeerFolder, peerFingerprint } from "../../base/peer-certificates.js";
import type { RunConfiguration } from "../../snapshot/configuration.js";
import type { WantedVersion } from "./platform.js";

export interface WorkerSpecification {
  /** Unique among the workers: "python-0.17.3-1". */
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly run: RunConfiguration;
  /** Larger sources are refused; undefined leaves it to the worker. */
  readonly sourceBytesMax: number | undefined;
  /** How it proves who it is; undefined: not at all. */
  readonly peers: PeerFolder | undefined;
}

/** What all workers of a platform have alike. */
export interface CommonToWorkers {
  readonly sourceBytesMax?: number;
  readonly peers?: PeerFolder | undefined;
}

/** One for each worker of each version that runs here. How many there are is no part of one: scaling touches no other worker. */
export function specificationsOf(versions: readonly WantedVersion[], { sourceBytesMax, peers }: CommonToWorkers): WorkerSpecification[] {
  return versions.flatMap(({ language, version, source }) => {
    if (source.kind !== "run") return [];
    const run: RunConfiguration = { ...source.run, workers: 1 };
    return Array.from({ length: source.run.workers }, (_, index) => ({ id: `${language}-${version}-${index + 1}`, language, version, run, sourceBytesMax, peers }));
  });
}

/** The same for specifications that the same process serves. Not the specification itself: its environment may hold secrets. */
export function fingerprintOf(specification: WorkerSpecification, program: string): string {
  const { run, peers } = specification;
  const serves = [program, argumentsFor(specification), run.environment, ...(peers === undefined ? [] : [peerFingerprint(peers)])];
  return createHash("sha256").update(JSON.stringify(serves)).digest("hex").slice(0, 32);
}

/** Of `lintel`. */
export function argumentsFor({ language, version, run, sourceBytesMax, peers }: WorkerSpecification): string[] {
  const common = ["--listen", "127.0.0.1:0", "--as-version", version];
  if (sourceBytesMax !== undefined) common.push("--source-bytes-max", String(sourceBytesMax));
  if (peers !== undefined) common.push("--mutual-tls", peers.folder);
  if (run.threads !== undefined) common.push("--threads", String(run.threads));
  if (run.kind === "builtin") return ["linter", language, "--builtin", run.builtin, ...common];
  return ["linter", language, ...common, "--report", run.report, "--", ...run.command];
}
