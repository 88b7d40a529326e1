/**
 * The manager link of `lintel up`: the manager is in the same process, so what it publishes is handed over instead of sent. To the
 * manager this balancer is one of the fleet, with the same acknowledgements, barrier and status as one that is far away. Must
 * not know shards, nor what is published.
 */
import type { Clock, Timer } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { Fleet, FleetMember } from "../manager/fleet.js";
import type { Publication, Publisher } from "../manager/publisher.js";
import type { ApplyOutcome, ManagerLink, ReloadOutcome, ReloadRequest, StandingReceiver } from "../manager-link/link.js";
import { standingMessage } from "../manager-link/standing.js";

export interface EmbeddedLinkOptions {
  /** For `/status`: what the configuration comes from. */
  readonly name: string;
  /** What the balancer is called in the fleet. */
  readonly balancer: string;
  readonly instance: string;
  readonly program: string;
  /** How soon a change of standing is told. Asking costs microseconds. */
  readonly standingCheckMs: number;
}

export const defaultEmbeddedLinkOptions = { standingCheckMs: 100 };

export class EmbeddedLink implements ManagerLink {
  readonly name: string;
  private member: FleetMember | undefined;
  private receiver: StandingReceiver | undefined;
  private nonce = 0;
  private saidStanding = "";
  private timer: Timer | undefined;
  private stopped = false;

  constructor(
    private readonly options: EmbeddedLinkOptions,
    private readonly publisher: Publisher,
    private readonly fleet: Fleet,
    /** What a reload is belongs to whoever has the file. */
    private readonly onReload: (request?: ReloadRequest) => Promise<ReloadOutcome>,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.name = options.name;
  }

  /** Resolves when the first publication is active. Throws a UserError when the shards refuse it. */
  start(receiver: StandingReceiver): Promise<void> {
    const { balancer, instance, program, standingCheckMs } = this.options;
    const shards = receiver.standing().shardRevisions.length;
    this.receiver = receiver;
    this.member = this.fleet.join({ balancer, instance, program, shards, revision: 0, checksum: Buffer.alloc(0) });
    this.timer = this.clock.every(standingCheckMs, () => this.tellStanding());
    return new Promise((resolve, reject) => {
      this.publisher.onPublication((publication) => {
        void this.take(publication).then((outcome) => {
          if (outcome.kind === "applied") resolve();
          else if (outcome.kind === "refused") reject(new UserError(`the configuration cannot be served: ${outcome.reason}`));
        });
      });
    });
  }

  staleBecause(): string {
    return "";
  }

  reload(request?: ReloadRequest): Promise<ReloadOutcome> {
    return this.onReload(request);
  }

  stop(): Promise<void> {
    this.stopped = true;
    this.clock.clear(this.timer);
    return Promise.resolve();
  }

  private async take({ revision, languages }: Publication): Promise<ApplyOutcome> {
    const { receiver, member } = this;
    if (this.stopped || receiver === undefined || member === undefined) return { kind: "superseded" };
    const nonce = ++this.nonce;
    member.sent(nonce);
    const outcome = await receiver.apply({ revision, nonce, languages });
    if (outcome.kind === "applied") member.acked(nonce, revision, receiver.standing().shardRevisions);
    if (outcome.kind === "refused") {
      this.logger.error("a snapshot was not applied", { revision, reason: outcome.reason });
      member.refused(outcome.reason);
    }
    return outcome;
  }

  private tellStanding(): void {
    const { receiver, member } = this;
    if (receiver === undefined || member === undefined) return;
    const standing = standingMessage(receiver.standing());
    const text = JSON.stringify(standing);
    if (text === this.saidStanding) return;
    this.saidStanding = text;
    member.stands(standing);
  }
}
