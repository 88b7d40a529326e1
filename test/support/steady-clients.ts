/**
 * Clients with one kept-alive connection each, which send at a fixed pace and know by the request id which
 * shard their connection is at. Every outcome is kept with its client.
 */
import { Agent, request } from "node:http";
import type { LoadFile } from "./open-load.js";

export interface ClientResult {
  /** Since the clients began. */
  readonly atMs: number;
  readonly latencyMs: number;
  /** HTTP status, or 0 when the connection failed. */
  readonly status: number;
  /** What went wrong with the connection. */
  readonly error: string;
  /** The shard that had the connection; -1 when nothing was ever answered on it. */
  readonly shard: number;
}

export class SteadyClients {
  readonly results: ClientResult[] = [];
  private readonly clients: SteadyClient[] = [];
  private readonly startMs = performance.now();

  /** `count` clients, each with a request every `periodMs`, the next one not before the answer to the last. */
  constructor(
    readonly url: string,
    readonly files: readonly LoadFile[],
    count: number,
    readonly periodMs: number,
  ) {
    for (let index = 0; index < count; index++) this.clients.push(new SteadyClient(this, index));
  }

  get nowMs(): number {
    return performance.now() - this.startMs;
  }

  /** How many connections are known to be at a shard. */
  connectionsAt(shard: number): number {
    return this.clients.filter((client) => client.shard === shard).length;
  }

  /** Every client opens a new connection for its next request, so that they spread over all shards again. */
  reconnect(): void {
    for (const client of this.clients) client.reconnect();
  }

  /** Resolves with everything once no request is open. */
  async stop(): Promise<readonly ClientResult[]> {
    await Promise.all(this.clients.map((client) => client.stop()));
    return this.results;
  }
}

class SteadyClient {
  shard = -1;
  private agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private sent = 0;
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly all: SteadyClients,
    index: number,
  ) {
    this.sent = index;
    this.done = this.run(index);
  }

  reconnect(): void {
    this.agent.destroy();
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.shard = -1;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
    this.agent.destroy();
  }

  private async run(index: number): Promise<void> {
    const { files, periodMs } = this.all;
    await sleep((index * periodMs) / 10 % periodMs);
    while (!this.stopped) {
      const atMs = this.all.nowMs;
      const file = files[this.sent++ % files.length];
      if (file === undefined) throw new Error("a load needs files");
      await this.send(file, atMs);
      await sleep(Math.max(0, periodMs - (this.all.nowMs - atMs)));
    }
  }

  private send({ path, source }: LoadFile, atMs: number): Promise<void> {
    const { agent } = this;
    return new Promise((resolve) => {
      const done = (status: number, error: string): void => {
        // A connection that was replaced meanwhile says nothing of the new one.
        const shard = agent === this.agent ? this.shard : -1;
        this.all.results.push({ atMs, latencyMs: this.all.nowMs - atMs, status, error, shard });
        if (status === 0) this.shard = -1;
        resolve();
      };
      const outgoing = request(`${this.all.url}${path}`, { method: "POST", agent, headers: { "Content-Length": source.length } }, (response) => {
        response.resume();
        response.on("end", () => {
          if (agent === this.agent) this.shard = shardOf(response.headers["x-request-id"]);
          done(response.statusCode ?? 0, "");
        });
        response.on("error", (error) => done(0, error.message));
      });
      outgoing.on("error", (error) => done(0, error.message));
      outgoing.end(source);
    });
  }
}

/** Generated request ids are PREFIX-SHARD-COUNT. */
function shardOf(requestId: string | string[] | undefined): number {
  const shard = Number(String(requestId).split("-")[1]);
  return Number.isInteger(shard) ? shard : -1;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
