/**
 * Who may use a store's file: one manager alone, or several that all said they share it; and of those one writer at a
 * time. Must not know what is in the file.
 */
import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { stat } from "node:fs/promises";
import { type Clock } from "../../base/clock.js";
import { UserError } from "../../base/errors.js";
import { askHolder, lockWithin, type ProcessLock, tryLock } from "../../base/process-lock.js";

/** Three replicas are many; each place is one question at the start of a manager that wants the store alone. */
const sharersMax = 16;

/** A write takes milliseconds; several writers find the lock free within a few looks. */
const writeLockPauseMs = 2;

export class StoreLocks {
  private constructor(
    private readonly names: LockNames,
    private readonly held: ProcessLock,
    private readonly clock: Clock,
  ) {}

  /** `path` is that of the store's file, its directory exists. Throws a UserError that names whoever has the store. */
  static async hold(path: string, storeName: string, shared: boolean, clock: Clock): Promise<StoreLocks> {
    const names = await namesOf(path);
    return new StoreLocks(names, shared ? await shareStore(names, storeName) : await ownStore(names, storeName), clock);
  }

  /** The right to write; undefined when another writer has had it all the time. */
  forWriting(timeoutMs: number): Promise<ProcessLock | undefined> {
    return lockWithin(this.names.writer, timeoutMs, writeLockPauseMs, this.clock);
  }

  /** The process id of the writer; "" when there is none. */
  writer(): Promise<string> {
    return askHolder(this.names.writer);
  }

  release(): Promise<void> {
    return this.held.release();
  }
}

interface LockNames {
  readonly owner: string;
  readonly writer: string;
  readonly sharers: readonly string[];
}

/** By the directory's identity: one store has many paths. */
async function namesOf(path: string): Promise<LockNames> {
  const { dev, ino } = await stat(dirname(path), { bigint: true });
  const file = createHash("sha256").update(basename(path)).digest("hex").slice(0, 12);
  const name = `lintel-store-${dev}-${ino}-${file}`;
  return { owner: `${name}-owner`, writer: `${name}-writer`, sharers: Array.from({ length: sharersMax }, (_, place) => `${name}-sharer-${place}`) };
}

/** First one's own lock, then a look at the other kind: of two that start at once, at most one goes on. */
async function ownStore({ owner, sharers }: LockNames, storeName: string): Promise<ProcessLock> {
  const lock = await tryLock(owner);
  if (lock === undefined) throw heldByAnother(storeName, await askHolder(owner));
  for (const sharer of sharers) {
    const pid = await askHolder(sharer);
    if (pid === "") continue;
    await lock.release();
    throw new UserError(`the store ${storeName} is shared by the manager with process id ${pid}; stop it, or start this one with --shared-store, too`);
  }
  return lock;
}

async function shareStore({ owner, sharers }: LockNames, storeName: string): Promise<ProcessLock> {
  for (const sharer of sharers) {
    const lock = await tryLock(sharer);
    if (lock === undefined) continue;
    const pid = await askHolder(owner);
    if (pid === "") return lock;
    await lock.release();
    throw heldByAnother(storeName, pid);
  }
  throw new UserError(`the store ${storeName} is shared by ${sharersMax} managers already, and that is the limit; stop one of them`);
}

function heldByAnother(storeName: string, pid: string): UserError {
  return new UserError(`the store ${storeName} is held by the manager with process id ${pid || "unknown"}; stop it, choose another store, or start both with --shared-store`);
}
