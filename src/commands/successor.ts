/**
 * SIGUSR2: the same command again, as the successor of this process. One that fails leaves this process serving. Must not
 * know what the command does.
 */
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Logger } from "../base/logger.js";
import { ownArguments, ownCommand } from "../base/program.js";

/**
 * Started through a shell that goes at once: a service manager takes only its own children, and what their end leaves to it, for a
 * part of the service. The successor keeps the pipe on descriptor 3 open for as long as it lives.
 */
const startDetached = 'setsid "$@" &';

export class Successors {
  private allowed = false;
  private starting = false;

  /** Takes the signal at once: by default it would end a process that is still starting. */
  constructor(private readonly logger: Logger) {
    process.on("SIGUSR2", () => this.start());
  }

  allow(): void {
    this.allowed = true;
  }

  refuse(): void {
    this.allowed = false;
  }

  private start(): void {
    if (!this.allowed || this.starting) {
      this.logger.warn("no successor is started", { reason: this.starting ? "one is starting already" : "this process is not serving" });
      return;
    }
    this.starting = true;
    const command = ownCommand([...ownArguments().filter((argument) => argument !== "--replace"), "--replace"]);
    // It is watched in this process's stead, once it has told the service manager that it is the main one.
    const environment = { ...process.env };
    delete environment["WATCHDOG_PID"];
    const child = spawn("/bin/sh", ["-c", startDetached, "sh", ...command], {
      stdio: ["inherit", "inherit", "inherit", "pipe"],
      env: environment,
    });
    child.unref();
    this.logger.info("starting a successor");
    child.once("error", (error) => this.failed(error.message));
    const life = child.stdio[3];
    if (!(life instanceof Socket)) return;
    life.unref();
    life.resume();
    life.once("close", () => this.failed("it ended; its own messages say why"));
  }

  private failed(reason: string): void {
    if (!this.starting) return;
    this.starting = false;
    if (this.allowed) this.logger.error("the successor did not take over; this process goes on", { reason });
  }
}
