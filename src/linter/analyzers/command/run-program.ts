/**
 * Runs one program on one source: no shell, an environment of its own, a time limit, an output limit, and
 * nothing left running afterwards. Must not know what the output means.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Clock } from "../../../base/clock.js";
import { bytesBelow, processesOf } from "./consumption.js";

export interface ProgramRun {
  readonly program: string;
  readonly args: readonly string[];
  /** Sent to standard input; undefined closes it at once. */
  readonly stdin: Uint8Array | undefined;
  /** An empty folder: the program's working directory, home and temporary folder. */
  readonly folder: string;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
  readonly processesMax: number;
  /** Of the folder. */
  readonly diskBytesMax: number;
  /** Hears the process group while it exists, and 0 afterwards: whoever ends this thread ends the group too. */
  readonly onGroup: (processGroup: number) => void;
}

export type ProgramResult =
  | { readonly kind: "exited"; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "signalled"; readonly signal: string }
  | { readonly kind: "timed-out" }
  | { readonly kind: "too-much-output" }
  | { readonly kind: "too-many-processes" }
  | { readonly kind: "too-much-disk" }
  | { readonly kind: "not-started"; readonly reason: string };

/**
 * How often it is looked at what a program uses up, beginning after as long: most have ended by then. A loop that forks without end makes some
 * hundred processes in this time, a disk takes some hundred megabytes.
 */
const lookMs = 100;

/** Nothing of the worker's own environment but the search path: programs must not see, or depend on, anything else. */
function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", LC_ALL: "C.UTF-8", HOME: folder, TMPDIR: folder, NO_COLOR: "1", TERM: "dumb" };
}

/** Resolves once the program and all it started are gone; never rejects. */
export function runProgram(run: ProgramRun, clock: Clock): Promise<ProgramResult> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(run.program, run.args, { cwd: run.folder, env: environment(run.folder), stdio: ["pipe", "pipe", "pipe"], detached: true, shell: false });
    } catch (error) {
      resolve({ kind: "not-started", reason: String(error) });
      return;
    }
    watch(child, run, clock, resolve);
  });
}

function watch(child: ChildProcess, run: ProgramRun, clock: Clock, resolve: (result: ProgramResult) => void): void {
  let broken: ProgramResult | undefined;
  const end = (reason: ProgramResult): void => {
    broken ??= reason;
    killGroup(child.pid);
  };
  const looking = clock.every(lookMs, () => {
    if (child.pid !== undefined && processesOf(child.pid) > run.processesMax) end({ kind: "too-many-processes" });
    else if (bytesBelow(run.folder) > run.diskBytesMax) end({ kind: "too-much-disk" });
  });
  const timer = clock.after(run.timeoutMs, () => end({ kind: "timed-out" }));
  const stdout = collect(child.stdout, run.outputBytesMax, () => end({ kind: "too-much-output" }));
  const stderr = collect(child.stderr, run.outputBytesMax, () => end({ kind: "too-much-output" }));
  if (child.pid !== undefined) run.onGroup(child.pid);
  child.on("error", (error) => (broken ??= { kind: "not-started", reason: error.message }));
  // What the program started and left behind goes with it: "close" comes when the last holder of its output is gone.
  child.on("exit", () => killGroup(child.pid));
  child.on("close", (code, signal) => {
    clock.clear(timer);
    clock.clear(looking);
    run.onGroup(0);
    if (broken !== undefined) resolve(broken);
    else if (code === null) resolve({ kind: "signalled", signal: signal ?? "an unknown signal" });
    else resolve({ kind: "exited", code, stdout: stdout(), stderr: stderr() });
  });
  // A program need not read its input to the end.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(run.stdin);
}

/** Keeps what a stream brings up to the limit; the returned function gives it as text. */
function collect(stream: NodeJS.ReadableStream | null, bytesMax: number, onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let total = 0;
  stream?.on("data", (chunk: Buffer) => {
    total += chunk.length;
    if (total > bytesMax) onTooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

/** Kills a program and everything it started; a group that is gone already is no error. */
export function killGroup(processGroup: number | undefined): void {
  if (processGroup === undefined || processGroup <= 0) return;
  try {
    process.kill(-processGroup, "SIGKILL");
  } catch {
    // ESRCH: nobody is left. EPERM: whoever is left runs as someone else, out of reach.
  }
}
