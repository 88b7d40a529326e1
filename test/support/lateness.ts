/**
 * How long a thread that does nothing waits for a processor on this machine: what a bound on times cannot be held against.
 */
import { Worker } from "node:worker_threads";

const timerMs = 1;
const program = `
const { monitorEventLoopDelay } = require("node:perf_hooks");
const { parentPort } = require("node:worker_threads");
const delays = monitorEventLoopDelay({ resolution: ${timerMs} });
delays.enable();
setInterval(() => parentPort.postMessage({ p99Ms: delays.percentile(99) / 1e6, highestMs: delays.max / 1e6 }), 100);
`;

export class Lateness {
  /** Since it was started. */
  p99Ms = 0;
  highestMs = 0;
  private readonly thread = new Worker(program, { eval: true });

  constructor() {
    this.thread.on("message", ({ p99Ms, highestMs }: { p99Ms: number; highestMs: number }) => {
      this.p99Ms = Math.max(0, p99Ms - timerMs);
      this.highestMs = Math.max(0, highestMs - timerMs);
    });
  }

  async stop(): Promise<void> {
    await this.thread.terminate();
  }
}
