/**
 * The store in one JSON file of this machine: written beside, synced, renamed, the directory synced. Several managers may
 * share it: every write takes a lock and looks first at what is there. Must not know what a configuration means.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, realpath, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { assert } from "../../base/assert.js";
import type { Clock } from "../../base/clock.js";
import { codeOf, messageOf, UserError } from "../../base/errors.js";
import { FileWatch } from "../../base/file-watch.js";
import type { Logger } from "../../base/logger.js";
import { syncDirectory } from "../../base/sync-directory.js";
import { formatSize } from "../../snapshot/quantities.js";
import { emptyConfiguration, type StoredConfiguration } from "../stored-configuration.js";
import type { Store, WriteOutcome } from "./store.js";
import { StoreLocks } from "./store-locks.js";
import { configurationFrom, textOf } from "./stored-text.js";

export interface FileStoreOptions {
  readonly path: string;
  /** Other managers may use it at the same time, if they say so, too. */
  readonly shared: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Twenty thousand workers by address are 1.3 MB, with the history of one change of all of them twice that. */
  readonly fileBytesMax?: number;
  /** A write takes milliseconds; on a disk that takes seconds an administrator is better told. */
  readonly lockTimeoutMs?: number;
  /** Events tell of other managers' writes; looking finds what sends none, such as a network file system. */
  readonly pollMs?: number;
}

const defaults = { fileBytesMax: 32 * 1024 * 1024, lockTimeoutMs: 5_000, pollMs: 1_000 };

/** What was last read or written and is known to be durable. */
interface Known {
  /** Undefined when there was no file. */
  readonly bytes: Buffer | undefined;
  readonly configuration: StoredConfiguration;
}

const nothingStored: Known = { bytes: undefined, configuration: emptyConfiguration };

