/**
 * Registers this worker at managers, and keeps it registered by heartbeats until it leaves. At every manager it is given, because
 * managers do not tell each other who is alive. Loaded only by a worker that is told of managers. Must not know what the
 * worker does.
 */
import { Client, type ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { assert } from "../base/assert.js";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { Random } from "../base/random.js";
import type { ClientSecurity } from "../rpc/client-security.js";
import { serviceDefinition } from "../rpc/service-definition.js";

export interface RegistrationOptions {
  /** "host:port" of every manager. */
  readonly managers: readonly string[];
  readonly security: ClientSecurity;
  readonly language: string;
  readonly version: string;
  /** Where balancers reach it; an empty host is the address that the manager sees. */
  readonly host: string;
  readonly port: number;
  /** The pause before it registers again, doubled each time up to the maximum, half of it at random. */
  readonly retryDelayMs: number;
  /** Below the time a manager waits for its workers after its start (manager/publisher.ts, `settleMs`), with room to connect. */
  readonly retryDelayMaxMs: number;
  /** A manager that takes the stream says so at once. */
  readonly answerTimeoutMs: number;
  /** How long a leaving worker waits for the managers to have heard it. */
  readonly leaveTimeoutMs: number;
}

export const defaultRegistrationOptions: Pick<RegistrationOptions, "retryDelayMs" | "retryDelayMaxMs" | "answerTimeoutMs" | "leaveTimeoutMs"> = {
  retryDelayMs: 50,
  retryDelayMaxMs: 500,
  answerTimeoutMs: 3_000,
  leaveTimeoutMs: 1_000,
};

interface Welcome {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

const join = serviceDefinition("link.proto", "Link")["Join"];

export class Registration {
  private readonly seats: readonly Seat[];

  constructor(options: RegistrationOptions, clock: Clock, random: Random, logger: Logger) {
    this.seats = options.managers.map((manager) => new Seat(manager, options, clock, random, logger));
  }

  /** Out of every snapshot; resolves when the managers have heard it, or cannot. */
  async leave(): Promise<void> {
    await Promise.all(this.seats.map((seat) => seat.leave()));
  }
}

/** The place at one manager. */
class Seat {
  private client: Client | undefined;
  private stream: ClientDuplexStream<object, Welcome> | undefined;
  private timer: Timer | undefined;
  private failures = 0;
  private welcomed = false;
  private leaving = false;
  private onLeft: () => void = () => undefined;

  constructor(
    private readonly manager: string,
    private readonly options: RegistrationOptions,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly logger: Logger,
  ) {
    this.open();
  }

  async leave(): Promise<void> {
    this.leaving = true;
    const { stream } = this;
    if (stream !== undefined && this.welcomed) {
      const left = new Promise<void>((resolve) => (this.onLeft = resolve));
      const timeout = new Promise<void>((resolve) => this.clock.after(this.options.leaveTimeoutMs, resolve));
      stream.write({ leaving: true });
      await Promise.race([left, timeout]);
    }
    this.clock.clear(this.timer);
    this.client?.close();
  }

  private open(): void {
    const { security, language, version, host, port, answerTimeoutMs } = this.options;
    assert(join !== undefined, "link.proto has Join");
    const client = new Client(this.manager, security.credentials, { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0, "grpc.keepalive_time_ms": 4_000, "grpc.keepalive_timeout_ms": 3_000 });
    const metadata = new Metadata();
    if (security.token !== "") metadata.set("authorization", `Bearer ${security.token}`);
    const stream = client.makeBidiStreamRequest<object, Welcome>(join.path, join.requestSerialize, join.responseDeserialize, metadata);
    this.client = client;
    this.stream = stream;
    this.welcomed = false;
    let over = false;
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      stream.cancel();
      client.close();
      this.ended(reason);
    };
    stream.on("data", (welcome: Welcome) => this.onWelcome(stream, welcome));
    stream.on("error", (error) => end(messageOf(error)));
    stream.on("end", () => end("the manager ended the stream"));
    stream.write({ language, version, worker: { id: "", host, port }, leaving: false });
    this.timer = this.clock.after(answerTimeoutMs, () => end(`no answer within ${answerTimeoutMs} ms`));
  }

  private onWelcome(stream: ClientDuplexStream<object, Welcome>, { intervalMs }: Welcome): void {
    if (this.welcomed) return;
    this.welcomed = true;
    this.failures = 0;
    this.clock.clear(this.timer);
    this.timer = this.clock.every(intervalMs, () => stream.write({}));
    this.logger.info("registered", { manager: this.manager });
  }

  private ended(reason: string): void {
    this.clock.clear(this.timer);
    this.timer = undefined;
    this.onLeft();
    if (this.leaving) return;
    if (this.failures++ === 0) this.logger.warn("not registered; trying again", { manager: this.manager, reason });
    const { retryDelayMs, retryDelayMaxMs } = this.options;
    const ceilingMs = Math.min(retryDelayMaxMs, retryDelayMs * 2 ** this.failures);
    this.timer = this.clock.after(ceilingMs * (0.5 + 0.5 * this.random.next()), () => this.open());
  }
}
