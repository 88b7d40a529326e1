/**
 * The manager link of `lintel balancer --link manager:…`: follows one of several managers, says what it holds, applies what
 * comes, acknowledges what is active. Starts from the disk when no manager answers, and never goes back to a lower
 * revision, whoever sends it. Must not know of shards.
 *
 *     reaching ──Hello, a message──► following ──the stream ends──► a pause ──► reaching the next manager …
 */
import { randomUUID } from "node:crypto";
import { assert } from "../base/assert.js";
import type { Clock, Timer } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { type Random, randomBelow } from "../base/random.js";
import type { ManagerMessage } from "../snapshot/link-messages.js";
import { type HeldSnapshot, nothingHeld, readMessage } from "./held-snapshot.js";
import type { LastGood } from "./last-good.js";
import type { ApplyOutcome, ManagerLink, ReloadOutcome, StandingReceiver } from "./link.js";
import { ManagerStream, type ManagerStreamOptions } from "./manager-stream.js";
import { standingMessage } from "./standing.js";

export interface ManagedLinkOptions {
  /** "host:port" of every manager; any of them will do. */
  readonly managers: readonly string[];
  /** This balancer's name: unique among those of the managers, stable over restarts. */
  readonly balancer: string;
  /** The program's version. */
  readonly program: string;
  readonly stream: ManagerStreamOptions;
  /** The pause after every manager was tried once; doubles with each round, up to the maximum, half of it at random. */
  readonly reconnectDelayMs: number;
  /** A second: a manager that comes back has its fleet again before anybody looks, and a thousand balancers cost it a thousand attempts. */
  readonly reconnectDelayMaxMs: number;
  /** At the start: how long managers are waited for before the disk's snapshot is served. */
  readonly firstAnswerMs: number;
  /** How often the manager is told how this balancer is, also when nothing changed. */
  readonly standingMs: number;
}

export const defaultManagedLinkOptions: Omit<ManagedLinkOptions, "managers" | "balancer" | "program" | "stream"> = {
  reconnectDelayMs: 50,
  reconnectDelayMaxMs: 1_000,
  firstAnswerMs: 2_000,
  standingMs: 2_000,
};

/** How soon a change of standing is told. */
const standingCheckMs = 100;

interface Underway {
  readonly held: HeldSnapshot;
  readonly outcome: Promise<ApplyOutcome>;
}

export class ManagedLink implements ManagerLink {
  readonly name: string;
  /** Of this process: tells a restarted balancer from one that reconnects. */
  private readonly instance = randomUUID().slice(0, 8);
  /** What the next difference is relative to. */
  private held: HeldSnapshot = nothingHeld;
  private active: HeldSnapshot | undefined;
  private newest: Underway | undefined;
  /** Counts what the shards are given. */
  private nonce = 0;
  private receiver: StandingReceiver | undefined;
  private stream: ManagerStream | undefined;
  private pause: { readonly timer: Timer; readonly end: () => void } | undefined;
  private stopped = false;
  /** Why the last stream ended; "" while one is open. */
  private away = "no manager was tried yet";
  private saidStanding = "";
  private saidMs = 0;

  constructor(
    private readonly options: ManagedLinkOptions,
    /** Undefined when nothing is kept on disk. */
    private readonly disk: LastGood | undefined,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly logger: Logger,
  ) {
    assert(options.managers.length > 0, "there is a manager to follow");
    this.name = `manager:${options.managers.join(",")}`;
  }

  /** Resolves when a snapshot is active, from a manager or from the disk: without either only `stop` ends the waiting. */
  async start(receiver: StandingReceiver): Promise<void> {
    assert(this.receiver === undefined, "a link is started once");
    this.receiver = receiver;
    const kept = await this.readDisk();
    if (kept !== undefined) this.held = kept;
    this.clock.every(standingCheckMs, () => this.tellStanding());
    await new Promise<void>((resolve) => {
      const begin = (): void => {
        this.clock.clear(timer);
        resolve();
      };
      const serveKept = (reason: string): void => {
        if (kept === undefined || this.newest !== undefined || this.active !== undefined || this.stopped) return;
        this.logger.warn("no manager answers; serving the last good snapshot from the disk", { revision: kept.revision, reason });
        void this.apply(kept).then((outcome) => outcome.kind === "applied" && begin());
      };
      const timer = this.clock.after(this.options.firstAnswerMs, () => serveKept(this.away));
      this.onFirstApplied = begin;
      this.onAllAway = serveKept;
      void this.run().then(resolve);
    });
  }

  /** Tries the managers now instead of after the pause. What they have comes by itself. */
  reload(): Promise<ReloadOutcome> {
    this.pause?.end();
    const revision = this.active?.revision ?? 0;
    if (this.stream?.answered === true) return Promise.resolve({ kind: "unchanged", revision });
    return Promise.resolve({ kind: "refused", problems: [`${this.name}: ${this.away}; trying again now`] });
  }

  staleBecause(): string {
    return this.away;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.pause?.end();
    this.stream?.close();
    await this.disk?.written();
  }

  private onFirstApplied: () => void = () => undefined;
  private onAllAway: (reason: string) => void = () => undefined;

  private async readDisk(): Promise<HeldSnapshot | undefined> {
    const outcome = await this.disk?.read();
    if (outcome?.kind === "broken") this.logger.error("the last good snapshot on disk cannot be used, and is ignored", { file: this.disk?.path, reason: outcome.reason });
    return outcome?.kind === "read" ? outcome.held : undefined;
  }

