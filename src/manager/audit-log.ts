/**
 * Who changed what, when and why, and what was refused: one JSON object a line, only ever appended to. Opened anew for every
 * record, so that it can be renamed away at any time. Must not know how a change is made.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, UserError } from "../base/errors.js";

export interface AuditRecord {
  readonly atUnixMs: number;
  readonly who: string;
  readonly what: string;
  readonly reason: string;
  /** "done", "unchanged", "dry-run", "refused". */
  readonly outcome: string;
  /** The one that the change made, or the newest when it made none. */
  readonly revision: number;
  /** Why it was refused. */
  readonly message?: string;
  readonly differences?: readonly string[];
  readonly requestId?: string;
  /** The manager was killed between the change and its record; written when it came back. */
  readonly recovered?: boolean;
}

export interface AuditLog {
  /** For messages: "/var/lib/lintel/audit.jsonl". */
  readonly name: string;
  /** `durable`: resolves when it is on the disk. Rejects when it cannot be written. */
  append(records: readonly AuditRecord[], durable: boolean): Promise<void>;
  /** The newest revision that a change made, as far as the last records tell; 0 when they tell of none. */
  lastRevision(): Promise<number>;
}

/** For a manager whose history is enough. */
export const noAuditLog: AuditLog = { name: "none", append: () => Promise.resolve(), lastRevision: () => Promise.resolve(Number.MAX_SAFE_INTEGER) };

/** Lines for whoever collects what this process says; nothing of it can be read back. */
export class StreamAuditLog implements AuditLog {
  constructor(
    readonly name: string,
    private readonly stream: NodeJS.WritableStream,
  ) {}

  append(records: readonly AuditRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.stream.write(records.map(lineOf).join(""), (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Whoever was killed before it could write a record left its change in the history. */
  lastRevision(): Promise<number> {
    return Promise.resolve(Number.MAX_SAFE_INTEGER);
  }
}

/** Hundreds of records; the last one that made a revision is among them. */
const tailBytes = 256 * 1024;
/** A record's sentences are cut off here, that nobody can fill a disk with one. */
const textCharactersMax = 2_000;

export class FileAuditLog implements AuditLog {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(readonly name: string) {}

  /** Throws a UserError when it cannot be written. */
  static async open(path: string): Promise<FileAuditLog> {
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const log = new FileAuditLog(path);
      await log.endLastLine();
      return log;
    } catch (thrown) {
      throw new UserError(`the audit log ${path} cannot be written: ${messageOf(thrown)}; give this user the right to, or choose another place with --audit-log`);
    }
  }

  append(records: readonly AuditRecord[], durable: boolean): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    const text = records.map(lineOf).join("");
    const appended = this.queue.then(() => this.withFile("a", async (file) => {
      await file.appendFile(text);
      if (durable) await file.sync();
    }));
    this.queue = appended.catch(() => undefined);
    return appended;
  }

  async lastRevision(): Promise<number> {
    const text = await this.tail();
    let last = 0;
    for (const line of text.split("\n")) {
      const revision = revisionIn(line);
      if (revision > last) last = revision;
    }
    return last;
  }

  /** A manager that was killed while it wrote leaves half a line, which must not swallow the next. */
  private async endLastLine(): Promise<void> {
    const text = await this.tail();
    await this.withFile("a", async (file) => {
      if (text !== "" && !text.endsWith("\n")) await file.appendFile("\n");
    });
  }

  private tail(): Promise<string> {
    return this.withFile(constants.O_RDONLY | constants.O_CREAT, async (file) => {
      const { size } = await file.stat();
      const length = Math.min(size, tailBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.subarray(0, bytesRead).toString("utf8");
    });
  }

  private async withFile<T>(flags: string | number, use: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await open(this.name, flags, 0o600);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }
}

function lineOf({ atUnixMs, ...record }: AuditRecord): string {
  const cut = (_key: string, value: unknown): unknown => (typeof value === "string" && value.length > textCharactersMax ? `${value.slice(0, textCharactersMax)}…` : value);
  return `${JSON.stringify({ at: new Date(atUnixMs).toISOString(), ...record }, cut)}\n`;
}

/** 0 when the line tells of no change, is cut off, or is somebody else's. */
function revisionIn(line: string): number {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("outcome" in value) || value.outcome !== "done") return 0;
    return "revision" in value && typeof value.revision === "number" ? value.revision : 0;
  } catch {
    return 0;
  }
}
