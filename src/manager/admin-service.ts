/**
 * The gRPC service Admin: what administrators ask for, and what they are told. Must not know how a change is made or how a
 * barrier comes to open.
 */
import { type sendUnaryData, type ServerUnaryCall, type ServerWritableStream, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Clock } from "../base/clock.js";
import type { BarrierMessage, ChangeReplyMessage, ChangeRequestMessage, HistoryReplyMessage, StatusReplyMessage, WhoReplyMessage } from "../rpc/admin-messages.js";
import type { Gate } from "../rpc/gate.js";
import type { Permission } from "../rpc/roles.js";
import { permissionFor, requestedChange, statusOf } from "./admin-requests.js";
import { type StatusNames, statusReply, type WorkerSeen } from "./admin-status.js";
import { BarrierWaits, defaultBarrierWaitOptions } from "./barrier-waits.js";
import { type Refusal, refused } from "./changes/change.js";
import type { FleetView } from "./fleet-view.js";
import type { ChangeOutcome, Manager } from "./manager.js";
import { defaultStatusWatchOptions, StatusWatches } from "./status-watches.js";

/** A platform, or those that registered themselves. */
export interface WorkerSource {
  workers(): readonly WorkerSeen[];
  onChange(listener: () => void): void;
}

export interface AdminServiceParts {
  readonly manager: Manager;
  readonly fleet: FleetView;
  readonly workers: readonly WorkerSource[];
  readonly gate: Gate;
  readonly names: StatusNames;
  readonly clock: Clock;
}

/** A screen or two. */
const historyEntriesDefault = 50;
/** A UUID has 36. */
const requestIdCharactersMax = 128;

type Unary<Request, Reply> = (call: ServerUnaryCall<Request, Reply>, callback: sendUnaryData<Reply>) => void;

export class AdminService {
  /** Changes ask for more, each for its own (admin-requests.ts). */
  static readonly permissions: Readonly<Record<string, Permission>> = { Change: "view", Wait: "view", Status: "view", Watch: "view", History: "view", Who: "view" };

  private readonly waits: BarrierWaits;
  private readonly watches: StatusWatches<StatusReplyMessage>;

  constructor(private readonly parts: AdminServiceParts) {
    const { manager, fleet, workers, clock } = parts;
    this.waits = new BarrierWaits(fleet, defaultBarrierWaitOptions, clock);
    this.watches = new StatusWatches(() => this.status(), defaultStatusWatchOptions, clock);
    const changed = (): void => this.watches.changed();
    manager.onConfiguration(changed);
    fleet.onChange(changed);
    for (const source of workers) source.onChange(changed);
  }

  /** For `Gate.guarded`, with `permissions`. */
  get implementation(): UntypedServiceImplementation {
    const change: Unary<ChangeRequestMessage, ChangeReplyMessage> = (call, callback) => void this.change(call, callback);
    const wait: Unary<{ revision: number; timeoutMs: number }, BarrierMessage> = (call, callback) => this.wait(call, callback);
    const answerStatus: Unary<object, StatusReplyMessage> = (_call, callback) => callback(null, this.status());
    const watch = (stream: ServerWritableStream<object, StatusReplyMessage>): void => this.watch(stream);
    const history: Unary<{ entriesMax: number }, HistoryReplyMessage> = ({ request }, callback) => callback(null, this.history(request.entriesMax));
    const who: Unary<object, WhoReplyMessage> = (call, callback) => callback(null, this.who(call));
    return { Change: change, Wait: wait, Status: answerStatus, Watch: watch, History: history, Who: who };
  }

  private who(call: ServerUnaryCall<object, WhoReplyMessage>): WhoReplyMessage {
    const { gate } = this.parts;
    const caller = gate.callerOf(call);
    return { who: caller.who, role: caller.role, mayOperate: gate.refusalFor(caller, "operate") === undefined, proof: caller.proof };
  }

  private async change(call: ServerUnaryCall<ChangeRequestMessage, ChangeReplyMessage>, callback: sendUnaryData<ChangeReplyMessage>): Promise<void> {
    const { gate, manager } = this.parts;
    const { ifRevision, dryRun, reason, requestId } = call.request;
    const requested = requestId.length > requestIdCharactersMax ? refused("invalid", `the request id has ${requestId.length} characters, at most ${requestIdCharactersMax} are remembered`) : requestedChange(call.request);
    const caller = gate.callerOf(call);
    // Whoever may change nothing is told that, and not what is wrong with the change.
    const forbidden = gate.refusalFor(caller, requested.kind === "requested" ? permissionFor(requested.change) : "operate");
    if (forbidden !== undefined) {
      if (requested.kind === "requested") await manager.recordRefusal({ change: requested.change, who: caller.who, reason, requestId }, forbidden.details);
      callback(forbidden);
      return;
    }
    const outcome: ChangeOutcome = requested.kind === "refused" ? requested : await manager.change({ change: requested.change, who: caller.who, reason, requestId, ifRevision, dryRun });
    if (outcome.kind === "refused") callback(asError(outcome));
    else callback(null, { ...outcome, warnings: [...(requested.kind === "requested" ? requested.warnings : []), ...outcome.warnings] });
  }

  private wait(call: ServerUnaryCall<{ revision: number; timeoutMs: number }, BarrierMessage>, callback: sendUnaryData<BarrierMessage>): void {
    const { revision, timeoutMs } = call.request;
    const giveUp = this.waits.wait(revision === 0 ? this.parts.manager.current.revision : revision, timeoutMs, (barrier) => callback(null, barrier));
    if (giveUp === undefined) callback({ code: status.RESOURCE_EXHAUSTED, details: "too many are waiting for revisions at this manager; ask with `lintel admin status` instead" });
    else call.on("cancelled", giveUp);
  }

  private watch(stream: ServerWritableStream<object, StatusReplyMessage>): void {
    const watch = this.watches.watch((reply) => stream.write(reply));
    if (watch === undefined) {
      stream.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "too many watch this manager; close one of them, or ask now and then with `lintel admin status`" });
      return;
    }
    stream.on("drain", watch.ready);
    for (const end of ["cancelled", "close", "error"]) stream.on(end, watch.stop);
  }

  private status(): StatusReplyMessage {
    const { manager, fleet, workers, names } = this.parts;
    return statusReply(manager.current, fleet, workers.flatMap((source) => source.workers()), names);
  }

  private history(entriesMax: number): HistoryReplyMessage {
    const entries = this.parts.manager.current.history.slice(-(entriesMax > 0 ? entriesMax : historyEntriesDefault)).reverse();
    return { entries: entries.map(({ revision, atUnixMs, who, what, reason, differences }) => ({ revision, atUnixMs, who, what, reason, differences })) };
  }
}

function asError({ why, message }: Refusal): { code: status; details: string } {
  return { code: statusOf(why), details: message };
}
