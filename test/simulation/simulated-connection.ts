/**
 * A `Connection` to a simulated worker, as the contract in upstream/connection.ts has it: no listener is called
 * from within `lint`, each hears of its attempt at most once, a closed connection has failed its calls before it
 * says so. Must not know what an exchange is.
 */
import type { Random } from "../../src/base/random.js";
import type { AttemptListener, Connection, ConnectionEvents, ConnectionOptions, LintCall, Ticket, WorkerDescription } from "../../src/upstream/connection.js";
import type { AttemptFailure } from "../../src/upstream/failure.js";
import type { Job, Outcome, Peer, SimulatedWorker } from "./simulated-worker.js";
import type { ShardClock } from "./virtual-clock.js";

/** What happens to calls, for those who check the rules; each is called before the code under test hears of it. */
export interface CallWatch {
  onSent(connection: SimulatedConnection, call: OpenCall): void;
  onAnswered(call: OpenCall, failure: AttemptFailure | undefined): void;
  onCancelled(call: OpenCall): void;
  /** It was asked who it is, and did not say. */
  onUndescribed(connection: SimulatedConnection): void;
}

export interface OpenCall extends Job {
  readonly ticket: Ticket;
  readonly call: LintCall;
  readonly listener: AttemptListener;
  readonly connection: SimulatedConnection;
  readonly sentMs: number;
  readonly timeoutMs: number;
  /** Whether the worker has it. */
  isReceived: boolean;
}

export interface Network {
  readonly clock: ShardClock;
  readonly random: Random;
  readonly watch: CallWatch;
}

type Phase = "connecting" | "open" | "draining" | "closed";

/** Of requests, and of answers, to a lossy worker. */
const lossShare = 0.2;

export class SimulatedConnection implements Connection, Peer {
  phase: Phase = "connecting";
  readonly calls = new Map<Ticket, OpenCall>();
  /** Asked who it is, and not yet answered: each is told here why there will be no answer. */
  private readonly questions = new Set<(reason: string) => void>();
  private lastTicket = 0;
  /** By the worker, heard or not. */
  private saidGoodbye = false;

  /** Without a worker nobody listens at the address. */
  constructor(
    readonly worker: SimulatedWorker | undefined,
    options: ConnectionOptions,
    private readonly events: ConnectionEvents,
    private readonly network: Network,
  ) {
    this.later(() => this.knock());
    network.clock.after(options.connectTimeoutMs, () => {
      if (this.phase === "connecting") this.close(`no connection within ${options.connectTimeoutMs} ms`);
    });
  }

  lint(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    const ticket = ++this.lastTicket;
    const { clock, watch } = this.network;
    const sentMs = clock.nowMs();
    const answer = (outcome: Outcome): void => this.later(() => this.settle(ticket, outcome), true);
    // A copy, as on a wire: the shard uses a settled request's memory again.
    const open: OpenCall = { ticket, call, source: Uint8Array.from(call.source), listener, connection: this, sentMs, timeoutMs, deadlineAtMs: sentMs + timeoutMs, isReceived: false, answer };
    const isTaken = this.availableCalls() > 0;
    this.calls.set(ticket, open);
    watch.onSent(this, open);
    if (isTaken) this.later(() => this.carry(open), true);
    else clock.after(0, () => this.settle(ticket, { kind: "not-sent", message: "the connection takes no call", queueDepth: -1 }));
    return ticket;
  }

  cancel(ticket: Ticket): void {
    const call = this.calls.get(ticket);
    if (call === undefined) return;
    this.network.watch.onCancelled(call);
    this.calls.delete(ticket);
    this.later(() => this.worker?.act(() => this.worker?.forget(call)));
    this.finishWhenDrained();
  }