export class FileStore implements Store {
  private known: Known = nothingStored;
  private watchers: FileWatch[] = [];
  private writes = 0;
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly name: string,
    /** The file's real place, whatever link led there. */
    readonly path: string,
    private readonly locks: StoreLocks,
    private readonly options: Required<FileStoreOptions>,
  ) {}

  /** Throws a UserError when another manager has the store, or the directory cannot be used. */
  static async open(given: FileStoreOptions): Promise<FileStore> {
    const options = { ...defaults, ...given };
    const path = await placeOf(options.path);
    const name = `file:${options.path}`;
    const store = new FileStore(name, path, await StoreLocks.hold(path, name, options.shared, options.clock), options);
    await store.removeLeftovers();
    return store;
  }

  read(): Promise<StoredConfiguration> {
    return this.inTurn(() => this.readNow());
  }

  private async readNow(): Promise<StoredConfiguration> {
    const bytes = await this.bytes();
    if (bytes === undefined) this.known = nothingStored;
    // The same bytes need no second look; thousands of workers would take it some time.
    else if (this.known.bytes === undefined || !bytes.equals(this.known.bytes)) {
      const configuration = configurationFrom(bytes.toString("utf8"), this.name);
      // Whoever wrote this may have been killed between renaming and syncing the directory.
      await syncDirectory(dirname(this.path));
      this.known = { bytes, configuration };
    }
    return this.known.configuration;
  }

  write(basedOn: number, next: StoredConfiguration): Promise<WriteOutcome> {
    assert(next.revision === basedOn + 1, "a write is one revision further than what it is based on");
    const bytes = Buffer.from(textOf(next));
    const { fileBytesMax } = this.options;
    if (bytes.length > fileBytesMax) {
      const reason = `the configuration would take ${formatSize(bytes.length)}, more than ${this.name} may hold (${formatSize(fileBytesMax)}); unregister what is not needed`;
      return Promise.resolve({ kind: "too-large", reason });
    }
    return this.inTurn(() => this.writeNow(basedOn, next, bytes));
  }

  private async writeNow(basedOn: number, next: StoredConfiguration, bytes: Buffer): Promise<WriteOutcome> {
    const { lockTimeoutMs } = this.options;
    const lock = await this.locks.forWriting(lockTimeoutMs);
    if (lock === undefined) {
      return { kind: "failed", reason: `the process ${(await this.locks.writer()) || "unknown"} has been writing to ${this.name} for ${lockTimeoutMs} ms; try again, and look at that process if it goes on` };
    }
    try {
      const current = await this.readNow();
      if (current.revision !== basedOn) return { kind: "conflict", current };
      await this.replace(bytes);
      this.known = { bytes, configuration: next };
      return { kind: "written" };
    } catch (thrown) {
      // Read again, and synced, before it is believed.
      this.known = nothingStored;
      return { kind: "failed", reason: thrown instanceof UserError ? thrown.message : `${this.name} cannot be written: ${explain(thrown)}` };
    } finally {
      await lock.release();
    }
  }

  watch(onChange: (configuration: StoredConfiguration) => void): void {
    const { clock, logger, pollMs } = this.options;
    let told = this.known.configuration.revision;
    const look = async (): Promise<void> => {
      const configuration = await this.read();
      const { revision } = configuration;
      if (revision < told) logger.warn("the store holds an older revision than it did; it is not taken over", { store: this.name, revision, newest: told });
      if (revision <= told) return;
      told = revision;
      onChange(configuration);
    };
    const lookOrSay = (): void => void look().catch((thrown: unknown) => logger.error("the store cannot be read", { store: this.name, reason: messageOf(thrown) }));
    const watcher = new FileWatch({ path: this.path, clock, logger, settleMs: 0, pollMs, onChange: lookOrSay });
    this.watchers.push(watcher);
    // What was written between the last read and the first look is found by looking once.
    void watcher.start().then(lookOrSay);
  }

  async close(): Promise<void> {
    for (const watcher of this.watchers) watcher.stop();
    this.watchers = [];
    await this.locks.release();
  }

  /** One at a time, so that what is known never goes back. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** Undefined when there is no file. */
  private async bytes(): Promise<Buffer | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw new UserError(`${this.name} cannot be read: ${explain(thrown)}`);
    }
    try {
      const state = await file.stat();
      if (!state.isFile()) throw new UserError(`${this.name} is not a file; name one that the manager can keep its configuration in`);
      const { fileBytesMax } = this.options;
      if (state.size > fileBytesMax) throw new UserError(`${this.name} has ${formatSize(state.size)}, more than the ${formatSize(fileBytesMax)} that are read; is it the manager's store?`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  }

  private async replace(bytes: Buffer): Promise<void> {
    // A name of its own: should the lock not hold, on a file system that several machines share, nobody writes into another's file.
    const beside = `${this.path}.${process.pid}-${++this.writes}${leftoverEnding}`;
    try {
      const file = await open(beside, "wx", 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.path);
    } catch (thrown) {
      await unlink(beside).catch(() => undefined);
      throw thrown;
    }
    await syncDirectory(dirname(this.path));
  }

  /** What killed managers left; with the writer's lock held, so that it is nobody's who is alive. */
  private async removeLeftovers(): Promise<void> {
    const lock = await this.locks.forWriting(this.options.lockTimeoutMs);
    if (lock === undefined) return;
    const folder = dirname(this.path);
    const names = await readdir(folder);
    for (const name of names) {
      if (name.startsWith(`${basename(this.path)}.`) && name.endsWith(leftoverEnding)) await unlink(join(folder, name)).catch(() => undefined);
    }
    await lock.release();
  }
}

const leftoverEnding = ".new";

/** The file's real place: a symbolic link must not be replaced by the file it stands for. */
async function placeOf(path: string): Promise<string> {
  if (path === "") throw new UserError("the store has no path; expected --store file:PATH");
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)));
  } catch (thrown) {
    throw new UserError(`the directory of the store file:${path} cannot be used: ${explain(thrown)}`);
  }
}

function explain(thrown: unknown): string {
  switch (codeOf(thrown)) {
    case "EACCES":
    case "EPERM":
      return "this user may not; give it the right to read and write there";
    case "ENOSPC":
    case "EDQUOT":
      return "there is no space left on the disk; make some";
    case "EROFS":
      return "the file system is read-only; choose a place that can be written";
    default:
      return messageOf(thrown);
  }
}
