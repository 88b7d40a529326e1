/** The machine a result belongs to, and how its cores are shared out. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Of the last minute, when the benchmark began: what else was running. */
  readonly loadAverage: number;
  /** "" for what is not installed. */
  readonly nginx: string;
  readonly haproxy: string;
  readonly wrk: string;
  readonly cpus: CoreLayout;
}

/** Which cores whom belong to, as taskset takes them; "" for any. */
export interface CoreLayout {
  readonly balancer: string;
  readonly workers: string;
  readonly load: string;
}

export interface CodeFacts {
  readonly version: string;
  readonly commit: string;
  /** Whether files differ from the commit. */
  readonly isChanged: boolean;
}

export const repository = fileURLToPath(new URL("../../../", import.meta.url));

export function machineFacts(isPinned: boolean, shards: number): MachineFacts {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: usableCores().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    loadAverage: loadavg()[0] ?? 0,
    nginx: versionOf("nginx", ["-v"]),
    haproxy: versionOf("haproxy", ["-v"]),
    wrk: versionOf("wrk", ["-v"]),
    cpus: isPinned ? layOut(usableCores(), shards) : { balancer: "", workers: "", load: "" },
  };
}

/** The balancer's shards get a core each; workers and load share what is left, on a large machine half each. */
export function layOut(cores: readonly number[], shards: number): CoreLayout {
  const own = Math.min(shards, cores.length - 1);
  if (own < 1 || versionOf("taskset", ["--version"]) === "") return { balancer: "", workers: "", load: "" };
  const rest = cores.slice(own);
  const half = Math.ceil(rest.length / 2);
  const isLarge = rest.length >= 2;
  return { balancer: list(cores.slice(0, own)), workers: list(isLarge ? rest.slice(0, half) : rest), load: list(isLarge ? rest.slice(half) : rest) };
}

export function codeFacts(): CodeFacts {
  const { version } = JSON.parse(readFileSync(`${repository}package.json`, "utf8")) as { version: string };
  return { version, commit: git(["rev-parse", "--short", "HEAD"]) || "unknown", isChanged: git(["status", "--porcelain", "--untracked-files=no"]) !== "" };
}

function list(cores: readonly number[]): string {
  return cores.join(",");
}

/** Those this process may run on. */
function usableCores(): number[] {
  const allowed = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readIfThere("/proc/self/status"))?.[1];
  if (allowed === undefined) return cpus().map((_, index) => index);
  return allowed.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

/** The first thing in a program's output that looks like a version; "" when it is not there. */
function versionOf(program: string, args: readonly string[]): string {
  try {
    const output = execFileSync("/bin/sh", ["-c", `"$0" "$@" 2>&1; true`, program, ...args], { encoding: "utf8", env: { ...process.env, PATH: searchPath() } });
    return /\d+\.\d[\w.+-]*/.exec(output)?.[0] ?? "";
  } catch {
    return "";
  }
}

/** nginx and HAProxy are in sbin, which users' paths may lack. */
export function searchPath(): string {
  return `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin:/sbin`;
}

function git(args: readonly string[]): string {
  try {
    return execFileSync("git", args, { cwd: repository, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