  describe(timeoutMs: number): Promise<WorkerDescription> {
    const { clock, watch } = this.network;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void): void => {
        if (isOver) return;
        isOver = true;
        this.questions.delete(fail);
        clock.notePromise();
        settle();
      };
      const fail = (reason: string): void =>
        end(() => {
          watch.onUndescribed(this);
          reject(new Error(reason));
        });
      if (this.phase !== "open") {
        fail("the connection is not open");
        return;
      }
      this.questions.add(fail);
      clock.after(timeoutMs, () => fail(`no description within ${timeoutMs} ms`));
      const answer = (description: WorkerDescription | string): void => (typeof description === "string" ? fail(description) : end(() => resolve(description)));
      this.later(() => this.ask(answer), true);
    });
  }

  availableCalls(): number {
    return this.phase === "open" ? Math.max(0, (this.worker?.traits.streamsMax ?? 0) - this.calls.size) : 0;
  }

  drain(): void {
    if (this.phase === "connecting") this.close("drained");
    if (this.phase !== "open") return;
    this.phase = "draining";
    this.finishWhenDrained();
  }

  close(reason = "closed by the balancer"): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.letGo();
    for (const { ticket, sentMs } of [...this.calls.values()]) {
      const isSent = sentMs < this.network.clock.nowMs();
      this.settle(ticket, { kind: isSent ? "connection-lost" : "not-sent", message: reason, queueDepth: -1 });
    }
    for (const fail of [...this.questions]) fail(reason);
    this.events.onClosed(reason);
  }

  /** The shard is gone: nobody is left to be told. */
  vanish(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.letGo();
    this.calls.clear();
    this.questions.clear();
  }

  cut(reason: string): void {
    this.worker?.peers.delete(this);
    this.later(() => this.close(reason));
  }

  sayGoodbye(): void {
    this.saidGoodbye = true;
    this.later(() => {
      if (this.phase === "closed") return;
      const wasOpen = this.phase === "open";
      this.drain();
      for (const { ticket } of [...this.calls.values()].filter((call) => !call.isReceived)) this.settle(ticket, { kind: "not-sent", message: "GOAWAY", queueDepth: -1 });
      if (wasOpen) this.events.onDraining("GOAWAY");
    });
  }

  /** After the time a message takes. */
  private later(what: () => void, mayGetLost = false): void {
    const { clock, random } = this.network;
    if (mayGetLost && this.worker?.faults.has("lossy") === true && random.next() < lossShare) return;
    clock.after(this.worker?.traits.latencyMs ?? 1, what);
  }

  private knock(): void {
    const { worker } = this;
    if (this.phase !== "connecting") return;
    if (worker?.isUp !== true) {
      this.close("ECONNREFUSED");
      return;
    }
    // The kernel takes the connection; that the process is there shows when it greets.
    worker.peers.add(this);
    worker.act(() =>
      this.later(() => {
        if (this.phase !== "connecting") return;
        this.phase = "open";
        this.events.onOpen();
      }),
    );
  }

  private carry(call: OpenCall): void {
    const { worker } = this;
    // A call that was cancelled on its way, whose connection is gone, or that comes after a GOAWAY, is not begun (RFC 9113, 6.8).
    if (this.saidGoodbye || worker === undefined || !this.calls.has(call.ticket) || !worker.peers.has(this)) return;
    worker.act(() => {
      if (!this.calls.has(call.ticket)) return;
      call.isReceived = true;
      worker.receive(call);
    });
  }

  /** The worker hears of the end, and drops what it has not begun. */
  private letGo(): void {
    this.worker?.peers.delete(this);
    for (const call of this.calls.values()) this.worker?.act(() => this.worker?.forget(call));
  }

  private ask(answer: (description: WorkerDescription | string) => void): void {
    const { worker } = this;
    if (worker?.peers.has(this) !== true) return;
    worker.act(() => {
      const description = worker.describe();
      this.later(() => answer(description), true);
    });
  }

  private settle(ticket: Ticket, outcome: Outcome): void {
    const call = this.calls.get(ticket);
    if (call === undefined) return;
    this.calls.delete(ticket);
    if (outcome.kind === "report") {
      this.network.watch.onAnswered(call, undefined);
      call.listener.onReply(outcome.report, outcome.queueDepth, outcome.costMicros);
      // It was valid during the call only.
      outcome.report.fill(0);
    } else {
      this.network.watch.onAnswered(call, outcome);
      call.listener.onFailure(outcome);
    }
    this.finishWhenDrained();
  }

  private finishWhenDrained(): void {
    if (this.phase !== "draining" || this.calls.size > 0) return;
    this.network.clock.after(0, () => {
      if (this.phase === "draining" && this.calls.size === 0) this.close("drained");
    });
  }
}
