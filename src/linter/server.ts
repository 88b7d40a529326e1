/**
 * The worker's gRPC server: bytes in, statuses and bytes out, on a thread that never analyses. Every way an
 * analysis can end has its status here, as proto/lintel/v1/linter.proto says. Must not know analyzers.
 */
import { logVerbosity, Metadata, Server, ServerCredentials, setLogVerbosity, status } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import type { PeerCertificates } from "../base/peer-certificates.js";
import { peerServerCredentials } from "../rpc/mutual-tls.js";
import type { AnalysisPool, Job, JobOutcome } from "./analysis-pool.js";
import { method } from "./grpc-method.js";
import { Health, healthDefinition } from "./health.js";
import { decodeLintRequest, encodeDescription, finishLintResponse, type Description, type LintRequest } from "./messages.js";

export interface ServerOptions {
  readonly sourceBytesMax: number;
  readonly reportBytesMax: number;
  /** With it callers come over TLS and show a certificate of its authority; undefined: anybody may, in clear. */
  readonly tls: PeerCertificates | undefined;
  /** A connection that was silent for so long is asked; without an answer within the same time again it is closed. */
  readonly silenceMs: number;
}

/** What a request may carry beside its source: a name, options, a trace context. */
const requestOverheadBytes = 1024 * 1024;
/** One window for a whole source: with HTTP/2's 64 KiB an upload stops for a round trip sixteen times per megabyte. */
const flowControlWindowBytes = 1024 * 1024;
const queueDepthTrailer = "lintel-queue-depth";
const noTrailers = new Metadata();

const linterDefinition = {
  Describe: method("/lintel.v1.Linter/Describe", () => ({}), encodeDescription),
  Lint: method("/lintel.v1.Linter/Lint", decodeLintRequest, (reply: Buffer) => reply),
};

type LintCallback = sendUnaryData<Buffer>;

export class LinterServer {
  readonly health: Health;
  private readonly server: Server;

  constructor(
    private readonly description: Description,
    private readonly pool: AnalysisPool,
    private readonly options: ServerOptions,
    onLastWatcherGone: () => void,
  ) {
    this.health = new Health(onLastWatcherGone);
    // What goes wrong comes back as errors; grpc-js would write it to stderr as well.
    setLogVerbosity(logVerbosity.NONE);
    this.server = new Server({
      // Over grpc-js's own limit it would answer RESOURCE_EXHAUSTED, which here means "overloaded": our check comes first.
      "grpc.max_receive_message_length": 2 * options.sourceBytesMax + requestOverheadBytes,
      "grpc.max_send_message_length": options.reportBytesMax + requestOverheadBytes,
      "grpc-node.flow_control_window": flowControlWindowBytes,
      "grpc.keepalive_time_ms": options.silenceMs,
      "grpc.keepalive_timeout_ms": options.silenceMs,
      "grpc.enable_channelz": 0,
    });
    this.server.addService(linterDefinition, {
      Describe: (_call: unknown, callback: sendUnaryData<Description>) => callback(null, this.description),
      Lint: (call: ServerUnaryCall<LintRequest, Buffer>, callback: LintCallback) => this.lint(call, callback),
    });
    this.server.addService(healthDefinition, this.health.implementation);
  }

  /** Resolves with the port. Rejects with grpc-js's error when the address cannot be had. */
  listen(host: string, port: number): Promise<number> {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.server.bindAsync(address, credentialsOf(this.options.tls), (error, bound) => {
        if (error !== null) reject(error);
        else resolve(bound);
      });
    });
  }

  /** Refuses new connections, sends GOAWAY on those there are, resolves when all calls have ended. */
  close(): Promise<void> {
    return new Promise((resolve) => this.server.tryShutdown(() => resolve()));
  }

  /** Cuts everything off. */
  destroy(): void {
    this.server.forceShutdown();
  }

  private lint(call: ServerUnaryCall<LintRequest, Buffer>, callback: LintCallback): void {
    const { source, filename, optionsJson } = call.request;
    const { sourceBytesMax } = this.options;
    if (source.length > sourceBytesMax) {
      callback(this.refusal(status.INVALID_ARGUMENT, `The source has ${source.length} bytes; this linter takes at most ${sourceBytesMax}.`));
      return;
    }
    const deadline = call.getDeadline();
    // The one copy on this thread: the message shares its memory with others of the connection and cannot be transferred.
    const task = { source: new Uint8Array(source), filename, optionsJson };
    const job = this.pool.submit(task, Number(deadline), (outcome) => this.reply(outcome, callback));
    if (job === undefined) callback(this.refusal(status.RESOURCE_EXHAUSTED, "The queue is full."));
    else cancelWithCall(call, this.pool, job);
  }

  private reply(outcome: JobOutcome, callback: LintCallback): void {
    switch (outcome.kind) {
      case "reported":
        callback(null, finishLintResponse(outcome.response, this.pool.depth, this.pool.cost.noteReply()), noTrailers);
        return;
      case "rejected":
        callback(this.refusal(status.INVALID_ARGUMENT, outcome.message));
        return;
      case "killed":
        callback(this.refusal(status.ABORTED, outcome.message));
        return;
      case "crashed":
        callback(this.refusal(status.INTERNAL, outcome.message));
        return;
      case "expired":
        callback(this.refusal(status.DEADLINE_EXCEEDED, "The deadline passed before the analysis began."));
        return;
    }
  }

  private refusal(code: status, details: string): { code: status; details: string; metadata: Metadata } {
    const metadata = new Metadata();
    metadata.set(queueDepthTrailer, String(this.pool.depth));
    return { code, details: wellFormed(details), metadata };
  }
}

function credentialsOf(tls: PeerCertificates | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return peerServerCredentials(tls);
}

/** A cancel or a passed deadline (grpc-js answers that one itself) frees the place in the queue. */
function cancelWithCall(call: ServerUnaryCall<LintRequest, Buffer>, pool: AnalysisPool, job: Job): void {
  call.on("cancelled", () => pool.cancel(job));
}

/** grpc-js percent-encodes details and throws at half a surrogate pair. */
function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
