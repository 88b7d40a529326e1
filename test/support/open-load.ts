/**
 * A constant open load: requests leave at their time whether or not earlier ones were answered, so that a
 * stall is seen as it is. Every outcome is kept.
 */
import { Agent, request } from "node:http";

export interface LoadResult {
  /** When it was due, in ms since the load began. */
  readonly dueMs: number;
  readonly latencyMs: number;
  /** HTTP status, or 0 when the connection failed. */
  readonly status: number;
  /** What went wrong with the connection, or the problem's code; "" for a report. */
  readonly error: string;
  readonly worker: string;
  readonly version: string;
  readonly attempts: number;
  /** What the service says it took, from Server-Timing; NaN when it does not. */
  readonly serverMs: number;
  /** In seconds; 0 when there is none. */
  readonly retryAfter: number;
}

export interface LoadFile {
  readonly path: string;
  readonly source: Buffer;
}

export interface LoadOptions {
  readonly url: string;
  readonly files: readonly LoadFile[];
  readonly perSecond: number;
  readonly connections?: number;
  /** false opens a connection for every request. */
  readonly keepAlive?: boolean;
}

export class OpenLoad {
  readonly results: LoadResult[] = [];
  private sent = 0;
  /** When those that are not answered yet were due. */
  private readonly pending = new Set<number>();
  private readonly agent: Agent;
  private readonly startMs = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: LoadOptions) {
    this.agent = new Agent({ keepAlive: options.keepAlive ?? true, maxSockets: options.connections ?? 64, scheduling: "fifo" });
    this.timer = setInterval(() => this.catchUp(), 2);
  }

  get nowMs(): number {
    return performance.now() - this.startMs;
  }

  /** Sends no more, and resolves with everything once each request has its outcome. May be called again. */
  async stop(): Promise<readonly LoadResult[]> {
    clearInterval(this.timer);
    const endMs = performance.now() + 30_000;
    while (this.pending.size > 0) {
      if (performance.now() > endMs) throw new Error(`${this.pending.size} requests were never answered`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.agent.destroy();
    return this.results;
  }

  /** Resolves when every request that was due before `untilMs` has its outcome. */
  async settled(untilMs: number): Promise<void> {
    const endMs = performance.now() + 30_000;
    const isOpen = (): boolean => (this.sent / this.options.perSecond) * 1000 < untilMs || [...this.pending].some((dueMs) => dueMs < untilMs);
    while (isOpen()) {
      if (performance.now() > endMs) throw new Error("requests were never answered");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private catchUp(): void {
    const { perSecond, files } = this.options;
    while (this.sent < (this.nowMs / 1000) * perSecond) {
      const file = files[this.sent % files.length];
      if (file === undefined) throw new Error("a load needs files");
      this.send(file, (this.sent++ / perSecond) * 1000);
    }
  }

  private send({ path, source }: LoadFile, dueMs: number): void {
    this.pending.add(dueMs);
    const done = (status: number, error: string, headers: Record<string, unknown>): void => {
      this.pending.delete(dueMs);
      const text = (name: string): string => (typeof headers[name] === "string" ? headers[name] : "");
      this.results.push({
        dueMs,
        latencyMs: this.nowMs - dueMs,
        status,
        error,
        worker: text("lintel-worker"),
        version: text("lintel-version"),
        attempts: Number(text("lintel-attempts") || 0),
        serverMs: Number(/dur=([\d.]+)/.exec(text("server-timing"))?.[1] ?? NaN),
        retryAfter: Number(text("retry-after") || 0),
      });
    };
    const outgoing = request(`${this.options.url}${path}`, { method: "POST", agent: this.agent, headers: { "Content-Length": source.length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        done(response.statusCode ?? 0, response.statusCode === 200 ? "" : codeOf(body), response.headers);
      });
      response.on("error", (error) => done(0, error.message, {}));
    });
    outgoing.on("error", (error) => done(0, error.message, {}));
    outgoing.end(source);
  }
}

function codeOf(body: string): string {
  try {
    return (JSON.parse(body) as { code: string }).code;
  } catch {
    return body.slice(0, 100);
  }
}

/** "3,000 requests, 0 failed; p50 2.1 ms, p99 9.8 ms, highest 20 ms". */
export function describeLoad(results: readonly LoadResult[]): string {
  const failed = results.filter(({ status }) => status !== 200);
  const kinds = new Map<string, number>();
  for (const { status, error } of failed) kinds.set(`${status} ${error}`, (kinds.get(`${status} ${error}`) ?? 0) + 1);
  const why = [...kinds].map(([kind, count]) => `${count} x ${kind}`).join(", ");
  const ms = (share: number): string => percentile(results, share).toFixed(1);
  return `${results.length} requests, ${failed.length} failed${why === "" ? "" : ` (${why})`}; p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, highest ${ms(1)} ms`;
}

/** A latency percentile in ms; `share` from 0 to 1. */
export function percentile(results: readonly LoadResult[], share: number, of: "latencyMs" | "serverMs" = "latencyMs"): number {
  const sorted = results.map((result) => result[of]).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
