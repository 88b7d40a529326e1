/**
 * Which program an analysis thread is running right now, in memory that the network thread can read: a thread
 * that is killed cannot end its program itself. One number per thread. Must not know what the programs do.
 */
import { workerData } from "node:worker_threads";

/** What an analysis thread finds in its `workerData`. */
export interface SharedProcessGroup {
  /** One element: the process group, or 0. */
  readonly processGroup: Int32Array;
}

export function newSharedProcessGroup(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** The analysis thread's side. */
export const processGroups = {
  set(group: number): void {
    const shared = (workerData as Partial<SharedProcessGroup> | null)?.processGroup;
    if (shared !== undefined) Atomics.store(shared, 0, group);
  },
};

/** The network thread's side: the group, which is forgotten here. */
export function takeProcessGroup(shared: Int32Array): number {
  return Atomics.exchange(shared, 0, 0);
}
