/** Workers of a known capacity (limited-worker.ts), and how late the machine lets them be. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { median } from "./alternation.js";
import type { FromLimitedWorker } from "./limited-worker.js";

const program = fileURLToPath(new URL("./limited-worker.js", import.meta.url));

export class LimitedFleet {
  readonly addresses: string[] = [];
  private readonly lateP99s: number[] = [];
  private readonly children: ChildProcess[] = [];

  /** Starts `count` workers with these flags; resolves when they serve. */
  async start(count: number, flags: Readonly<Record<string, number>>): Promise<void> {
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    await Promise.all(
      Array.from({ length: count }, async () => {
        const child = fork(program, args);
        this.children.push(child);
        const [message] = (await once(child, "message")) as [FromLimitedWorker];
        if (message.kind === "listening") this.addresses.push(`127.0.0.1:${message.port}`);
        child.on("message", (later: FromLimitedWorker) => later.kind === "late" && this.lateP99s.push(later.p99Ms));
      }),
    );
  }

  /** What a process that does next to nothing waits for the processor: the median of every second's p99. */
  get lateP99Ms(): number {
    return median(this.lateP99s);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }),
    );
  }
}
