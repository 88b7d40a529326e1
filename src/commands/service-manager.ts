/**
 * What a process tells the service manager that started it: systemd's notification protocol (sd_notify(3)), and nothing
 * where there is none. Node cannot send to a UNIX datagram socket, and starting `systemd-notify` anew from a large process stops
 * its event loop for 12 ms; so a small shell is started early, and starts it. Must not know who uses it.
 */
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";

/** One line in, one message out, one line back when it has been taken. */
const notifyLoop = `
while IFS='	' read -r first second third; do
  systemd-notify "$first" \${second:+"$second"} \${third:+"$third"} && echo taken || echo lost
done`;

/** How long a message may take: the manager is busy at boot, and never for long. */
const tellTimeoutMs = 5_000;

/** Watchdog messages per period: one may be late without harm. */
const watchdogMessagesPerPeriod = 3;

export class ServiceManager {
  /** Who waits for the answer to which message, in the order they were sent. */
  private readonly waiting: ((taken: boolean) => void)[] = [];
  private heard = "";

  private constructor(
    private readonly loop: { readonly stdin: Writable; readonly stdout: Readable } | undefined,
    private readonly logger: Logger,
  ) {
    loop?.stdout.on("data", (chunk: Buffer) => this.hear(chunk.toString()));
    loop?.stdin.on("error", () => this.lostAll());
    loop?.stdout.on("close", () => this.lostAll());
  }

  /** To be called before the process grows. */
  static connect(logger: Logger): ServiceManager {
    if (process.env["NOTIFY_SOCKET"] === undefined) return new ServiceManager(undefined, logger);
    const child = spawn("/bin/sh", ["-c", notifyLoop], { stdio: ["pipe", "pipe", "inherit"] });
    child.on("error", (error) => logger.error("the service manager cannot be told anything", { reason: error.message }));
    child.unref();
    // Its pipes are sockets, and must not keep this process alive.
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
    return new ServiceManager(child, logger);
  }

  /** Up to three assignments, such as READY=1 and STATUS=…, without tabs or line ends. Resolves when the manager has them, or has not for 5 s. */
  tell(...assignments: readonly string[]): Promise<void> {
    const { loop } = this;
    if (loop === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = systemClock.after(tellTimeoutMs, () => this.settle(settled, false));
      const settled = (taken: boolean): void => {
        systemClock.clear(timer);
        if (!taken) this.logger.warn("the service manager did not take a message", { message: assignments.join(" ") });
        resolve();
      };
      this.waiting.push(settled);
      loop.stdin.write(`${assignments.join("\t")}\n`);
    });
  }

  /**
   * Tells the manager at every third of WatchdogSec= that this process is well; it is ended and started again when that stays away.
   * `isWell` may take its time: the next question waits for it.
   */
  startWatchdog(isWell: () => Promise<boolean>): void {
    const periodMs = watchdogPeriodMs(process.env, process.pid);
    if (this.loop === undefined || periodMs === undefined) return;
    let asking = false;
    const ask = async (): Promise<void> => {
      if (asking) return;
      asking = true;
      if (await isWell().catch(() => false)) await this.tell("WATCHDOG=1");
      else this.logger.error("not well: the service manager will hear nothing of this process until it is");
      asking = false;
    };
    systemClock.every(periodMs / watchdogMessagesPerPeriod, () => void ask());
  }

  private hear(text: string): void {
    const lines = (this.heard + text).split("\n");
    this.heard = lines.pop() ?? "";
    for (const line of lines) this.waiting.shift()?.(line === "taken");
  }

  /** A message that timed out keeps its place in the order; its answer may still come. */
  private settle(settled: (taken: boolean) => void, taken: boolean): void {
    const index = this.waiting.indexOf(settled);
    if (index >= 0) this.waiting[index] = () => undefined;
    settled(taken);
  }

  private lostAll(): void {
    for (const settled of this.waiting.splice(0)) settled(false);
  }
}

/** How often the manager wants to hear of process `pid`; undefined when it does not. A successor has no WATCHDOG_PID (see successor.ts). */
export function watchdogPeriodMs(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { WATCHDOG_USEC: periodUs, WATCHDOG_PID: watched } = environment;
  if (periodUs === undefined || (watched !== undefined && watched !== String(pid))) return undefined;
  const periodMs = Number(periodUs) / 1_000;
  return Number.isFinite(periodMs) && periodMs > 0 ? periodMs : undefined;
}
