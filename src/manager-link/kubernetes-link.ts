/**
 * The manager link of `lintel balancer --link kubernetes`: no manager at all. Whoever made this reads the configuration and the
 * workers from the API server; here what comes of that is applied, kept on disk, and reported. Starts from the disk when the API
 * server does not answer, and never goes back to a lower revision. Must not know shards, nor how anything is read.
 */
import { randomUUID } from "node:crypto";
import { assert } from "../base/assert.js";
import type { Clock, Timer } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import type { BalancerReport } from "../snapshot/balancer-report.js";
import type { HeldSnapshot } from "./held-snapshot.js";
import type { LastGood } from "./last-good.js";
import type { ApplyOutcome, ManagerLink, ReloadOutcome, StandingReceiver } from "./link.js";
import { standingMessage } from "./standing.js";

/** Where snapshots come from: the stored configuration and the pods, put together. */
export interface SnapshotSource {
  /** Called with every snapshot, and at once with the newest when there is one. */
  onPublication(listener: (snapshot: HeldSnapshot) => void): void;
  /** Begins to look. */
  start(): void;
  /** Why nothing new can be heard; "" while it can. */
  staleBecause(): string;
  stop(): Promise<void>;
}

export interface BalancerReporter {
  /** Whenever something may have changed; what did not is not written. */
  tell(report: BalancerReport): void;
  /** Writes what was told last. */
  close(): Promise<void>;
}

export interface KubernetesLinkOptions {
  /** "kubernetes:lintel/lintel-configuration" */
  readonly name: string;
  readonly program: string;
  /** At the start: how long the API server is waited for before the disk's snapshot is served. */
  readonly firstAnswerMs: number;
}

export const defaultKubernetesLinkOptions: Pick<KubernetesLinkOptions, "firstAnswerMs"> = { firstAnswerMs: 3_000 };

/** How soon a change of standing is told. */
const standingCheckMs = 100;

export interface KubernetesLinkParts {
  readonly source: SnapshotSource;
  readonly reporter: BalancerReporter;
  /** Undefined when nothing is kept. */
  readonly disk: LastGood | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class KubernetesLink implements ManagerLink {
  readonly name: string;
  private readonly instance = randomUUID().slice(0, 8);
  private receiver: StandingReceiver | undefined;
  private nonce = 0;
  /** The newest that came, whether or not it is active yet. */
  private newest: HeldSnapshot | undefined;
  private active: { readonly revision: number; readonly atUnixMs: number } | undefined;
  private refusal = "";
  private applying: Promise<unknown> = Promise.resolve();
  private standing: Timer | undefined;
  private stopped = false;
  private onFirstActive: () => void = () => undefined;

  constructor(
    private readonly options: KubernetesLinkOptions,
    private readonly parts: KubernetesLinkParts,
  ) {
    this.name = options.name;
  }

  /** Resolves when a snapshot is active, from the API server or from the disk. */
  async start(receiver: StandingReceiver): Promise<void> {
    assert(this.receiver === undefined, "a link is started once");
    this.receiver = receiver;
    const { source, clock } = this.parts;
    const kept = await this.readDisk();
    this.standing = clock.every(standingCheckMs, () => this.report());
    const first = new Promise<void>((resolve) => (this.onFirstActive = resolve));
    source.onPublication((snapshot) => this.take(snapshot));
    source.start();
    const timer = clock.after(this.options.firstAnswerMs, () => this.serveKept(kept));
    await first;
    clock.clear(timer);
  }

  /** What there is comes by itself; this tells whether it can. */
  reload(): Promise<ReloadOutcome> {
    const reason = this.parts.source.staleBecause() || this.refusal;
    if (reason !== "") return Promise.resolve({ kind: "refused", problems: [`${this.name}: ${reason}`] });
    return Promise.resolve({ kind: "unchanged", revision: this.active?.revision ?? 0 });
  }

  staleBecause(): string {
    return this.parts.source.staleBecause();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.onFirstActive();
    const { clock, source, reporter, disk } = this.parts;
    clock.clear(this.standing);
    await source.stop();
    await this.applying;
    await Promise.all([reporter.close(), disk?.written()]);
  }

  private async readDisk(): Promise<HeldSnapshot | undefined> {
    const { disk, logger } = this.parts;
    const outcome = await disk?.read();
    if (outcome?.kind === "broken") logger.error("the last good snapshot on disk cannot be used, and is ignored", { file: disk?.path, reason: outcome.reason });
    return outcome?.kind === "read" ? outcome.held : undefined;
  }

  private serveKept(kept: HeldSnapshot | undefined): void {
    if (this.newest !== undefined || this.stopped) return;
    const reason = this.parts.source.staleBecause() || "it has not answered yet";
    if (kept === undefined) this.parts.logger.warn("the API server does not answer, and there is no snapshot on disk; waiting", { reason });
    else {
      this.parts.logger.warn("the API server does not answer; serving the last good snapshot from the disk", { revision: kept.revision, reason });
      this.take(kept);
    }
  }

  private take(snapshot: HeldSnapshot): void {
    if (this.stopped) return;
    const { logger } = this.parts;
    if (snapshot.revision < (this.newest?.revision ?? 0)) {
      logger.error("a configuration that is older than the one that is served is not taken over", { revision: snapshot.revision, newest: this.newest?.revision });
      return;
    }
    this.newest = snapshot;
    const outcome = this.apply(snapshot);
    this.applying = Promise.all([this.applying, outcome]);
  }

  private async apply(snapshot: HeldSnapshot): Promise<void> {
    const { receiver, parts } = this;
    const { disk, clock, logger } = parts;
    assert(receiver !== undefined, "what comes is applied after the start");
    const { revision, languages } = snapshot;
    const outcome: ApplyOutcome = await receiver.apply({ revision, nonce: ++this.nonce, languages });
    if (outcome.kind === "superseded") return;
    if (outcome.kind === "refused") {
      this.refusal = `revision ${revision} was refused: ${outcome.reason}`;
      logger.error("a configuration was not applied; the one before it goes on serving", { revision, reason: outcome.reason });
      this.report();
      return;
    }
    this.refusal = "";
    const isNews = revision !== this.active?.revision;
    if (revision < (this.active?.revision ?? 0)) return;
    const written = this.keep(snapshot, disk, logger);
    // What was acknowledged must be what a restart serves.
    if (isNews) await written;
    if (isNews) this.active = { revision, atUnixMs: clock.wallMs() };
    this.onFirstActive();
    this.report();
  }

  private async keep(snapshot: HeldSnapshot, disk: LastGood | undefined, logger: Logger): Promise<void> {
    const fault = (await disk?.write(snapshot)) ?? "";
    if (fault !== "") logger.error("the snapshot cannot be kept on disk: this balancer could not start again without the API server", { file: disk?.path, reason: fault });
  }

  private report(): void {
    const { receiver, active } = this;
    if (receiver === undefined || this.stopped) return;
    const { shardRevisions, ready, notReadyBecause, waiting } = standingMessage(receiver.standing());
    this.parts.reporter.tell({
      instance: this.instance,
      acked: active?.revision ?? 0,
      ackedUnixMs: active?.atUnixMs ?? 0,
      shards: shardRevisions,
      ready,
      reason: this.refusal || notReadyBecause,
      waiting,
      program: this.options.program,
    });
  }
}
