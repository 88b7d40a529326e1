/**
 * The list of the worker processes that listen, on disk, so that the next manager finds what this one leaves behind. Must
 * not know what anybody does with them.
 *
 * Not synced: it says something of processes, which end with the system whose crash could lose it.
 */
import { readFileSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, messageOf } from "../../base/errors.js";
import type { Logger } from "../../base/logger.js";

export interface KeptWorker {
  readonly id: string;
  /** Of what it runs: only the same is taken over. */
  readonly fingerprint: string;
  readonly pid: number;
  /** So that a number that was given to another process since is never taken for it. */
  readonly identity: string;
  readonly port: number;
  /** It has been told to go. */
  readonly leaving: boolean;
}

export class KeptWorkers {
  private wanted: readonly KeptWorker[] = [];
  /** The write that is underway, or the last one. */
  private last: Promise<boolean> = Promise.resolve(true);
  /** The one after it, when somebody asked for it. */
  private next: Promise<boolean> | undefined;

  constructor(
    private readonly path: string,
    private readonly logger: Logger,
  ) {}

  /** What the last manager wrote; nothing when there is no list, or none that makes sense. */
  read(): readonly KeptWorker[] {
    try {
      const value = JSON.parse(readFileSync(this.path, "utf8")) as { format?: unknown; workers?: unknown };
      if (value.format === 1 && Array.isArray(value.workers)) return value.workers.filter(isKeptWorker);
      this.logger.warn("the list of workers left by an earlier manager is of a kind this program does not know; they are not looked for", { file: this.path });
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOENT") this.logger.warn("the list of workers left by an earlier manager cannot be read; they are not looked for", { file: this.path, reason: messageOf(thrown) });
    }
    return [];
  }

  /** Resolves with whether a list with at least these is on disk. One write at a time; what came meanwhile goes into the next. */
  write(workers: readonly KeptWorker[]): Promise<boolean> {
    this.wanted = workers;
    if (this.next === undefined) {
      this.next = this.last.then(() => {
        this.next = undefined;
        return this.writeNow();
      });
      this.last = this.next;
    }
    return this.next;
  }

  private async writeNow(): Promise<boolean> {
    try {
      const beside = `${this.path}.new`;
      await mkdir(dirname(this.path), { recursive: true });
      // Who may read it learns which processes there are, and nobody but their user may signal them.
      await writeFile(beside, `${JSON.stringify({ format: 1, workers: this.wanted }, null, 1)}\n`, { mode: 0o600 });
      await rename(beside, this.path);
      return true;
    } catch (thrown) {
      this.logger.warn("the list of workers cannot be written; they will end with this manager", { file: this.path, reason: messageOf(thrown) });
      return false;
    }
  }
}

function isKeptWorker(value: unknown): value is KeptWorker {
  const { id, fingerprint, pid, identity, port, leaving } = (typeof value === "object" && value !== null ? value : {}) as Partial<Record<keyof KeptWorker, unknown>>;
  // Numbers below 2 would mean process groups, or the system's first process.
  const numbers = Number.isInteger(pid) && (pid as number) > 1 && Number.isInteger(port);
  return numbers && typeof leaving === "boolean" && [id, fingerprint, identity].every((text) => typeof text === "string" && text !== "");
}
