/**
 * What managers of one store file tell each other of their balancers: each has a file of its own in one directory, replaced as a
 * whole and watched by all. Must not know what a report says.
 *
 * Not synced: it says who is connected, which ends with the system whose crash could lose it.
 */
import { type FSWatcher, watch } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import { type FleetExchange, type FleetReport, type HeardReport, reportIn, type SharedFleetOptions } from "./shared-fleet.js";

export interface FleetFilesOptions {
  readonly directory: string;
  /** Of this manager: another one for every process. Letters, digits, "-" and "." alone. */
  readonly manager: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times?: FleetFilesTimes;
}

export interface FleetFilesTimes {
  /** Acknowledgements of a change come within milliseconds of each other; they are written together. */
  readonly settleMs: number;
  /** Written anew though nothing changed, so that others know that this one is there. So often all look, too, should an event be lost. */
  readonly heartbeatMs: number;
  /** A file that did not change for so long is of a manager that is gone; any other removes it. */
  readonly removedMs: number;
}

export const defaultFleetFilesTimes: FleetFilesTimes = { settleMs: 5, heartbeatMs: 1_000, removedMs: 60_000 };

/** On one machine: five heartbeats; and three times what a balancer takes to leave a manager that is silent (7 s). */
export const fleetFilesSharing: SharedFleetOptions = { silentMs: 5_000, forgottenMs: 20_000 };

/** A file is one line with the number of the heartbeat, and one with the report. */
interface Entry {
  readonly beat: string;
  readonly said: string;
  readonly report: FleetReport | undefined;
  readonly heardMs: number;
}

const ending = ".json";

export class FleetFiles implements FleetExchange {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners: (() => void)[] = [];
  private readonly times: FleetFilesTimes;
  private readonly own: string;
  private report: FleetReport = { balancers: [], waiting: [] };
  private beat = 0;
  private writeTimer: Timer | undefined;
  private pollTimer: Timer | undefined;
  private watcher: FSWatcher | undefined;
  private writing: Promise<void> | undefined;
  private looking: Promise<void> | undefined;
  private isDirty = false;
  private mustLookAgain = false;
  private closed = false;
  private complained = "";

  constructor(private readonly options: FleetFilesOptions) {
    this.times = options.times ?? defaultFleetFilesTimes;
    this.own = `${options.manager}${ending}`;
  }

  /** Resolves when what the others have written is known. */
  async start(): Promise<void> {
    const { clock } = this.options;
    this.later(0);
    await this.watched();
    await this.look();
    if (!this.closed) this.pollTimer = clock.every(this.times.heartbeatMs, () => void this.watched().then(() => this.look()));
  }

  tell(report: FleetReport): void {
    this.report = report;
    this.isDirty = true;
    if (this.writing === undefined) this.later(this.times.settleMs);
  }

  others(): readonly HeardReport[] {
    return [...this.entries].flatMap(([name, { report, heardMs }]) => (report === undefined ? [] : [{ ...report, manager: name.slice(0, -ending.length), heardMs }]));
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Takes its file away: its balancers follow others from now on. */
  async close(): Promise<void> {
    const { clock, directory } = this.options;
    this.closed = true;
    clock.clear(this.writeTimer);
    clock.clear(this.pollTimer);
    this.watcher?.close();
    await this.writing;
    await this.looking;
    await unlink(join(directory, this.own)).catch(() => undefined);
  }

  private later(ms: number): void {
    const { clock } = this.options;
    if (this.closed) return;
    clock.clear(this.writeTimer);
    this.writeTimer = clock.after(ms, () => {
      this.isDirty = false;
      this.writing = this.write().then((isWritten) => {
        this.writing = undefined;
        this.later(this.isDirty && isWritten ? this.times.settleMs : this.times.heartbeatMs);
      });
    });
  }

  /** Never rejects. */
  private async write(): Promise<boolean> {
    const { directory } = this.options;
    const beside = join(directory, `${this.own}.new`);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(beside, `${++this.beat}\n${JSON.stringify(this.report)}`, { mode: 0o600 });
      await rename(beside, join(directory, this.own));
      this.complained = "";
      return true;
    } catch (thrown) {
      this.complain("other managers cannot be told of this one's balancers", thrown);
      return false;
    }
  }

  private complain(what: string, thrown: unknown): void {
    const reason = messageOf(thrown);
    if (reason !== this.complained) this.options.logger.warn(what, { directory: this.options.directory, reason });
    this.complained = reason;
  }

  /** Where events cannot be had, looking now and then has to do. */
  private async watched(): Promise<void> {
    const { directory } = this.options;
    if (this.watcher !== undefined || this.closed) return;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const watcher = watch(directory, { persistent: false }, () => void this.look());
      watcher.on("error", () => {
        watcher.close();
        if (this.watcher === watcher) this.watcher = undefined;
      });
      this.watcher = watcher;
    } catch (thrown) {
      this.complain("what other managers tell of their balancers is looked for now and then alone", thrown);
    }
  }

  /** One look at a time; what happens meanwhile is looked at again. Never rejects. */
  private async look(): Promise<void> {
    this.mustLookAgain = true;
    this.looking ??= this.lookWhileNeeded().finally(() => (this.looking = undefined));
    await this.looking;
  }

  private async lookWhileNeeded(): Promise<void> {
    while (this.mustLookAgain && !this.closed) {
      this.mustLookAgain = false;
      const isNews = await this.lookOnce().catch((thrown: unknown) => this.complain("what other managers tell of their balancers cannot be read", thrown));
      if (isNews === true) for (const listener of this.listeners) listener();
    }
  }

  /** Whether there is anything new. */
  private async lookOnce(): Promise<boolean> {
    const names = (await readdir(this.options.directory)).filter((name) => !name.startsWith(this.own));
    let isNews = false;
    for (const name of this.entries.keys()) if (!names.includes(name)) isNews = this.entries.delete(name) || isNews;
    for (const name of names) isNews = (await this.lookAt(name)) || isNews;
    return isNews;
  }

  private async lookAt(name: string): Promise<boolean> {
    const { clock, directory } = this.options;
    const path = join(directory, name);
    try {
      const ageMs = Math.max(0, clock.wallMs() - (await stat(path)).mtimeMs);
      if (ageMs > this.times.removedMs) {
        await unlink(path);
        return this.entries.delete(name);
      }
      if (!name.endsWith(ending)) return false;
      const [beat = "", said = ""] = (await readFile(path, "utf8")).split("\n", 2);
      const before = this.entries.get(name);
      if (before?.beat === beat) return false;
      // One that was killed before this manager started was not heard just now.
      const heardMs = clock.nowMs() - ageMs;
      this.entries.set(name, before?.said === said ? { ...before, beat, heardMs } : { beat, said, report: reportIn(said), heardMs });
      return before?.said !== said;
    } catch {
      // Gone between two calls: its manager ended.
      return this.entries.delete(name);
    }
  }
}
