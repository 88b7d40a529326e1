/**
 * An open load at a fixed rate, as users make it: requests are due at random times (Poisson) whether or not earlier ones
 * were answered, and a request's latency counts from when it was due, not from when a connection was free for it:
 * so a stop of the server is seen by all who would have come meanwhile (coordinated omission).
 *
 * Between requests the process sleeps some tens of microseconds instead of spinning, because on a small machine it shares
 * a core with the workers; latencies are exact to about 0.1 ms.
 */
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { build } from "hdr-histogram-js";
import { seededRandom } from "../../../src/base/random.js";
import type { LoadResult } from "../load-result.js";
import { requestBytes } from "../request-bytes.js";
import { endWithParent, processOptions } from "./child-side.js";

export interface PacedOptions {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly connections: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

endWithParent();
const { port, path, body, connections, ratePerSecond, seconds, seed } = processOptions() as PacedOptions;
const request = requestBytes(path, Buffer.from(body, "base64"));
const random = seededRandom(seed);
const micros = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
/** Longest sleep: bounds how late an answer is noticed. */
const sleepMsMax = 0.1;
const graceMs = 2_000;
const sleeping = new Int32Array(new SharedArrayBuffer(4));

let answered = 0;
let failed = 0;
let isOver = false;
/** Due times of requests that found no free connection, oldest first. */
const backlog: number[] = [];
let backlogAt = 0;
const free: Client[] = [];

class Client {
  private dueMs = 0;
  private expected = 0;
  private received = 0;
  private isBusy = false;
  private readonly socket: Socket;

  constructor(onReady: () => void) {
    const buffer = Buffer.alloc(256 * 1024);
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer, callback: (length, chunk) => this.onRead(chunk as Buffer, length) } }, onReady);
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => this.onClose());
  }

  send(dueMs: number): void {
    this.dueMs = dueMs;
    this.expected = 0;
    this.received = 0;
    this.isBusy = true;
    this.socket.write(request);
  }

  private onRead(chunk: Buffer, length: number): boolean {
    if (this.expected === 0) {
      const head = chunk.toString("latin1", 0, Math.min(length, 2_048));
      const end = head.indexOf("\r\n\r\n");
      const size = /content-length: (\d+)/i.exec(head)?.[1];
      if (end < 0 || size === undefined) throw new Error(`not an answer with a length: ${head.slice(0, 200)}`);
      this.expected = end + 4 + Number(size);
      if (!head.startsWith("HTTP/1.1 200")) failed++;
    }
    this.received += length;
    if (this.received >= this.expected) this.settle();
    return true;
  }

  private settle(): void {
    this.isBusy = false;
    answered++;
    micros.recordValue(Math.max(1, Math.round((performance.now() - this.dueMs) * 1_000)));
    const nextDueMs = backlog[backlogAt];
    if (nextDueMs === undefined) free.push(this);
    else {
      backlogAt++;
      this.send(nextDueMs);
    }
  }

  private onClose(): void {
    if (isOver) return;
    if (this.isBusy) failed++;
    const at = free.indexOf(this);
    if (at >= 0) free.splice(at, 1);
    const next = new Client(() => free.push(next));
  }
}

let sent = 0;
let startMs = 0;
let nextMs = 0;

function step(): void {
  const nowMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  for (; nextMs <= nowMs && nextMs < endMs; nextMs += (-Math.log(1 - random.next()) * 1_000) / ratePerSecond) {
    sent++;
    const client = free.pop();
    if (client === undefined) backlog.push(nextMs);
    else client.send(nextMs);
  }
  if (nextMs >= endMs && (answered >= sent || nowMs > endMs + graceMs)) finish();
  else {
    const pauseMs = Math.min(nextMs - performance.now(), sleepMsMax);
    if (pauseMs > 0.01) Atomics.wait(sleeping, 0, 0, pauseMs);
    setImmediate(step);
  }
}

function finish(): void {
  isOver = true;
  const at = (percent: number): number => micros.getValueAtPercentile(percent) / 1_000;
  const result: LoadResult = {
    tool: "paced",
    requests: answered,
    seconds,
    latencyMs: { mean: micros.mean / 1_000, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: micros.maxValue / 1_000 },
    errors: failed + (sent - answered),
  };
  process.send?.(result, () => process.exit(0));
}

/** The kernel may add this much to every sleep; 50 µs by default. */
function sharpenSleep(): void {
  try {
    writeFileSync("/proc/self/timerslack_ns", "1000");
  } catch {
    // Only the last tenth of a millisecond is lost.
  }
}

sharpenSleep();
await new Promise<void>((resolve) => {
  for (let index = 0; index < connections; index++) {
    const client: Client = new Client(() => {
      free.push(client);
      if (free.length === connections) resolve();
    });
  }
});
startMs = nextMs = performance.now();
step();
