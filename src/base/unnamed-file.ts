/**
 * Files without a name (Linux's O_TMPFILE): what is in them can be reached through their descriptor alone, nobody can put another in
 * their place, and nothing is left behind. For libraries that only read files. Must not know what is in them.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { messageOf } from "./errors.js";

/** Node does not name it. */
const unnamed = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR;

/** The descriptor of a new one on the folder's file system. Throws the system's error when the folder does not let it. */
export function unnamedFileIn(folder: string, bytes: Uint8Array, mode: number): number {
  const file = openSync(folder, unnamed, mode);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    return file;
  } catch (thrown) {
    closeSync(file);
    throw thrown;
  }
}

/** By which this process reaches the file while it is open. */
export function pathOfUnnamed(file: number): string {
  return `/proc/self/fd/${file}`;
}

/** What comes of the first folder where it does not throw; folders that are not there at all are left out. Throws with the reasons of all. */
export function inFirstFolder<T>(folders: readonly (string | undefined)[], make: (folder: string) => T): T {
  const failures: string[] = [];
  for (const folder of folders) {
    if (folder === undefined) continue;
    try {
      return make(folder);
    } catch (thrown) {
      failures.push(`${folder}: ${messageOf(thrown)}`);
    }
  }
  throw new Error(failures.join("; "));
}
