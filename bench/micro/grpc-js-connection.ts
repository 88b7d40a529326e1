/** A `Connection` on @grpc/grpc-js, to measure the shard's own client against. */
import * as grpc from "@grpc/grpc-js";
import { systemClock } from "../../src/base/clock.js";
import { linterMethods, healthMethods } from "./grpc-js-methods.js";
import type { AttemptListener, Connection, ConnectionEvents, ConnectionOptions, LintCall, Ticket, WorkerDescription } from "../../src/upstream/connection.js";
import type { AttemptFailure } from "../../src/upstream/failure.js";
import { kindOfStatus, queueDepthTrailer } from "../../src/upstream/grpc-status.js";

/** grpc-js does not tell the peer's limit; this keeps one connection within what workers commonly allow. */
const concurrentCallsMax = 1_000;

export function openGrpcConnection(options: ConnectionOptions, events: ConnectionEvents): Connection {
  return new GrpcConnection(options, events);
}

class GrpcConnection implements Connection {
  private readonly client: grpc.Client;
  private readonly calls = new Map<Ticket, { call: grpc.ClientUnaryCall; listener: AttemptListener }>();
  private watch: grpc.ClientReadableStream<{ status: string }> | undefined;
  private lastTicket = 0;
  private phase: "opening" | "open" | "draining" | "closed" = "opening";

  constructor(
    options: ConnectionOptions,
    private readonly events: ConnectionEvents,
  ) {
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    this.client = new grpc.Client(`${host}:${options.port}`, grpc.credentials.createInsecure(), {
      // One connection is one TCP connection: no sharing between upstreams, no reconnecting behind our back.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.max_receive_message_length": options.reportBytesMax,
      "grpc.max_send_message_length": -1,
      "grpc.initial_reconnect_backoff_ms": 100_000,
      "grpc.max_reconnect_backoff_ms": 100_000,
    });
    this.client.waitForReady(new Date(systemClock.wallMs() + options.connectTimeoutMs), (error) => {
      if (this.phase === "closed") return;
      if (error !== undefined) {
        this.end(`no connection within ${options.connectTimeoutMs} ms`);
        return;
      }
      if (this.phase === "opening") this.phase = "open";
      this.watchConnectivity();
      this.watchHealth();
      this.events.onOpen();
    });
    this.watchFailureToConnect();
  }

  lint(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    const ticket = ++this.lastTicket;
    const { path, serialize, deserialize } = linterMethods.lint;
    const metadata = new grpc.Metadata();
    const deadline = new Date(systemClock.wallMs() + timeoutMs);
    const unary = this.client.makeUnaryRequest(path, serialize, deserialize, call, metadata, { deadline }, (error, reply) => {
      if (!this.calls.delete(ticket)) return;
      if (error !== null) listener.onFailure(failureOfStatus(error.code, error.details, error.metadata));
      else if (reply === undefined) listener.onFailure({ kind: "contract", message: "the worker sent no reply", queueDepth: -1 });
      else listener.onReply(reply.report, reply.queueDepth, 0);
      this.closeWhenDrained();
    });
    this.calls.set(ticket, { call: unary, listener });
    return ticket;
  }

  cancel(ticket: Ticket): void {
    const entry = this.calls.get(ticket);
    if (entry === undefined) return;
    this.calls.delete(ticket);
    entry.call.cancel();
    this.closeWhenDrained();
  }

  describe(timeoutMs: number): Promise<WorkerDescription> {
    const { path, serialize, deserialize } = linterMethods.describe;
    return new Promise((resolve, reject) => {
      const deadline = new Date(systemClock.wallMs() + timeoutMs);
      this.client.makeUnaryRequest(path, serialize, deserialize, {}, new grpc.Metadata(), { deadline }, (error, reply) => {
        if (error !== null) reject(new Error(`Describe failed: ${error.details}`));
        else if (reply === undefined) reject(new Error("Describe had no reply"));
        else resolve(reply);
      });
    });
  }

  availableCalls(): number {
    return this.phase === "open" ? concurrentCallsMax - this.calls.size : 0;
  }

  drain(): void {
    if (this.phase === "closed") return;
    this.phase = "draining";
    this.closeWhenDrained();
  }

  close(): void {
    this.end("closed by the balancer");
  }

  private closeWhenDrained(): void {
    if (this.phase === "draining" && this.calls.size === 0) setImmediate(() => this.end("drained"));
  }

  private end(reason: string): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.watch?.cancel();
    this.client.close();
    for (const [ticket, { call, listener }] of [...this.calls]) {
      this.calls.delete(ticket);
      call.cancel();
      listener.onFailure({ kind: "connection-lost", message: reason, queueDepth: -1 });
    }
    this.events.onClosed(reason);
  }

  /** While connecting: a refused connection is reported at once, not at the end of the time allowed. */
  private watchFailureToConnect(): void {
    const channel = this.client.getChannel();
    const look = (): void => {
      if (this.phase !== "opening") return;
      const state = channel.getConnectivityState(false);
      if (state === grpc.connectivityState.TRANSIENT_FAILURE) this.end("connection refused or unreachable");
      else if (state !== grpc.connectivityState.READY) channel.watchConnectivityState(state, Infinity, look);
    };
    look();
  }

  private watchConnectivity(): void {
    const channel = this.client.getChannel();
    channel.watchConnectivityState(grpc.connectivityState.READY, Infinity, () => {
      if (this.phase === "open" && this.calls.size > 0) {
        // GOAWAY with calls in flight: they finish on the old transport.
        this.phase = "draining";
        this.events.onDraining("the worker said it is leaving");
        this.closeWhenDrained();
      } else this.end("the worker closed the connection");
    });
  }

  private watchHealth(): void {
    const { path, serialize, deserialize } = healthMethods.watch;
    this.watch = this.client.makeServerStreamRequest(path, serialize, deserialize, { service: "" });
    this.watch.on("data", (reply: { status: string }) => {
      if (reply.status === "NOT_SERVING" && this.phase === "open") this.events.onDraining("the worker said it is leaving");
    });
    // Health is optional for a worker: without it GOAWAY and the end of the connection say the same.
    this.watch.on("error", () => undefined);
  }
}

function failureOfStatus(code: number, details: string, trailers: grpc.Metadata | undefined): AttemptFailure {
  const depth = Number(trailers?.get(queueDepthTrailer)[0] ?? -1);
  return { kind: kindOfStatus(code), message: details, queueDepth: Number.isInteger(depth) ? depth : -1 };
}
