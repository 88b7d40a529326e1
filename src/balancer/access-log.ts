/**
 * The access log: takes the shards' records every few milliseconds, gives their numbers names, writes one JSON object a line. What a slow
 * disk does not take is dropped and counted, never waited for. Must not know requests.
 */
import { createWriteStream, openSync } from "node:fs";
import type { Writable } from "node:stream";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import { type Logger, logStream } from "../base/logger.js";
import { accessReasons } from "../shard/access-recorder.js";
import type { AccessRecord, AccessRing } from "../shard/access-ring.js";
import type { SlotBook } from "./slots.js";

export interface AccessLogOptions {
  /** An absolute path, or "stderr". */
  readonly path: string;
  /** How often records are taken: the rings hold what shards at full speed make in twice the time. */
  readonly periodMs: number;
  /** Lines that the disk has not taken yet; further ones are dropped. */
  readonly bytesHeldMax: number;
  /** A disk that hangs must not keep a process that is told to stop. */
  readonly closeTimeoutMs: number;
}

export const defaultAccessLogOptions: Omit<AccessLogOptions, "path"> = { periodMs: 50, bytesHeldMax: 8 * 1024 * 1024, closeTimeoutMs: 2_000 };

/** Taken of a ring at once: what a shard at full speed makes in a period. At 3 µs a line that is 12 ms of the main thread, so many shards at full speed want a sample. */
const recordsAtOnceMax = 4_096;

export class AccessLog {
  /** Lines that were handed to the system. */
  written = 0;
  /** Records that were taken and not written. */
  dropped = 0;
  private readonly out: Writable;
  private readonly timer: Timer;
  private failed = false;

  /** Opens the file. Throws a UserError when it cannot be written. */
  constructor(
    private readonly rings: readonly AccessRing[],
    private readonly slots: SlotBook,
    private readonly options: AccessLogOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.out = options.path === "stderr" ? logStream() : fileAt(options.path);
    if (options.path !== "stderr") this.out.on("error", (error) => this.fail(error));
    this.timer = clock.every(options.periodMs, () => this.takeAll());
  }

  /** Writes what is left; resolves when the system has it. The shards have ended. */
  async close(): Promise<void> {
    this.clock.clear(this.timer);
    while (this.takeAll() > 0);
    if (this.options.path === "stderr") return;
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      timer = this.clock.after(this.options.closeTimeoutMs, resolve);
      this.out.once("error", () => resolve());
      this.out.end(() => resolve());
    });
    this.clock.clear(timer);
  }

  private takeAll(): number {
    let taken = 0;
    for (const ring of this.rings) {
      const records = ring.take(recordsAtOnceMax);
      taken += records.length;
      if (records.length > 0) this.write(records);
    }
    return taken;
  }

  private write(records: readonly AccessRecord[]): void {
    if (this.failed || this.out.writableLength > this.options.bytesHeldMax) {
      this.dropped += records.length;
      return;
    }
    this.written += records.length;
    this.out.write(records.map((record) => accessLine(record, this.slots)).join(""));
  }

  /** A full disk is no reason to stop serving. */
  private fail(error: unknown): void {
    if (!this.failed) this.logger.error("the access log cannot be written any more; its lines are dropped", { path: this.options.path, reason: messageOf(error) });
    this.failed = true;
  }
}

/** What the slots' owners are called now. */
export type SlotNames = Pick<SlotBook, "nameOf">;

export function accessLine(record: AccessRecord, slots: SlotNames): string {
  const { wallMs, durationMs, languageSlot, versionSlot, workerSlot, attempts, status, reason, sourceBytes, spilled, requestId, traceId } = record;
  const line = {
    time: new Date(wallMs).toISOString(),
    msg: "request",
    requestId,
    ...(traceId !== "" && { traceId }),
    language: slots.nameOf("language", languageSlot),
    version: slots.nameOf("version", versionSlot).split(" ")[1] ?? "",
    worker: slots.nameOf("worker", workerSlot),
    attempts,
    ...(spilled && { spilled }),
    status,
    reason: accessReasons[reason] ?? "",
    bytes: sourceBytes,
    durationMs: Math.round(durationMs * 100) / 100,
  };
  return `${JSON.stringify(line)}\n`;
}

/** At its end: processes that replace one another write into the same file, each whole lines. */
function fileAt(path: string): Writable {
  try {
    return createWriteStream("", { fd: openSync(path, "a", 0o640) });
  } catch (thrown) {
    throw new UserError(`accessLog.path ${path}: cannot be written: ${messageOf(thrown)}`);
  }
}
