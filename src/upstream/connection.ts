/**
 * The wire to one worker: what an `Upstream` needs of a gRPC client. Two files implement it behind this
 * one interface (grpc-connection.ts on @grpc/grpc-js; the shard's own HTTP/2 client takes its place).
 * Must not know of versions, choice or retries.
 */
import type { AttemptFailure } from "./failure.js";

/** One request as sent to a worker. `source` must stay unchanged until the attempt has settled. */
export interface LintCall {
  readonly source: Uint8Array;
  /** "" when the user gave none. */
  readonly filename: string;
  /** A JSON object as text, or "". */
  readonly optionsJson: string;
  /** "" when there is none. */
  readonly traceparent: string;
}

/** Hears how an attempt ended: exactly one call, never from within `lint`, none after `cancel`. */
export interface AttemptListener {
  /** `report` is only valid during the call. `costMicros` is what the worker says a request costs it; 0 when it says nothing. */
  onReply(report: Uint8Array, queueDepth: number, costMicros: number): void;
  onFailure(failure: AttemptFailure): void;
}

/** Identifies a call in flight on one connection; positive. */
export type Ticket = number;

/** What a worker said of itself when asked (proto/lintel/v1/linter.proto, DescribeResponse). */
export interface WorkerDescription {
  readonly language: string;
  readonly version: string;
  readonly linterName: string;
  readonly linterVersion: string;
  readonly formats: readonly string[];
  readonly selfTest?: { readonly source: Uint8Array; readonly filename: string; readonly reportSha256: Uint8Array };
  readonly documentationUrl: string;
}

export interface ConnectionEvents {
  /** The HTTP/2 connection is up: calls may be sent. */
  onOpen(): void;
  /** The worker says it is leaving (GOAWAY, or health NOT_SERVING): what it has it will answer. */
  onDraining(reason: string): void;
  /** The connection is gone for good; every call on it has failed before this. Called once. */
  onClosed(reason: string): void;
}

export interface Connection {
  /** Sends one request; `timeoutMs` goes with it as grpc-timeout. The caller keeps the time itself. */
  lint(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket;
  /** Tells the worker that nobody waits any more; the listener hears nothing. Unknown tickets are ignored. */
  cancel(ticket: Ticket): void;
  /** Asks who the worker is. Rejects with an Error that says why. */
  describe(timeoutMs: number): Promise<WorkerDescription>;
  /** How many further calls the worker allows right now (its concurrent stream limit less those open). */
  availableCalls(): number;
  /** Closes once the calls in flight have settled; no new ones may be sent. */
  drain(): void;
  /** Closes now; calls in flight fail. */
  close(): void;
}

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  /** A larger report is a broken contract. */
  readonly reportBytesMax: number;
}

export type OpenConnection = (options: ConnectionOptions, events: ConnectionEvents) => Connection;
