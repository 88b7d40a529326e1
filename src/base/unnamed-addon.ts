/**
 * Native code that is part of one executable file. The system's loader maps only files, so the bytes go into one without a name
 * (unnamed-file.ts). Where no folder may hold code, as in a container
 * with a read-only root, they may lie beside the executable. Must not know what the code is.
 */
import { closeSync, readFileSync, statSync } from "node:fs";
import { messageOf, UserError } from "./errors.js";
import { inFirstFolder, pathOfUnnamed, unnamedFileIn } from "./unnamed-file.js";

/**
 * Loads the code into this process, from the first folder that lets it, and returns the path by which its threads load it again. To be
 * called on the main thread first. The file stays open for as long as the process lives.
 */
export function loadUnnamed(bytes: Uint8Array): string {
  try {
    return inFirstFolder([process.env["RUNTIME_DIRECTORY"], process.env["XDG_RUNTIME_DIR"], "/dev/shm", "/tmp"], (folder) => loadFrom(folder, bytes));
  } catch (thrown) {
    throw new UserError(`the native HTTP server could not be loaded from any folder (${messageOf(thrown)}); one of them must allow files to be made and mapped as code, as /tmp does unless it is mounted noexec`);
  }
}

/** Loads the code from the file at `path` if it is just these bytes, and returns that path; undefined otherwise. What was left there by another version is not used. */
export function loadBeside(path: string, bytes: Uint8Array): string | undefined {
  if (!holds(path, bytes)) return undefined;
  process.dlopen({ exports: {} }, path);
  return path;
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    return statSync(path).size === bytes.length && readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

function loadFrom(folder: string, bytes: Uint8Array): string {
  const file = unnamedFileIn(folder, bytes, 0o700);
  try {
    const path = pathOfUnnamed(file);
    process.dlopen({ exports: {} }, path);
    return path;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}
