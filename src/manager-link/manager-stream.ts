/**
 * One stream to one manager, from the attempt to reach it to its end. The only file of the link that knows gRPC; must not
 * know what the messages mean.
 */
import { Client, type ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { assert } from "../base/assert.js";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { ClientSecurity } from "../rpc/client-security.js";
import { serviceDefinition } from "../rpc/service-definition.js";
import type { BalancerMessage, ManagerMessage } from "../snapshot/link-messages.js";

export interface ManagerStreamOptions {
  readonly security: ClientSecurity;
  /** A manager that is there takes the stream at once; its first snapshot may take longer, while it starts. */
  readonly reachTimeoutMs: number;
  /** A manager that is silent for so long is asked whether it is there, and given up after `keepaliveTimeoutMs` more. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Some 50 bytes a worker: room for a million of them. */
  readonly messageBytesMax: number;
}

export const defaultManagerStreamOptions: Omit<ManagerStreamOptions, "security"> = {
  reachTimeoutMs: 3_000,
  keepaliveMs: 4_000,
  keepaliveTimeoutMs: 3_000,
  messageBytesMax: 64 * 1024 * 1024,
};

export interface ManagerStreamEvents {
  onMessage(message: ManagerMessage): void;
  /** Once, however it ended. */
  onEnd(reason: string): void;
}

const follow = serviceDefinition("link.proto", "Link")["Follow"];

export class ManagerStream {
  /** Whether the manager has said anything. */
  answered = false;
  private readonly client: Client;
  private readonly call: ClientDuplexStream<BalancerMessage, ManagerMessage>;
  private readonly timer: Timer;
  private ended = false;

  /** Opens it and says `hello`. */
  constructor(
    readonly address: string,
    hello: BalancerMessage,
    options: ManagerStreamOptions,
    private readonly clock: Clock,
    private readonly events: ManagerStreamEvents,
  ) {
    assert(follow !== undefined, "link.proto has Follow");
    const { credentials, token } = options.security;
    this.client = new Client(address, credentials, {
      // A pause between attempts is the link's to choose: each one starts anew.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.keepalive_time_ms": options.keepaliveMs,
      "grpc.keepalive_timeout_ms": options.keepaliveTimeoutMs,
      "grpc.max_receive_message_length": options.messageBytesMax,
      "grpc.enable_retries": 0,
    });
    const metadata = new Metadata();
    if (token !== "") metadata.set("authorization", `Bearer ${token}`);
    this.call = this.client.makeBidiStreamRequest<BalancerMessage, ManagerMessage>(follow.path, follow.requestSerialize, follow.responseDeserialize, metadata);
    this.timer = clock.after(options.reachTimeoutMs, () => this.end(`no answer within ${options.reachTimeoutMs} ms`));
    this.call.on("metadata", () => clock.clear(this.timer));
    this.call.on("data", (message: ManagerMessage) => this.hear(message));
    this.call.on("error", (error) => this.end(messageOf(error)));
    this.call.on("end", () => this.end("the manager ended the stream"));
    this.call.write(hello);
  }

  send(message: BalancerMessage): void {
    if (!this.ended) this.call.write(message);
  }

  close(): void {
    this.end("closed");
  }

  private hear(message: ManagerMessage): void {
    if (this.ended) return;
    this.answered = true;
    this.events.onMessage(message);
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.clock.clear(this.timer);
    this.call.cancel();
    this.client.close();
    this.events.onEnd(reason);
  }
}
