/**
 * Native code that is part of one executable file. The system's loader maps only files, so the bytes go into one without a name
 * (O_TMPFILE): nobody can put another in its place, and nothing is left behind. Where no folder may hold code, as in a container
 * with a read-only root, they may lie beside the executable. Must not know what the code is.
 */
import { closeSync, constants, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { messageOf, UserError } from "./errors.js";

/** Linux's O_TMPFILE, which Node does not name. */
const unnamedFile = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR;

/**
 * Loads the code into this process, from the first folder that lets it, and returns the path by which its threads load it again. To be
 * called on the main thread first. The file stays open for as long as the process lives.
 */
export function loadUnnamed(bytes: Uint8Array): string {
  const folders = [process.env["RUNTIME_DIRECTORY"], process.env["XDG_RUNTIME_DIR"], "/dev/shm", "/tmp"].filter((folder) => folder !== undefined);
  const failures: string[] = [];
  for (const folder of folders) {
    try {
      return loadFrom(folder, bytes);
    } catch (error) {
      failures.push(`${folder}: ${messageOf(error)}`);
    }
  }
  throw new UserError(`the native HTTP server could not be loaded from any folder (${failures.join("; ")}); one of them must allow files to be made and mapped as code, as /tmp does unless it is mounted noexec`);
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
  const file = openSync(folder, unnamedFile, 0o700);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    const path = `/proc/self/fd/${file}`;
    process.dlopen({ exports: {} }, path);
    return path;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}
