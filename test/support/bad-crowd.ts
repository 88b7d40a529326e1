/** A crowd of bad clients (bad-clients.ts) in a process of its own, so that what they cost is not measured as the service's. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BadKind } from "./bad-clients.js";
import type { FromCrowd, ToCrowd } from "./bad-crowd-program.js";

const program = fileURLToPath(new URL("./bad-crowd-program.js", import.meta.url));

export class BadCrowd {
  private readonly child: ChildProcess = fork(program);
  private last: FromCrowd = { open: 0, endings: {} };

  constructor(private readonly port: number) {
    this.child.on("message", (message: FromCrowd) => (this.last = message));
  }

  /** `count` clients that take turns to be of one of `clients`' kinds, over `overMs`. */
  add(clients: readonly BadKind[], path: string, count: number, overMs: number): void {
    this.tell({ kind: "add", port: this.port, path, clients, count, overMs });
  }

  /** How the server ended those that are not open any more, by what it told them: "408", or "" for nothing. */
  get endings(): Readonly<Record<string, number>> {
    return this.last.endings;
  }

  get ended(): number {
    return Object.values(this.last.endings).reduce((sum, count) => sum + count, 0);
  }

  get open(): number {
    return this.last.open;
  }

  /** All leave by themselves; what was counted is forgotten. */
  disperse(): void {
    this.tell({ kind: "stop" });
  }

  async stop(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }

  private tell(message: ToCrowd): void {
    this.child.send(message);
  }
}
