/** Fragile workers (fragile-worker.ts), started again at their address whenever they die, as a supervisor would. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./fragile-worker.js", import.meta.url));

export class FragileFleet {
  /** How many processes were lost. */
  deaths = 0;
  readonly ports: number[] = [];
  private readonly children = new Set<ChildProcess>();
  private stopping = false;

  /** Starts `count` workers with these flags; resolves when they serve. */
  async start(count: number, flags: readonly string[] = []): Promise<void> {
    this.ports.push(...(await Promise.all(Array.from({ length: count }, () => this.spawn(flags, 0)))));
  }

  get addresses(): string[] {
    return this.ports.map((port) => `127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all([...this.children].map(async (child) => {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }));
  }

  private async spawn(flags: readonly string[], port: number): Promise<number> {
    const child = fork(program, [...flags, "--port", String(port)]);
    this.children.add(child);
    const [message] = (await once(child, "message")) as [{ port: number }];
    child.once("exit", () => {
      this.children.delete(child);
      if (this.stopping) return;
      this.deaths++;
      void this.spawn(flags, message.port);
    });
    return message.port;
  }
}