  /** Follows one manager after the other until it is told to stop. */
  private async run(): Promise<void> {
    const { managers, reconnectDelayMs, reconnectDelayMaxMs } = this.options;
    let next = randomBelow(this.random, managers.length);
    let failures = 0;
    while (!this.stopped) {
      const address = managers[next++ % managers.length] ?? "";
      const answered = await this.follow(address);
      failures = answered ? 0 : failures + 1;
      if (failures === 1) this.logger.warn("a manager does not answer", { manager: address, reason: this.away });
      const rounds = Math.floor(failures / managers.length);
      if (rounds > 0) this.onAllAway(this.away);
      // A manager that ends has all its balancers at once: they spread over the shortest pause.
      const ceilingMs = rounds === 0 ? (answered ? reconnectDelayMs : 0) : Math.min(reconnectDelayMaxMs, reconnectDelayMs * 2 ** rounds);
      await this.rest(ceilingMs * (0.5 + 0.5 * this.random.next()));
    }
  }

  private rest(delayMs: number): Promise<void> {
    if (this.stopped || delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        this.clock.clear(timer);
        this.pause = undefined;
        resolve();
      };
      const timer = this.clock.after(delayMs, end);
      this.pause = { timer, end };
    });
  }

  /** One stream from its Hello to its end; whether the manager ever answered. */
  private follow(address: string): Promise<boolean> {
    const { balancer, program, stream: options } = this.options;
    const { revision, checksum } = this.held;
    const shards = this.receiver?.standing().shardRevisions.length ?? 0;
    const hello = { balancer, program, instance: this.instance, shards, revision, checksum };
    return new Promise((resolve) => {
      const stream: ManagerStream = new ManagerStream(address, { hello }, options, this.clock, {
        onMessage: (message) => {
          if (this.away !== "") this.logger.info("following a manager", { manager: address, revision: message.revision });
          this.away = "";
          this.hear(stream, message);
        },
        onEnd: (reason) => {
          if (stream.answered && !this.stopped) this.logger.warn("the manager is away; serving goes on with what is there", { manager: address, revision: this.held.revision, reason });
          this.away = `${address}: ${reason}`;
          this.stream = undefined;
          resolve(stream.answered);
        },
      });
      this.stream = stream;
      this.saidStanding = "";
    });
  }

  private hear(stream: ManagerStream, message: ManagerMessage): void {
    const { nonce, revision } = message;
    const read = readMessage(this.held, message);
    if (read.kind === "refused") {
      this.logger.error("a snapshot of the manager is refused", { manager: stream.address, revision, reason: read.reason });
      stream.send({ nack: { nonce, revision, reason: read.reason, wantWhole: read.wantWhole } });
      return;
    }
    this.held = read.held;
    stream.send({ receipt: { nonce } });
    void this.apply(read.held).then((outcome) => this.answer(stream, nonce, read.held, outcome));
  }

  private answer(stream: ManagerStream, nonce: number, { revision }: HeldSnapshot, outcome: ApplyOutcome): void {
    if (outcome.kind === "refused") {
      this.logger.error("a snapshot of the manager was not applied", { manager: stream.address, revision, reason: outcome.reason });
      stream.send({ nack: { nonce, revision, reason: outcome.reason, wantWhole: false } });
      this.onAllAway(outcome.reason);
    } else if (outcome.kind === "applied") {
      this.onFirstApplied();
      stream.send({ ack: { nonce, revision, shardRevisions: this.receiver?.standing().shardRevisions ?? [] } });
    }
  }

  /** Makes it active and durable; what is so already, or is becoming so, is not done twice. */
  private apply(held: HeldSnapshot): Promise<ApplyOutcome> {
    if (this.newest !== undefined && isSame(this.newest.held, held)) return this.newest.outcome;
    const underway: Underway = { held, outcome: this.swap(held) };
    this.newest = underway;
    return underway.outcome;
  }

  private async swap(held: HeldSnapshot): Promise<ApplyOutcome> {
    assert(this.receiver !== undefined, "what comes is applied after the start");
    const { revision, languages } = held;
    const outcome = await this.receiver.apply({ revision, nonce: ++this.nonce, languages });
    if (outcome.kind !== "applied") {
      if (outcome.kind === "refused" && this.newest?.held === held) this.newest = undefined;
      return outcome;
    }
    if (revision < (this.active?.revision ?? 0)) return outcome;
    const news = this.active?.revision !== revision;
    this.active = held;
    const written = this.keep(held);
    // What was acknowledged must be what a restart serves. Who is alive changes all the time, and may be a moment behind.
    if (news) await written;
    return outcome;
  }

  private async keep(held: HeldSnapshot): Promise<void> {
    const fault = (await this.disk?.write(held)) ?? "";
    if (fault !== "") this.logger.error("the snapshot cannot be kept on disk: this balancer could not restart without a manager", { file: this.disk?.path, reason: fault });
  }

  /** On every change, and every `standingMs`: the manager takes silence for a balancer that is gone. */
  private tellStanding(): void {
    const { stream, receiver } = this;
    if (stream?.answered !== true || receiver === undefined) return;
    const standing = standingMessage(receiver.standing());
    const text = JSON.stringify(standing);
    const nowMs = this.clock.nowMs();
    if (text === this.saidStanding && nowMs - this.saidMs < this.options.standingMs) return;
    this.saidStanding = text;
    this.saidMs = nowMs;
    stream.send({ standing });
  }
}

function isSame(one: HeldSnapshot, other: HeldSnapshot): boolean {
  return one.revision === other.revision && one.checksum.equals(other.checksum);
}
