/**
 * The gRPC service Link: streams to and from balancers (Follow) and self-registered workers (Join). Must not know what a
 * snapshot means or how a barrier is computed: link-session.ts and registrations.ts do.
 */
import { Metadata, type ServerDuplexStream, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Clock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import type { BalancerMessage, HeartbeatMessage, WelcomeMessage } from "../snapshot/link-messages.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";
import type { Fleet } from "./fleet.js";
import { LinkSession } from "./link-session.js";
import type { Publisher } from "./publisher.js";
import type { Registration, Registrations } from "./registrations.js";

export interface LinkServiceOptions {
  /** A balancer says every two seconds how it stands; several of those lost and a pause for its garbage are still no silence. */
  readonly silentMs: number;
  /** Why this manager cannot know what is newest; "" while it can. Balancers are better off with another one. */
  readonly cutOff?: () => string;
}

export const defaultLinkServiceOptions: LinkServiceOptions = { silentMs: 12_000 };

type FollowStream = ServerDuplexStream<BalancerMessage, Buffer>;
type JoinStream = ServerDuplexStream<HeartbeatMessage, WelcomeMessage>;

interface Follower {
  readonly session: LinkSession;
  readonly stream: FollowStream;
  heardMs: number;
}

export class LinkService {
  private readonly followers = new Set<Follower>();

  constructor(
    private readonly publisher: Publisher,
    private readonly fleet: Fleet,
    private readonly registrations: Registrations,
    private readonly options: LinkServiceOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    publisher.onPublication(() => this.offerToAll());
    clock.every(options.silentMs / 8, () => {
      this.endSilent();
      this.endIfCutOff();
    });
  }

  /** For `Server.addService`, with the definition from link-wire.ts. */
  readonly implementation: UntypedServiceImplementation = {
    Follow: (stream: FollowStream) => this.follow(stream),
    Join: (stream: JoinStream) => this.join(stream),
  };

  private follow(stream: FollowStream): void {
    const cutOff = this.options.cutOff?.() ?? "";
    if (cutOff !== "") {
      stream.emit("error", { code: status.UNAVAILABLE, details: cutOff });
      return;
    }
    const session = new LinkSession(this.publisher, this.fleet, (message) => stream.write(message));
    // At once, because the first snapshot may have to wait: who hears nothing at all goes elsewhere.
    stream.sendMetadata(new Metadata());
    const follower: Follower = { session, stream, heardMs: this.clock.nowMs() };
    this.followers.add(follower);
    const ended = (): void => {
      if (this.followers.delete(follower)) session.ended("closed");
    };
    stream.on("data", (message: BalancerMessage) => {
      follower.heardMs = this.clock.nowMs();
      if (message.hello !== undefined) this.logger.info("a balancer follows", { balancer: message.hello.balancer, revision: message.hello.revision, peer: stream.getPeer() });
      if (message.nack !== undefined) this.logger.warn("a balancer refused a snapshot", { peer: stream.getPeer(), revision: message.nack.revision, reason: message.nack.reason });
      const fault = session.hear(message);
      if (fault !== "") refuse(stream, fault);
    });
    stream.on("end", () => {
      ended();
      stream.end();
    });
    stream.on("cancelled", ended);
    stream.on("error", ended);
    stream.on("close", ended);
  }

  private offerToAll(): void {
    for (const { session } of this.followers) session.offer();
  }

  /** A paused process keeps its connection open: what it does not say tells. */
  private endSilent(): void {
    const limitMs = this.clock.nowMs() - this.options.silentMs;
    for (const follower of this.followers) {
      if (follower.heardMs >= limitMs) continue;
      this.followers.delete(follower);
      follower.session.ended("silent");
      this.logger.warn("a balancer fell silent", { peer: follower.stream.getPeer() });
      follower.stream.emit("error", { code: status.UNAVAILABLE, details: `nothing was heard for ${this.options.silentMs} ms` });
    }
  }

  private endIfCutOff(): void {
    const details = this.options.cutOff?.() ?? "";
    if (details === "" || this.followers.size === 0) return;
    this.logger.warn("balancers are sent to other managers", { balancers: this.followers.size, reason: details });
    for (const follower of this.followers) {
      this.followers.delete(follower);
      follower.session.ended("closed");
      follower.stream.emit("error", { code: status.UNAVAILABLE, details });
    }
  }

  private join(stream: JoinStream): void {
    let registration: Registration | undefined;
    stream.on("data", (message: HeartbeatMessage) => {
      if (registration !== undefined) registration.heartbeat();
      else {
        const endpoint = endpointOf(message, stream.getPeer());
        if (message.language === "" || message.version === "" || endpoint === undefined) {
          refuse(stream, "the first heartbeat names the worker's language, version and port");
          return;
        }
        registration = this.registrations.register(message.language, message.version, endpoint);
        this.logger.info("a worker registered", { worker: endpoint.id, language: message.language, version: message.version, peer: stream.getPeer() });
        stream.write(this.registrations.options);
      }
      if (!message.leaving) return;
      registration.leave();
      stream.end();
    });
    stream.on("end", () => stream.end());
    // Without `leaving` it may be on its way back: its time decides.
    stream.on("error", () => undefined);
  }
}

function refuse(stream: FollowStream | JoinStream, details: string): void {
  stream.emit("error", { code: status.INVALID_ARGUMENT, details });
}

/** What a worker leaves out is what the manager sees of it. */
function endpointOf({ worker }: HeartbeatMessage, peer: string): WorkerEndpoint | undefined {
  if (worker === null || worker.port === 0) return undefined;
  const host = worker.host === "" ? hostOf(peer) : worker.host;
  const id = worker.id === "" ? `${host.includes(":") ? `[${host}]` : host}:${worker.port}` : worker.id;
  return host === "" ? undefined : { id, host, port: worker.port };
}

/** "10.0.0.5:40312" or "[fd00::5]:40312", an IPv4 address perhaps in its IPv6 form. */
function hostOf(peer: string): string {
  return /^\[?(?:::ffff:)?(.+?)\]?:\d+$/.exec(peer)?.[1] ?? "";
}
