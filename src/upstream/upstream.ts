/**
 * One worker as a shard sees it: connects, asks who it is, reconnects.
 * Must not know how workers are chosen, nor what an exchange does after a failure.
 */
import { assert } from "../base/assert.js";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Random } from "../base/random.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";
import type { AttemptListener, Connection, LintCall, OpenConnection, Ticket, WorkerDescription } from "./connection.js";

export type UpstreamState =
  | { readonly kind: "idle"; readonly sinceMs: number }
  /** Opening the connection, then asking the worker who it is. `attempt` counts from 1 since it was last ready; `reason` is why the one before failed. */
  | { readonly kind: "connecting"; readonly sinceMs: number; readonly attempt: number; readonly reason: string }
  | { readonly kind: "ready"; readonly sinceMs: number }
  /** The worker said it is leaving: it finishes what it has and gets nothing new. */
  | { readonly kind: "leaving"; readonly sinceMs: number; readonly reason: string }
  /** Not reachable, or not who it should be; tried again at `untilMs`. */
  | { readonly kind: "waiting"; readonly sinceMs: number; readonly untilMs: number; readonly attempt: number; readonly reason: string }
  /** No longer in the snapshot: finishes what it has, then closes. */
  | { readonly kind: "released"; readonly sinceMs: number }
  | { readonly kind: "closed"; readonly sinceMs: number };

export interface UpstreamOptions {
  readonly connectTimeoutMs: number;
  readonly reportBytesMax: number;
  /** First pause before reconnecting; doubles up to the maximum, with full jitter on its upper half. */
  readonly reconnectDelayMs: number;
  readonly reconnectDelayMaxMs: number;
}

export const defaultUpstreamOptions: UpstreamOptions = {
  // A worker on the same network accepts in a few milliseconds; a second leaves room for a lost SYN (retransmitted after 1 s).
  connectTimeoutMs: 1_500,
  reportBytesMax: 16 * 1024 * 1024,
  // Fast enough that a restarted worker is back within a tenth of a second, slow enough not to flood a dead host.
  reconnectDelayMs: 50,
  reconnectDelayMaxMs: 5_000,
};

/** What the worker must say it is before it gets traffic. */
export interface ExpectedIdentity {
  readonly language: string;
  readonly version: string;
}

export interface UpstreamDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly openConnection: OpenConnection;
  readonly options: UpstreamOptions;
  /** Called after every change of state, from a fresh turn or from within a connection's event; never from `send`. */
  readonly onStateChange: (upstream: Upstream, before: UpstreamState) => void;
}

export class Upstream {
  state: UpstreamState;
  /** What the worker said of itself when it last was ready. */
  description: WorkerDescription | undefined;

  private connection: Connection | undefined;
  private timer: Timer | undefined;

  constructor(
    readonly endpoint: WorkerEndpoint,
    readonly expected: ExpectedIdentity,
    private readonly dependencies: UpstreamDependencies,
  ) {
    this.state = { kind: "idle", sinceMs: dependencies.clock.nowMs() };
  }

  get ready(): boolean {
    return this.state.kind === "ready";
  }

  /** Starts connecting, and from then on keeps itself connected until `release` or `close`. */
  connect(): void {
    assert(this.state.kind === "idle", "connect is called once");
    this.open(1, "");
  }

  /** Sends one request. Only while ready. */
  send(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    assert(this.connection !== undefined, "send is only called while ready");
    return this.connection.lint(call, timeoutMs, listener);
  }

  /** Nobody waits for this attempt any more; its listener hears nothing. */
  cancel(ticket: Ticket): void {
    this.connection?.cancel(ticket);
  }

  /** Asks the worker who it is: resolves when it is there and answers, rejects with an Error that says why not. */
  async confirm(timeoutMs: number): Promise<void> {
    if (this.connection === undefined) throw new Error("the worker is not connected");
    await this.connection.describe(timeoutMs);
  }

  /** How many further requests the worker's connection takes right now. */
  availableCalls(): number {
    return this.connection?.availableCalls() ?? 0;
  }

