/** What a `command` linter needs before its worker starts: the program's path and a folder that vanishes with the process. */
import { accessSync, constants, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { UserError } from "../base/errors.js";

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
  const folder = mkdtempSync(join(tmpdir(), "lintel-linter-"));
  process.on("exit", () => {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // The process is ending; what a program still holds open the operating system clears with its temporary files.
    }
  });
  return folder;
}
