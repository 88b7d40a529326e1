/**
 * Makes one picture a second while anybody looks, and tells all readers what is different in it: ten readers cost what one does.
 * Must not know HTTP beyond the readers it tells.
 */
import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../../base/clock.js";
import { messageOf } from "../../base/errors.js";
import type { Logger } from "../../base/logger.js";
import type { Balancer } from "../balancer.js";
import { type ManagerDesk, nobody } from "./manager-desk.js";
import { NoticedChanges } from "./noticed-changes.js";
import type { ManagerPicture, WholePicture } from "./picture.js";
import { changeOf } from "./picture-changes.js";
import { PictureMaker } from "./picture-maker.js";
import type { Readers } from "./readers.js";
import { defaultSampleOptions, Samples } from "./samples.js";

/** Where changes are made; without a manager, why nothing can be changed here. */
export type DeskOrReason = { readonly desk: ManagerDesk } | { readonly noDeskBecause: string };

export interface ProducerParts {
  readonly balancer: Balancer;
  readonly link: string;
  readonly program: string;
  readonly manager: DeskOrReason;
  readonly readers: Readers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Of a thousand workers a shard tells in 2 ms, a manager in 10: asked at every second picture, nobody notices. */
const askEveryPictures = 2;
/** A manager that asks for proof logs everybody who has none; it may be told otherwise meanwhile. */
const askAgainAfterRefusalMs = 60_000;

export class Producer {
  private readonly samples: Samples;
  private readonly maker: PictureMaker;
  private readonly noticed = new NoticedChanges();
  private readonly timer: Timer;
  private latest: WholePicture | undefined;
  private making: Promise<void> | undefined;
  private pictures = 0;
  private status: Awaited<ReturnType<Balancer["status"]>> | undefined;
  private manager: ManagerPicture;
  private askManagerAtMs = -Infinity;

  constructor(private readonly parts: ProducerParts) {
    const { balancer, link, program, clock } = parts;
    this.samples = new Samples(balancer.statistics, balancer.slots, defaultSampleOptions, clock);
    this.maker = new PictureMaker({ balancer, samples: this.samples, link, program });
    this.manager = "desk" in parts.manager ? { kind: "away", name: parts.manager.desk.name, reason: "it was not asked yet" } : { kind: "none", reason: parts.manager.noDeskBecause };
    // What the first second is compared with.
    this.samples.take();
    this.timer = clock.every(defaultSampleOptions.intervalMs, () => this.tick());
  }

  /** The picture as it is, then every change of it. */
  async follow(response: ServerResponse): Promise<void> {
    const { readers } = this.parts;
    readers.add(response, () => {
      if (readers.count === 0) this.rest();
    });
    // The first reader after a rest waits for a new one.
    if (this.latest === undefined) await this.again();
    if (this.latest !== undefined) readers.tell(response, "whole", this.latest);
  }

  /** Something was changed through this dashboard: its readers need not wait to see it. */
  hurry(): void {
    this.askManagerAtMs = -Infinity;
    this.status = undefined;
    void this.again();
  }

  close(): void {
    this.parts.clock.clear(this.timer);
  }

  private tick(): void {
    const { balancer, clock, readers } = this.parts;
    this.samples.take();
    this.noticed.note(balancer.snapshot, Math.round(clock.wallMs()));
    if (readers.count > 0) void this.again();
  }

  private rest(): void {
    this.latest = undefined;
    this.status = undefined;
    this.samples.forgetWorkers();
  }

  /** One at a time: a shard that hangs must not make a queue. */
  private again(): Promise<void> {
    this.making ??= this.makeAndTell()
      .catch((error: unknown) => this.parts.logger.error("the dashboard's picture could not be made", { reason: messageOf(error) }))
      .finally(() => (this.making = undefined));
    return this.making;
  }

  private async makeAndTell(): Promise<void> {
    const { balancer, clock, readers } = this.parts;
    const asks = this.pictures++ % askEveryPictures === 0;
    const [status] = await Promise.all([asks || this.status === undefined ? balancer.status() : this.status, asks || this.askManagerAtMs === -Infinity ? this.askManager() : undefined]);
    this.status = status;
    this.samples.takeWorkers();
    const { latest } = this;
    const picture = this.maker.make({ status, manager: this.manager, changes: this.noticed.list, atUnixMs: Math.round(clock.wallMs()) });
    // The list of samples goes on growing; what was sent has to stay as it was. The last reader may have left meanwhile.
    const current = { ...picture, samples: [...picture.samples] };
    this.latest = readers.count > 0 ? current : undefined;
    if (latest === undefined) return;
    const change = changeOf(latest, current);
    if (change === undefined) readers.ping();
    else readers.tellAll("change", change);
  }

  private async askManager(): Promise<void> {
    const { manager, clock } = this.parts;
    if (!("desk" in manager) || clock.nowMs() < this.askManagerAtMs) return;
    this.askManagerAtMs = 0;
    const { desk } = manager;
    const { name } = desk;
    const answer = await desk.fleet(nobody);
    if (answer.kind === "answer") this.manager = { kind: "open", name, fleet: answer.value };
    else if (answer.why === "not-allowed") {
      this.manager = { kind: "asks", name };
      this.askManagerAtMs = clock.nowMs() + askAgainAfterRefusalMs;
    } else this.manager = { kind: "away", name, reason: answer.reason };
  }
}