  /** The worker left the snapshot: no new requests; closes when the last one has settled. */
  drain(): void {
    if (this.state.kind === "closed" || this.state.kind === "released") return;
    const connection = this.connection;
    if (connection === undefined) {
      this.close();
      return;
    }
    this.enter({ kind: "released", sinceMs: this.now() });
    connection.drain();
  }

  /** Closes now; what is in flight fails. */
  close(): void {
    if (this.state.kind === "closed") return;
    const connection = this.connection;
    this.connection = undefined;
    this.enter({ kind: "closed", sinceMs: this.now() });
    connection?.close();
  }

  /** Gives up this connection because the worker misbehaved on it, and reconnects after a pause. */
  reconnect(reason: string): void {
    const connection = this.connection;
    if (connection === undefined) return;
    this.connection = undefined;
    this.wait(reason);
    connection.close();
  }

  private now(): number {
    return this.dependencies.clock.nowMs();
  }

  /** The only place that assigns the state; every state starts without the timer of the one before. */
  private enter(state: UpstreamState): void {
    const before = this.state;
    this.dependencies.clock.clear(this.timer);
    this.timer = undefined;
    this.state = state;
    this.dependencies.onStateChange(this, before);
  }

  private open(attempt: number, reason: string): void {
    const { openConnection, options } = this.dependencies;
    this.enter({ kind: "connecting", sinceMs: this.now(), attempt, reason });
    let connection: Connection | undefined = undefined;
    const current = (): boolean => connection !== undefined && this.connection === connection;
    connection = this.connection = openConnection(
      {
        host: this.endpoint.host,
        port: this.endpoint.port,
        connectTimeoutMs: options.connectTimeoutMs,
        reportBytesMax: options.reportBytesMax,
      },
      {
        onOpen: () => {
          if (current()) this.identify(connection);
        },
        onDraining: (reason) => {
          if (current()) this.leave(reason);
        },
        onClosed: (reason) => {
          if (current()) this.lost(reason);
        },
      },
    );
  }

  private identify(connection: Connection | undefined): void {
    if (connection === undefined) return;
    connection.describe(this.dependencies.options.connectTimeoutMs).then(
      (description) => {
        if (this.connection !== connection || this.state.kind !== "connecting") return;
        const mismatch = describeMismatch(this.expected, description);
        if (mismatch !== "") {
          this.reconnect(mismatch);
          return;
        }
        this.description = description;
        this.enter({ kind: "ready", sinceMs: this.now() });
      },
      (error: unknown) => {
        if (this.connection === connection && this.state.kind === "connecting") this.reconnect(messageOf(error));
      },
    );
  }

  private leave(reason: string): void {
    if (this.state.kind === "released") return;
    this.enter({ kind: "leaving", sinceMs: this.now(), reason });
    this.connection?.drain();
  }

  private lost(reason: string): void {
    this.connection = undefined;
    if (this.state.kind === "released") this.enter({ kind: "closed", sinceMs: this.now() });
    else this.wait(this.state.kind === "leaving" ? this.state.reason : reason);
  }

  private wait(reason: string): void {
    const { clock, random, options } = this.dependencies;
    const attempt = this.state.kind === "connecting" ? this.state.attempt : 0;
    const ceilingMs = Math.min(options.reconnectDelayMs * 2 ** attempt, options.reconnectDelayMaxMs);
    const delayMs = ceilingMs * (0.5 + 0.5 * random.next());
    const sinceMs = this.now();
    this.enter({ kind: "waiting", sinceMs, untilMs: sinceMs + delayMs, attempt, reason });
    this.timer = clock.after(delayMs, () => this.open(attempt + 1, reason));
  }
}

/** They go into reply headers as they are. */
const printable = /^[\x21-\x7e]{1,64}$/;

/** "" when the worker is who the configuration says; else one sentence for the operator. */
function describeMismatch(expected: ExpectedIdentity, actual: WorkerDescription): string {
  if (!printable.test(actual.linterName) || !printable.test(actual.linterVersion)) {
    return "the worker's linter name and version must be 1 to 64 printable ASCII characters";
  }
  if (actual.language === expected.language && actual.version === expected.version) return "";
  return (
    `the worker says it is ${actual.language} ${actual.version}, but the configuration has ` +
    `${expected.language} ${expected.version} at this address`
  );
}
