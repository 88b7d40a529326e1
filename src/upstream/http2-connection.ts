/**
 * The shard's own gRPC client: a `Connection` on one socket. This file is its life: greeting, settings,
 * draining, closing; requests go out through RequestSender, replies come in through ReplyReceiver. A worker
 * that breaks the protocol ends its connection, never the shard. Must not know versions, choice or retries.
 */
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { assert } from "../base/assert.js";
import type { Timer } from "../base/clock.js";
import { codeOf } from "../base/errors.js";
import { FrameReader, type FrameSink } from "../http2/frame-reader.js";
import { errorCodes, errorName, Http2Error, settingIds } from "../http2/protocol.js";
import { RequestHeaders } from "../http2/request-headers.js";
import { callFlags, CallRing } from "./call-ring.js";
import type { AttemptListener, Connection, ConnectionEvents, ConnectionOptions, LintCall, Ticket, WorkerDescription } from "./connection.js";
import { ControlFrames } from "./control-frames.js";
import type { AttemptFailure, FailureKind } from "./failure.js";
import type { Http2Shard } from "./http2-shard.js";
import { Liveness } from "./liveness.js";
import { Outbox, socketHighWaterBytes } from "./outbox.js";
import { RefusedCalls } from "./refused-calls.js";
import { ReceiveWindows } from "./receive-windows.js";
import { ReplyReceiver } from "./reply-receiver.js";
import { RequestSender } from "./request-sender.js";
import { SideRunner } from "./side-calls.js";

type Phase =
  | { readonly kind: "connecting"; readonly timer: Timer }
  | { readonly kind: "open"; readonly timer: Timer }
  /** Gets no new calls, finishes those in flight. */
  | { readonly kind: "draining"; readonly timer: Timer; readonly reason: string }
  | { readonly kind: "closed" };

const lintPath = "/lintel.v1.Linter/Lint";

export class Http2Connection implements Connection, FrameSink {
  private phase: Phase;
  private readonly socket: Socket;
  private readonly reader: FrameReader;
  private readonly ring = new CallRing();
  private readonly outbox: Outbox;
  private readonly headers: RequestHeaders;
  private readonly control: ControlFrames;
  private readonly sender: RequestSender;
  private readonly windows: ReceiveWindows;
  private readonly receiver: ReplyReceiver;
  private readonly liveness: Liveness;
  private readonly sides: SideRunner;
  private readonly refused = new RefusedCalls();
  /** Calls up to this id may have left: the worker may have seen them. */
  private flushedId = 0;
  /** The highest stream the worker said in GOAWAY it may still process. */
  private goawayId = Infinity;
  private hasToldDraining = false;

  constructor(
    private readonly options: ConnectionOptions,
    private readonly events: ConnectionEvents,
    private readonly shard: Http2Shard,
  ) {
    const { limits, clock } = shard;
    this.reader = new FrameReader(this);
    this.socket = this.openSocket();
    this.headers = new RequestHeaders(lintPath, authorityOf(options));
    this.outbox = new Outbox(this.socket, shard.flusher, shard.pool, limits.batchBytes, limits.queuedBytesMax, {
      onFlushed: () => (this.flushedId = this.ring.nextId - 1),
      onStuck: (bytes) => void setImmediate(() => this.close(`the worker does not read: ${bytes} bytes wait for it`)),
    });
    this.control = new ControlFrames(this.outbox);
    this.sender = new RequestSender(this.ring, this.outbox, this.headers);
    const messageBytesMax = Math.max(options.reportBytesMax, limits.sideMessageBytesMax);
    this.windows = new ReceiveWindows(this.ring, this.control, messageBytesMax, limits.connectionWindowBytes);
    this.receiver = new ReplyReceiver(this.ring, this.sender, this.control, this.windows, shard.pool, { ...limits, ...options }, (isSide) => this.onSettled(isSide));
    this.sides = new SideRunner(this.ring, this.sender, this.receiver, clock, () => this.tellDraining("the worker says it is not serving"));
    this.liveness = new Liveness(limits.pingsPerReplyMax, {
      sendPing: () => this.control.ping(),
      onDead: () => this.shutDown("connection-lost", `the worker answered no PING within ${limits.silenceMs} ms`, errorCodes.noError),
    });
    const timer = clock.after(options.connectTimeoutMs, () => this.close(`no HTTP/2 connection within ${options.connectTimeoutMs} ms`));
    this.phase = { kind: "connecting", timer };
  }

  lint(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    if (this.availableCalls() <= 0) return this.refused.add(listener, this.phase.kind === "open" ? "the worker takes no further call on this connection" : `the connection is ${this.phase.kind}`);
    const { ring, shard } = this;
    const slot = ring.open(listener, 0, this.sender.initialStreamWindow);
    const id = ring.ids[slot] ?? 0;
    shard.callsInFlight++;
    this.sender.sendCall(slot, call, timeoutMs);
    if (shard.callsInFlight === 1 && shard.flushPolicy === "alone-at-once") this.outbox.flush();
    else this.outbox.flushLater();
    if (ring.nextId >= shard.limits.rotateAtStreamId && !this.hasToldDraining) this.rotate();
    return id;
  }

