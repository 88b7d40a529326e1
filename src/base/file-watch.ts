/**
 * Notices that a file may have a new content, however it came there: written in place, renamed over, or a
 * symbolic link on its path swapped. Must not know what is in the file.
 *
 * The kernel's events say when to look, the file's identity (device, inode, size, times; links followed) says
 * whether anything changed, and looking every now and then finds what sends no event: a link swapped elsewhere
 * on the path, a network file system, a directory that was replaced.
 */
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Clock, Timer } from "./clock.js";
import { codeOf, messageOf } from "./errors.js";
import type { Logger } from "./logger.js";

export interface FileWatchOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A file must look the same for this long: an editor or `cp` truncates first and writes then. */
  readonly settleMs: number;
  /** Looking costs two stat calls. */
  readonly pollMs: number;
  /** The file may have changed and has settled. */
  readonly onChange: () => void;
}

export class FileWatch {
  /** What `onChange` was last called for; undefined: to be called for anything. */
  private told: string | undefined;
  /** What the last look saw, when it was something else, and since when. */
  private seen: { readonly identity: string; readonly sinceMs: number } | undefined;
  private watcher: FSWatcher | undefined;
  private watchedDirectory = "";
  private pollTimer: Timer | undefined;
  private lookTimer: Timer | undefined;
  private stopped = false;
  private warned = false;

  constructor(private readonly options: FileWatchOptions) {}

  /** Call before the first read: a change during that read is then noticed. */
  async start(): Promise<void> {
    this.told = await identityOf(this.options.path);
    await this.keepWatching();
    if (this.stopped) return;
    this.pollTimer = this.options.clock.every(this.options.pollMs, () => void this.keepWatching().then(() => this.look()));
  }

  stop(): void {
    this.stopped = true;
    this.options.clock.clear(this.pollTimer);
    this.options.clock.clear(this.lookTimer);
    this.watcher?.close();
    this.watcher = undefined;
  }

  /** Opens the directory's watcher when there is none, or another directory stands in its place. */
  private async keepWatching(): Promise<void> {
    const directory = dirname(this.options.path);
    const identity = await placeOf(directory);
    if (this.stopped || (this.watcher !== undefined && identity === this.watchedDirectory)) return;
    this.watcher?.close();
    this.watcher = undefined;
    this.watchedDirectory = identity;
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => this.onEvent(name));
      watcher.on("error", () => {
        watcher.close();
        if (this.watcher === watcher) this.watcher = undefined;
      });
      this.watcher = watcher;
    } catch (thrown) {
      if (!this.warned) {
        this.options.logger.warn("the directory of a watched file cannot be watched; looking at the file now and then instead", { directory, pollMs: this.options.pollMs, reason: messageOf(thrown) });
      }
      this.warned = true;
    }
  }

  private onEvent(name: string | null): void {
    // An event for the file itself is believed even when times and size stayed: clocks of file systems are coarse.
    if (name === null || name === basename(this.options.path)) this.told = undefined;
    this.lookSoon();
  }

  private lookSoon(): void {
    if (this.stopped) return;
    // Not put off by further events: in a busy directory it would never come.
    this.lookTimer ??= this.options.clock.after(this.options.settleMs, () => {
      this.lookTimer = undefined;
      void this.look();
    });
  }

  private async look(): Promise<void> {
    const identity = await identityOf(this.options.path);
    if (this.stopped) return;
    if (identity === this.told) {
      this.seen = undefined;
      return;
    }
    const nowMs = this.options.clock.nowMs();
    if (this.seen?.identity !== identity) this.seen = { identity, sinceMs: nowMs };
    if (nowMs - this.seen.sinceMs < this.options.settleMs) {
      this.lookSoon();
      return;
    }
    this.told = identity;
    this.seen = undefined;
    this.options.onChange();
  }
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  } catch (thrown) {
    return codeOf(thrown);
  }
}

async function placeOf(directory: string): Promise<string> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true });
    return `${dev}:${ino}`;
  } catch (thrown) {
    return codeOf(thrown);
  }
}
