/**
 * Makes durable what was created, renamed or removed in a directory: syncing a file says nothing of its name (fsync(2), "Calling
 * fsync() does not necessarily ensure that the entry in the directory containing the file has also reached disk"). Must not know what is in it.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