  cancel(ticket: Ticket): void {
    if (this.refused.cancel(ticket)) return;
    const slot = this.ring.find(ticket);
    if (slot < 0 || this.ring.has(slot, callFlags.isSide)) return;
    this.receiver.cancel(slot);
  }

  describe(timeoutMs: number): Promise<WorkerDescription> {
    if (this.phase.kind !== "open") return Promise.reject(new Error("Describe failed: the connection is not open"));
    return this.sides.describe(timeoutMs);
  }

  availableCalls(): number {
    if (this.phase.kind !== "open" || this.ring.isExhausted) return 0;
    return Math.max(0, Math.min(this.ring.streamsMax, this.shard.limits.callsMax) - this.ring.count);
  }

  drain(): void {
    this.beginDraining("drained");
  }

  close(reason = "closed by the balancer"): void {
    this.shutDown("connection-lost", reason, errorCodes.noError);
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, flowBytes: number, isEnd: boolean): void {
    this.receiver.onData(streamId, bytes, start, end, flowBytes, isEnd);
  }

  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.liveness.onReply();
    this.receiver.onHeaders(streamId, bytes, start, end, isEnd);
  }

  onReset(streamId: number, code: number): void {
    this.receiver.onReset(streamId, code);
  }

  onSetting(id: number, value: number): void {
    if (id === settingIds.headerTableBytes) this.headers.setPeerTableBytes(value);
    else if (id === settingIds.concurrentStreamsMax) this.ring.streamsMax = value;
    else if (id === settingIds.initialWindowBytes) this.sender.setStreamWindow(value);
    else if (id === settingIds.headerListBytesMax && value < this.headers.listBytes) {
      throw new Http2Error(errorCodes.noError, `it takes only ${value} bytes of headers, and a request has ${this.headers.listBytes}`);
    }
  }

  onSettingsEnd(): void {
    this.control.settingsAck();
    if (this.phase.kind === "connecting") {
      const timer = this.shard.clock.every(this.shard.limits.silenceMs, () => this.onTick());
      this.enter({ kind: "open", timer });
      this.events.onOpen();
    }
    if (!this.isOpen()) return;
    this.sides.startWaiting();
    this.sides.keepWatch();
  }

  onPing(isAck: boolean, bytes: Uint8Array, at: number): void {
    if (!isAck) this.control.pingAck(bytes, at);
  }

  onGoaway(lastStreamId: number, code: number, bytes: Uint8Array, debugStart: number, debugEnd: number): void {
    if (lastStreamId > this.goawayId) {
      throw new Http2Error(errorCodes.protocolError, `GOAWAY with stream ${lastStreamId} after one with ${this.goawayId}`);
    }
    this.goawayId = lastStreamId;
    const words = Buffer.from(bytes.subarray(debugStart, Math.min(debugEnd, debugStart + 200))).toString("utf8");
    const reason = `the worker is leaving (GOAWAY ${errorName(code)}${words === "" ? "" : `: ${words}`})`;
    this.beginDraining(reason);
    const failure: AttemptFailure = { kind: "not-sent", message: reason, queueDepth: -1 };
    this.receiver.failAll((slot) => ((this.ring.ids[slot] ?? 0) > lastStreamId ? failure : undefined));
    this.tellDraining(reason);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      this.sender.addToWindow(increment);
      return;
    }
    const slot = this.ring.find(streamId);
    if (slot >= 0) this.sender.addToStreamWindow(slot, increment);
    else this.receiver.expectKnown("WINDOW_UPDATE", streamId);
  }

  onChunkEnd(): void {
    if (this.phase.kind === "closed") return;
    this.receiver.endChunk();
    this.sender.pump();
    this.outbox.flushLater();
  }

  /** The only place that assigns the phase; the timer of the one before ends with it unless it is handed on. */
  private enter(phase: Phase): void {
    const before = this.phase;
    const kept = phase.kind === "closed" ? undefined : phase.timer;
    if (before.kind !== "closed" && before.timer !== kept) this.shard.clock.clear(before.timer);
    this.phase = phase;
  }

  private openSocket(): Socket {
    const { host, port } = this.options;
    const { limits } = this.shard;
    const socketOptions = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: limits.tcpKeepAliveMs,
      writableHighWaterMark: socketHighWaterBytes,
      onread: { buffer: this.shard.takeReadBuffer(), callback: (length: number, chunk: Uint8Array) => this.onRead(chunk, length) },
    };
    const { tls } = this.shard;
    const socket = tls === undefined ? connect(socketOptions) : connectSecurely({ ...socketOptions, ...secureOptions, secureContext: tls });
    // The other way to connect does not take them as options.
    if (tls !== undefined) socket.setNoDelay(true).setKeepAlive(true, limits.tcpKeepAliveMs);
    let reason = "the worker closed the connection";
    socket.once(tls === undefined ? "connect" : "secureConnect", () => this.greet());
    socket.on("drain", () => this.onSocketDrain());
    socket.on("error", (error: Error) => (reason = `${codeOf(error) || error.message} on the connection to the worker`));
    socket.once("end", () => this.shutDown("connection-lost", reason, errorCodes.noError));
    socket.once("close", () => this.shutDown("connection-lost", reason, errorCodes.noError));
    return socket;
  }

  private greet(): void {
    if (this.phase.kind === "closed") return;
    const { limits } = this.shard;
    this.control.greeting(
      [
        [settingIds.enablePush, 0],
        [settingIds.initialWindowBytes, this.windows.streamBytes],
        [settingIds.headerListBytesMax, limits.headerListBytesMax],
      ],
      this.windows.greetingIncrement,
    );
    this.outbox.flush();
  }

  private onRead(chunk: Uint8Array, length: number): boolean {
    if (this.phase.kind === "closed") return true;
    this.liveness.hasHeard = true;
    try {
      this.reader.read(chunk, length);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.shutDown("contract", `the worker broke HTTP/2: ${error.message}`, error.code);
    }
    return true;
  }

  private onSocketDrain(): void {
    this.outbox.onDrain();
    this.sender.pump();
    this.outbox.flushLater();
  }

  private onTick(): void {
    this.liveness.tick(this.ring.count > this.sides.endlessCount);
    if (this.isOpen()) this.sides.keepWatch();
  }

  private onSettled(isSide: boolean): void {
    if (!isSide) this.shard.callsInFlight--;
    if (this.phase.kind === "open" && this.sides.hasWaiting) this.sides.startWaiting();
    if (this.phase.kind === "draining") this.finishWhenDrained();
  }

  private tellDraining(reason: string): void {
    if (this.hasToldDraining || this.phase.kind === "closed") return;
    this.hasToldDraining = true;
    this.events.onDraining(reason);
  }

  /** Stream ids run out after some hours at full speed: time for the next connection. */
  private rotate(): void {
    setImmediate(() => this.tellDraining("the connection's stream ids are used up"));
  }

  /** A method, because the compiler would go on believing an earlier look at the phase. */
  private isOpen(): boolean {
    return this.phase.kind === "open";
  }

  private beginDraining(reason: string): void {
    if (this.phase.kind === "connecting") this.close(reason);
    if (this.phase.kind !== "open") return;
    this.enter({ kind: "draining", timer: this.phase.timer, reason });
    this.finishWhenDrained();
  }

  /** In a turn of its own: whoever settled the last call need not expect the connection to end under it. */
  private finishWhenDrained(): void {
    if (this.ring.count > this.sides.endlessCount) return;
    setImmediate(() => {
      if (this.phase.kind === "draining") this.close(this.phase.reason);
    });
  }

  /**
   * The end: says goodbye where there is somebody to hear it, fails what is in flight, then tells the owner.
   * `kind` is what happened to the calls that the worker had.
   */
  private shutDown(kind: FailureKind, reason: string, goawayCode: number): void {
    if (this.phase.kind === "closed") return;
    const wasOpen = this.phase.kind !== "connecting";
    this.enter({ kind: "closed" });
    this.reader.stop();
    const flushedId = this.flushedId;
    this.outbox.discard();
    if (wasOpen) this.control.goaway(goawayCode);
    this.outbox.flush();
    this.outbox.close();
    this.endSocket(wasOpen);
    this.receiver.failAll((slot) => {
      // A request that did not leave whole was not begun by the worker.
      const isSent = this.ring.has(slot, callFlags.bodySent) && (this.ring.ids[slot] ?? 0) <= flushedId;
      return { kind: isSent ? kind : "not-sent", message: reason, queueDepth: -1 };
    });
    assert(this.ring.count === 0, "nothing is in flight on a closed connection");
    this.sides.failWaiting(reason);
    this.refused.failAll(reason);
    this.events.onClosed(reason);
  }

  private endSocket(isGentle: boolean): void {
    if (!isGentle) {
      this.socket.destroy();
      return;
    }
    this.socket.destroySoon();
    this.shard.clock.after(this.shard.limits.lingerMs, () => this.socket.destroy());
  }
}

/** Workers come and go at any address: whoever has a certificate of the authority, which is for this service alone, is one. */
const secureOptions = { highWaterMark: socketHighWaterBytes, ALPNProtocols: ["h2"], checkServerIdentity: () => undefined };

/** HOST:PORT as in a URL. */
function authorityOf({ host, port }: ConnectionOptions): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
