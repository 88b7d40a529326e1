/** Workers of a known capacity (limited-worker.ts). */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./limited-worker.js", import.meta.url));

export class LimitedFleet {
  readonly addresses: string[] = [];
  private readonly children: ChildProcess[] = [];

  /** Starts `count` workers with these flags; resolves with their addresses when they serve. */
  async start(count: number, flags: Readonly<Record<string, number | string>>): Promise<string[]> {
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const started = await Promise.all(
      Array.from({ length: count }, async () => {
        const child = fork(program, args);
        this.children.push(child);
        const [{ port }] = (await once(child, "message")) as [{ port: number }];
        return `127.0.0.1:${port}`;
      }),
    );
    this.addresses.push(...started);
    return started;
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
