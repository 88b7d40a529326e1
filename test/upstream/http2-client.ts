/** A connection under test, with everything it says written down. */
import { createHttp2Connector, type Http2ConnectorOptions } from "../../src/upstream/http2-connector.js";
import type { Connection, ConnectionOptions, LintCall, Ticket } from "../../src/upstream/connection.js";
import type { AttemptFailure } from "../../src/upstream/failure.js";

export type Outcome = { readonly report: string; readonly queueDepth: number } | AttemptFailure;

export interface Call {
  readonly ticket: Ticket;
  readonly outcome: Promise<Outcome>;
}

export class Client {
  readonly connection: Connection;
  /** "open", "draining: …", "closed: …", in order. */
  readonly events: string[] = [];
  private readonly waiting: { readonly until: RegExp; readonly resolve: (event: string) => void }[] = [];

  constructor(port: number, options: Http2ConnectorOptions & Partial<ConnectionOptions> = {}) {
    const { host = "127.0.0.1", connectTimeoutMs = 30_000, reportBytesMax = 4 * 1024 * 1024 } = options;
    const say = (event: string): void => {
      this.events.push(event);
      for (const { until, resolve } of this.waiting) if (until.test(event)) resolve(event);
    };
    this.connection = createHttp2Connector(options).open(
      { host, port, connectTimeoutMs, reportBytesMax },
      {
        onOpen: () => say("open"),
        onDraining: (reason) => say(`draining: ${reason}`),
        onClosed: (reason) => say(`closed: ${reason}`),
      },
    );
  }

  /** The first event that matches, now or later; rejects after half a minute. */
  event(until: RegExp): Promise<string> {
    const already = this.events.find((event) => until.test(event));
    if (already !== undefined) return Promise.resolve(already);
    return bounded(String(until), new Promise((resolve) => this.waiting.push({ until, resolve })), () => this.events.join("; "));
  }

  lint(source: string | Uint8Array, call: Partial<LintCall> & { timeoutMs?: number } = {}): Call {
    let settle: (outcome: Outcome) => void = () => undefined;
    let settledTimes = 0;
    let hasReturned = false;
    const once = (outcome: Outcome): void => {
      if (!hasReturned) throw new Error("settled from within lint");
      if (++settledTimes > 1) throw new Error("settled twice");
      settle(outcome);
    };
    const outcome = new Promise<Outcome>((resolve) => (settle = resolve));
    const bytes = typeof source === "string" ? Buffer.from(source) : source;
    const ticket = this.connection.lint({ filename: "", optionsJson: "", traceparent: "", ...call, source: bytes }, call.timeoutMs ?? 30_000, {
      onReply: (report, queueDepth) => once({ report: Buffer.from(report).toString("latin1"), queueDepth }),
      onFailure: (failure) => once(failure),
    });
    hasReturned = true;
    const settled = bounded(`call ${ticket}`, outcome, () => this.events.join("; "));
    settled.catch(() => undefined); // not every test waits for every call
    return { ticket, outcome: settled };
  }

  /** For a teardown: closes and waits until it is so. */
  async end(): Promise<void> {
    this.connection.close();
    await this.event(/^closed/);
  }
}

/** Opens a connection and waits until it is up. */
export async function openClient(port: number, options: Http2ConnectorOptions & Partial<ConnectionOptions> = {}): Promise<Client> {
  const client = new Client(port, options);
  await client.event(/^open/);
  return client;
}

/** Rejects when it takes longer than half a minute. */
export function bounded<Value>(what: string, promise: Promise<Value>, state: () => string): Promise<Value> {
  return new Promise((resolve, reject) => {
    // Unreferenced: a call that a test never settles must not hold the process.
    const timer = setTimeout(() => reject(new Error(`${what} did not happen within 30 s; so far: ${state()}`)), 30_000).unref();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
