/**
 * What a running program uses up that no pipe shows: processes and room on the disk. Looked at from outside, because Node can set no
 * limits of the system for a child. Must not know what is done about it.
 */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../../base/errors.js";

/** Files in a run's folder: beyond so many, counting them takes longer than it may. */
const folderEntriesMax = 10_000;

/** Bytes on the disk below a folder; Infinity when there are more entries than can be counted. What vanishes meanwhile counts as nothing. */
export function bytesBelow(folder: string, entriesMax = folderEntriesMax): number {
  let bytes = 0;
  let entries = 0;
  const folders = [folder];
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    const names = unlessGone(() => readdirSync(path)) ?? [];
    entries += names.length;
    if (entries > entriesMax) return Infinity;
    for (const name of names) {
      const at = join(path, name);
      const entry = unlessGone(() => lstatSync(at));
      if (entry === undefined) continue;
      // What a file takes, not what it says: a sparse one takes little.
      bytes += entry.blocks * 512;
      if (entry.isDirectory()) folders.push(at);
    }
  }
  return bytes;
}

/** How many processes are of the group or of the session that its first one made; 0 where the system does not show them (not Linux). */
export function processesOf(group: number): number {
  let count = 0;
  for (const name of unlessGone(() => readdirSync("/proc")) ?? []) {
    if (!/^\d+$/.test(name)) continue;
    // "12 (a name) S parent group session …"; a name may have anything in it.
    const fields = unlessGone(() => readFileSync(`/proc/${name}/stat`, "latin1"))?.replace(/^.*\) /s, "").split(" ");
    if (Number(fields?.[2]) === group || Number(fields?.[3]) === group) count++;
  }
  return count;
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "ENOTDIR"].includes(codeOf(error))) return undefined;
    throw error;
  }
}
