/**
 * A manager's admin service, called. Given several managers it asks them in turn until one answers, and stays with that one;
 * a change carries an id, so that asking again after a lost reply changes nothing twice. Every failure is one sentence and an
 * exit code. Must not know what is asked, nor how answers are shown.
 */
import { Client, type ChannelCredentials, type ClientReadableStream, Metadata, type MethodDefinition, type ServiceError, type ServiceDefinition, status } from "@grpc/grpc-js";
import { type Clock, delay } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import type { BarrierMessage, ChangeReplyMessage, ChangeRequestMessage, HistoryReplyMessage, StatusReplyMessage, WhoReplyMessage } from "../rpc/admin-messages.js";
import { userMetadataKey } from "../rpc/gate.js";
import { serviceDefinition } from "../rpc/service-definition.js";
import { adminExitCodes } from "./admin-exit-codes.js";

export interface AdminServiceOptions {
  /** HOST:PORT, in the order they are asked. At least one. */
  readonly managers: readonly string[];
  readonly credentials: ChannelCredentials;
  /** "" for none. */
  readonly token: string;
  /** Who asks, where nobody has to prove it; "" to leave it out. */
  readonly user: string;
  /** Longest time one manager may take to answer; a change is one write to disk or to Kubernetes. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A connection and an fsync take milliseconds; more than ten seconds nobody waits before trying the next one. */
export const defaultTimeoutMs = 10_000;
/** A manager that restarts is back after this and one more try; only a change, which was typed, is worth it. */
const changeRoundsMax = 2;
const betweenRoundsMs = 1_000;
/** Beyond the time that was asked for: for the answer to travel. */
const waitGraceMs = 2_000;

type Methods = Readonly<Record<"Change" | "Wait" | "Status" | "Watch" | "History" | "Who", MethodDefinition<object, object>>>;

export class AdminService {
  private readonly methods = serviceDefinition("admin.proto", "Admin") as ServiceDefinition & Methods;
  private readonly metadata = new Metadata();
  /** Which manager is asked: the one that answered last. */
  private chosen = 0;
  private connected: Client | undefined;

  constructor(private readonly options: AdminServiceOptions) {
    if (options.token !== "") this.metadata.set("authorization", `Bearer ${options.token}`);
    if (options.user !== "") this.metadata.set(userMetadataKey, options.user);
  }

  change(request: ChangeRequestMessage): Promise<ChangeReplyMessage> {
    return this.ask("Change", request, { rounds: changeRoundsMax }) as Promise<ChangeReplyMessage>;
  }

  /**
   * Returns when the revision is active everywhere, or with the laggards after `timeoutMs`. A manager that goes away meanwhile is no end of it:
   * as long as there is time it may come back, or another one answers.
   */
  async wait(revision: number, timeoutMs: number): Promise<BarrierMessage> {
    const { clock } = this.options;
    const endMs = clock.nowMs() + timeoutMs;
    let [leftMs, away]: [number, NoManagerError | undefined] = [timeoutMs, undefined];
    while (away === undefined || leftMs > 0) {
      try {
        return (await this.ask("Wait", { revision, timeoutMs: Math.ceil(leftMs) }, { timeoutMs: leftMs + waitGraceMs })) as BarrierMessage;
      } catch (thrown) {
        if (!(thrown instanceof NoManagerError)) throw thrown;
        away = thrown;
      }
      await delay(Math.min(betweenRoundsMs, Math.max(0, endMs - clock.nowMs())));
      leftMs = endMs - clock.nowMs();
    }
    throw away;
  }

  status(): Promise<StatusReplyMessage> {
    return this.ask("Status", {}) as Promise<StatusReplyMessage>;
  }

  history(entriesMax: number): Promise<HistoryReplyMessage> {
    return this.ask("History", { entriesMax }) as Promise<HistoryReplyMessage>;
  }

  /** Who the manager takes this caller for. */
  who(): Promise<WhoReplyMessage> {
    return this.ask("Who", {}) as Promise<WhoReplyMessage>;
  }

