/**
 * What runs on a connection beside the Lint calls: Describe, and the standard health Watch that tells when a
 * worker is leaving. A few per connection and minute, so written for reading. Must not know frames.
 */
import type { Clock, Timer } from "../base/clock.js";
import { statusName } from "../http2/grpc-format.js";
import { readDescribeResponse, readHealthResponse, servingStatus } from "../http2/linter-messages.js";
import { callFlags, type CallRing } from "./call-ring.js";
import type { WorkerDescription } from "./connection.js";
import type { ReplyReceiver } from "./reply-receiver.js";
import type { RequestSender } from "./request-sender.js";

export interface SideCall {
  readonly path: string;
  /** 0: as long as the connection lives. */
  readonly timeoutMs: number;
  /** Throws `MessageError` for a message that is not what it should be. */
  onMessage(bytes: Uint8Array, start: number, end: number): void;
  /** The last call: the worker's status, or -1 when there is none to be had; the words for people. */
  onEnd(grpcStatus: number, message: string): void;
}

/** Health/Watch is not implemented: the worker's way to say that it does not do health (grpc.health.v1). */
const unimplemented = 12;

/** Asks the worker who it is; settles the promise it is made with. `cancel` is called when the time is over. */
class DescribeCall implements SideCall {
  readonly path = "/lintel.v1.Linter/Describe";
  private description: WorkerDescription | undefined;
  private readonly timer: Timer;

  constructor(
    readonly timeoutMs: number,
    private readonly clock: Clock,
    private readonly resolve: (description: WorkerDescription) => void,
    private readonly reject: (error: Error) => void,
    cancel: (call: DescribeCall) => void,
  ) {
    this.timer = clock.after(timeoutMs, () => {
      this.onEnd(-1, `no answer within ${timeoutMs} ms`);
      cancel(this);
    });
  }

  onMessage(bytes: Uint8Array, start: number, end: number): void {
    this.description = readDescribeResponse(bytes, start, end);
  }

  onEnd(grpcStatus: number, message: string): void {
    this.clock.clear(this.timer);
    if (grpcStatus === 0 && this.description !== undefined) this.resolve(this.description);
    else if (grpcStatus > 0) this.reject(new Error(`Describe failed: ${statusName(grpcStatus)}${message === "" ? "" : `: ${message}`}`));
    else this.reject(new Error(`Describe failed: ${grpcStatus === 0 ? "the reply has no message" : message}`));
  }
}

/** Listens whether the worker serves. Started again when it ends, unless the worker does not do health. */
class WatchCall implements SideCall {
  readonly path = "/grpc.health.v1.Health/Watch";
  readonly timeoutMs = 0;
  state: "idle" | "running" | "not-implemented" = "idle";

  constructor(private readonly onNotServing: () => void) {}

  onMessage(bytes: Uint8Array, start: number, end: number): void {
    if (readHealthResponse(bytes, start, end) === servingStatus.notServing) this.onNotServing();
  }

  onEnd(grpcStatus: number): void {
    this.state = grpcStatus === unimplemented ? "not-implemented" : "idle";
  }
}

/** Starts side calls as the worker's stream limit allows; Lint calls come first only in that they never wait. */
export class SideRunner {
  private readonly waiting: SideCall[] = [];
  private readonly watch: WatchCall;

  constructor(
    private readonly ring: CallRing,
    private readonly sender: RequestSender,
    private readonly receiver: ReplyReceiver,
    private readonly clock: Clock,
    onNotServing: () => void,
  ) {
    this.watch = new WatchCall(onNotServing);
  }

  get hasWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** How many of the calls in flight are not Lint or Describe, and so may take as long as they like. */
  get endlessCount(): number {
    return this.watch.state === "running" ? 1 : 0;
  }

  describe(timeoutMs: number): Promise<WorkerDescription> {
    return new Promise((resolve, reject) => {
      this.waiting.push(new DescribeCall(timeoutMs, this.clock, resolve, reject, (call) => this.drop(call)));
      this.startWaiting();
    });
  }

  /** After anything that may have made room. */
  startWaiting(): void {
    while (this.ring.count < this.ring.streamsMax) {
      const call = this.waiting.shift();
      if (call === undefined) return;
      this.start(call);
    }
  }

  /** Keeps the Watch running, but never on a worker's only stream. */
  keepWatch(): void {
    if (this.ring.streamsMax < 2) this.drop(this.watch);
    else if (this.watch.state === "idle" && this.ring.count < this.ring.streamsMax) {
      this.watch.state = "running";
      this.start(this.watch);
    }
  }

  /** The connection ends. What is in flight the receiver ends. */
  failWaiting(reason: string): void {
    for (const call of this.waiting.splice(0)) call.onEnd(-1, reason);
  }

  private start(call: SideCall): void {
    const slot = this.ring.open(undefined, callFlags.isSide, this.sender.initialStreamWindow);
    this.receiver.sides.set(this.ring.ids[slot] ?? 0, call);
    this.sender.sendEmpty(slot, call.path, call.timeoutMs);
  }

  private drop(call: SideCall): void {
    const index = this.waiting.indexOf(call);
    if (index >= 0) this.waiting.splice(index, 1);
    for (const [id, running] of this.receiver.sides) {
      if (running === call) this.receiver.cancel(this.ring.find(id));
    }
    if (call === this.watch && this.watch.state === "running") this.watch.state = "idle";
  }
}
