/** What a `command` linter needs before its worker starts: the program's path and a folder that vanishes with the process. */
import { accessSync, constants, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { codeOf, UserError } from "../base/errors.js";

/** The absolute path of a program, looked for as a shell would. */
export function findProgram(name: string): string {
  const candidates = name.includes("/") ? [resolve(name)] : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  const where = name.includes("/") ? "there is no executable file of that name" : "it is in no folder of PATH";
  throw new UserError(`The program "${name}" cannot be run: ${where}. Install it, or give its full path after "--".`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A new folder for sources and programs' temporary files, removed when the process exits. */
export function makeWorkFolder(): string {
  const prefix = `lintel-linter-${processNamespace()}-`;
  removeOrphans(prefix);
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  process.on("exit", () => removeFolder(folder));
  return folder;
}

/** What workers left that were killed before they could clear it away: their folders, and programs that still run in them. */
function removeOrphans(prefix: string): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : 0;
    if (pid <= 0 || !hasEnded(pid)) continue;
    const folder = join(tmpdir(), name);
    endProgramsIn(folder);
    removeFolder(folder);
  }
}

/** A program is started in its run's folder, as the first of a process group. */
function endProgramsIn(folder: string): void {
  for (const name of process.platform === "linux" ? readdirSync("/proc") : []) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/cwd`).startsWith(`${folder}/`)) process.kill(Number(name), "SIGKILL");
    } catch {
      // Gone meanwhile, or another user's.
    }
  }
}

/** Process ids mean something within one namespace only, and containers may share a folder for temporary files. "0" where there are none. */
function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
  } catch {
    return "0";
  }
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function removeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's, or a program still holds something open: the operating system clears its temporary files.
  }
}