  /** Status again at every change, until the manager goes away. */
  async *watch(): AsyncGenerator<StatusReplyMessage> {
    // The first answer finds the manager that can be reached.
    yield await this.status();
    const { path, requestSerialize, responseDeserialize } = this.methods.Watch;
    const stream = this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, this.metadata, {}) as ClientReadableStream<StatusReplyMessage>;
    try {
      for await (const reply of stream) yield reply as StatusReplyMessage;
    } catch (thrown) {
      throw sentenceFor(thrown as ServiceError);
    } finally {
      stream.cancel();
    }
  }

  close(): void {
    this.connected?.close();
    this.connected = undefined;
  }

  /** A new one after every failure: it tries at once, where the old one would pause and say nothing of why. */
  private get client(): Client {
    const { managers, credentials } = this.options;
    return (this.connected ??= new Client(managers[this.chosen] ?? "", credentials, { "grpc.use_local_subchannel_pool": 1 }));
  }

  private async ask(method: Exclude<keyof Methods, "Watch">, request: object, { timeoutMs = this.options.timeoutMs, rounds = 1 } = {}): Promise<object> {
    let last: ServiceError | undefined;
    const { length } = this.options.managers;
    for (let tried = 0; tried < rounds * length; tried++) {
      if (tried > 0 && tried % length === 0) await delay(betweenRoundsMs);
      try {
        return await this.call(this.methods[method], request, timeoutMs);
      } catch (thrown) {
        last = thrown as ServiceError;
        if (!mayAskAnother(last)) throw sentenceFor(last);
        this.close();
        this.chosen = (this.chosen + 1) % length;
      }
    }
    throw this.unreachable(last, method === "Change", timeoutMs);
  }

  private call({ path, requestSerialize, responseDeserialize }: MethodDefinition<object, object>, request: object, timeoutMs: number): Promise<object> {
    const deadline = this.options.clock.wallMs() + timeoutMs;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, this.metadata, { deadline }, (error, reply) => {
        if (error !== null) reject(error);
        else if (reply !== undefined) resolve(reply);
      });
    });
  }

  private unreachable(error: ServiceError | undefined, isChange: boolean, timeoutMs: number): NoManagerError {
    const { managers } = this.options;
    const details = error?.details ?? "";
    if (error?.code === status.UNAVAILABLE && !transportFault.test(details)) return new NoManagerError(details, adminExitCodes.failed);
    const who = managers.length === 1 ? `no manager answers at ${managers[0] ?? ""}` : `none of the managers answers (${managers.join(", ")})`;
    const why = error?.code === status.DEADLINE_EXCEEDED ? `nothing within ${Math.round(timeoutMs)} ms` : connectionFault(details);
    const outcome = isChange && !/ECONNREFUSED|ENOTFOUND/.test(details) ? "; whether the change was made is not known, `lintel admin history` will tell" : "";
    return new NoManagerError(`${who} (${why})${outcome}; is one running, and is this its --manager address?`, adminExitCodes.failed);
  }
}

/** None answers now; one may later. */
class NoManagerError extends UserError {}

/** What grpc-js says when no answer came; what it does not begin so, a manager has said. */
const transportFault = /^(No connection established|Connection dropped|Name resolution failed|(read|write|connect) E[A-Z]+|Stream refused|Channel|Protocol error|Received HTTP)/;

/** Nobody is there, nobody who can do it now, or one that stops and cuts what is open. A manager that answers with a refusal speaks for all of them. */
function mayAskAnother({ code }: ServiceError): boolean {
  return code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED || code === status.CANCELLED;
}

function sentenceFor({ code, details }: ServiceError): UserError {
  return new UserError(details, exitCodesByStatus.get(code) ?? adminExitCodes.failed);
}

/** What is not named here is a failure of the manager or on the way there. */
const exitCodesByStatus = new Map<status, number>([
  [status.INVALID_ARGUMENT, adminExitCodes.usage],
  [status.ABORTED, adminExitCodes.conflict],
  [status.UNAUTHENTICATED, adminExitCodes.notAllowed],
  [status.PERMISSION_DENIED, adminExitCodes.notAllowed],
]);

/** "No connection established. Last error: connect ECONNREFUSED 127.0.0.1:9900 (2026-…)" -> "connect ECONNREFUSED 127.0.0.1:9900" */
function connectionFault(details: string): string {
  return /Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*| \(\d{4}-.*)?$/.exec(details)?.[1] ?? details;
}
