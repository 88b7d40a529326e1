/**
 * The main thread of the data plane: starts the shards, publishes snapshots to all of them, collects their
 * acknowledgements. Must not know where snapshots come from.
 */
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { type Clock, delay } from "../base/clock.js";
import { RateLimit, type RateLimitOptions } from "../balancing/rate-limit.js";
import { nextShare } from "../balancing/worker-part.js";
import type { PeerCertificates } from "../base/peer-certificates.js";
import { messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { ApplyOutcome, BalancerStanding, StandingReceiver, WaitingVersion } from "../manager-link/link.js";
import type { LanguageSnapshot, Snapshot } from "../snapshot/snapshot.js";
import type { ApiKey } from "../shard/api-keys.js";
import type { Certificate, RequestLimits, ShardOptions, ShardStatus } from "../shard/messages.js";
import type { AccessSampling } from "../shard/access-recorder.js";
import { AccessRing } from "../shard/access-ring.js";
import { type PageFile, readPageFiles } from "../shard/page-files.js";
import { defaultStatisticsSizes, Statistics } from "../shard/statistics.js";
import { AccessLog, defaultAccessLogOptions } from "./access-log.js";
import { Handover, type HandoverShards } from "./handover.js";
import { choosePort, holderOf, lockPort, type PortLock, succeed } from "./port-lock.js";
import { defaultShardThreadOptions, ShardThread } from "./shard-thread.js";
import { Suspects } from "./suspects.js";
import { ProxyDoor, type ProxyDoorOptions } from "./proxy-door/proxy-door.js";
import { createSlotBook, type SlotBook } from "./slots.js";

export interface BalancerOptions {
  /** Unique among those that have the same workers: which part of the workers a shard takes hangs on it. */
  readonly name: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly shards: "auto" | number;
  /** Whether users come over TLS: `renewCertificate` comes before `listen` then. */
  readonly tls: boolean;
  /** To connect to workers with; undefined for no encryption. */
  readonly workerTls?: PeerCertificates | undefined;
  /** Whether linting needs an API key: nobody has one before `setApiKeys`. */
  readonly asksForKeys: boolean;
  readonly limits: RequestLimits;
  readonly corsOrigins: readonly string[];
  /** How often a client may ask; `requests` 0 for no limit. */
  readonly rateLimit: RateLimitOptions & { readonly trustedProxies: readonly string[] };
  /** A port for proxies that speak the PROXY protocol; undefined for none. */
  readonly proxyDoor?: ProxyDoorOptions | undefined;
  /** Whether browsers get a page on the users' port. */
  readonly page: boolean;
  /** Undefined for none. */
  readonly accessLog: (AccessSampling & { readonly path: string }) | undefined;
  /** While draining: how long silent kept-alive connections are left open, so that their clients hear of it. */
  readonly drainQuietMs: number;
  readonly drainTimeoutMs: number;
}

/** A predecessor that is not hung lets go of its lock at once. */
const takeOverTimeoutMs = 5_000;

export interface BalancerStatus {
  readonly revision: number;
  readonly nonce: number;
  readonly ready: boolean;
  /** Why it is not ready; "" when it is. */
  readonly notReadyBecause: string;
  /** Versions that are to get their first traffic and are waited for, with the shards that have no usable worker of them. */
  readonly waiting: readonly WaitingVersion[];
  readonly shards: readonly {
    readonly index: number;
    readonly listening: boolean;
    readonly restarts: number;
    readonly ackedRevision: number;
    readonly ackedNonce: number;
    /** Absent while the shard does not answer. */
    readonly status?: ShardStatus;
  }[];
}

export class Balancer implements StandingReceiver {
  /** What it really listens on, once `start` has returned. */
  port: number;
  readonly slots: SlotBook;
  readonly statistics: readonly Statistics[];
  /** Undefined when there is none. */
  readonly accessLog: AccessLog | undefined;
  /** Undefined when there is none. */
  readonly proxyDoor: ProxyDoor | undefined;
  private readonly threads: readonly ShardThread[];
  private readonly handover: Handover;
  /** Which part of its workers a shard takes of every version. */
  private share = 1;
  private lock: PortLock | undefined;
  /** The balancer on the port that this one is to replace. */
  private predecessor: number | undefined;
  private draining: Promise<void> | undefined;

  constructor(
    private readonly options: BalancerOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.port = options.port;
    // Not os.cpus(): it is empty where a service may not look at /proc.
    const count = options.shards === "auto" ? availableParallelism() : options.shards;
    const sizes = defaultStatisticsSizes;
    this.statistics = Array.from({ length: count }, () => new Statistics(Statistics.allocate(sizes), sizes));
    const suspects = new Suspects(clock, () => this.threads);
    const page = options.page ? pageFiles(logger) : [];
    const { accessLog, rateLimit, proxyDoor } = options;
    this.proxyDoor = proxyDoor && new ProxyDoor(proxyDoor, clock, logger);
    const clientLimit = rateLimit.requests === 0 ? undefined : { ...rateLimit, proxied: this.proxyDoor?.memory, memory: RateLimit.allocate(), seed: randomInt(2 ** 32), epochMs: clock.wallMs() };
    const rings = accessLog === undefined ? [] : Array.from({ length: count }, () => AccessRing.allocate());
    this.threads = this.statistics.map((one, index) => {
      const { limits, corsOrigins, name, tls, asksForKeys, workerTls } = options;
      const memory = rings[index];
      const access = accessLog && memory && { ...accessLog, memory };
      const shard: ShardOptions = { index, shards: count, balancer: name, limits, corsOrigins, clientLimit, page, tls, asksForKeys, workerTls, statistics: one.memory, statisticsSizes: sizes, novelInputs: suspects.novelInputs, access };
      return new ShardThread({ ...defaultShardThreadOptions, shard }, clock, logger, suspects, () => this.handover.noteUsable());
    });
    this.handover = new Handover(this.shardsForHandover(), clock, options.limits.handoverTimeoutMs);
    this.slots = createSlotBook(sizes, (table, slot) => {
      for (const one of this.statistics) {
        if (table === "language") one.clearLanguage(slot);
        else if (table === "version") one.clearVersion(slot);
        else one.clearWorker(slot);
      }
    });
    if (accessLog !== undefined) {
      const log = { ...defaultAccessLogOptions, path: accessLog.path };
      this.accessLog = new AccessLog(rings.map((memory) => new AccessRing(memory)), this.slots, log, clock, logger);
    }
  }

  get shardCount(): number {
    return this.threads.length;
  }

  /**
   * Takes the port's lock and starts the threads. Throws a UserError when the port cannot be had. With `replace`, a
   * balancer that has the port goes on serving until `takeOver`.
   */
  async start(replace = false): Promise<void> {
    const { host } = this.options;
    if (this.port === 0) this.port = await choosePort(host);
    this.predecessor = replace ? await holderOf(this.port) : undefined;
    if (this.predecessor === undefined) this.lock = await lockPort(host, this.port);
    await Promise.all(this.threads.map((thread) => thread.start()));
  }

  /**
   * Waits until every shard has a usable worker for every language that has workers, or `timeoutMs`: a language that is
   * down must not keep the others waiting for ever. "" when something can be served, else what is missing.
   */
  async untilUsable(timeoutMs: number): Promise<string> {
    const endMs = this.clock.nowMs() + timeoutMs;
    while (!this.everythingUsable() && this.clock.nowMs() < endMs) await delay(5);
    return this.notUsableBecause();
  }

  /** With both listening: tells the balancer that this one replaces to leave, and takes its lock. */
  async takeOver(): Promise<void> {
    if (this.predecessor === undefined) return;
    this.lock = await succeed(this.port, this.predecessor, takeOverTimeoutMs);
    this.logger.info("took over", { from: this.predecessor });
    const refusedBecause = await this.openProxyDoor(takeOverTimeoutMs);
    // Users are served, and the one before has gone: too late to give up.
    if (refusedBecause !== "") this.logger.error("http.proxyProtocol.listen cannot be had", { reason: refusedBecause });
  }

  /** What the shards serve: on the way to a new snapshot, a bridge to it. */
  get snapshot(): Snapshot {
    return this.handover.serving;
  }

  apply(snapshot: Snapshot): Promise<ApplyOutcome> {
    return this.handover.apply(snapshot);
  }

  standing(): BalancerStanding {
    return { shardRevisions: this.threads.map(({ acked }) => acked.revision), notReadyBecause: this.notReadyBecause(), waiting: this.handover.waiting() };
  }

  /** For all connections that come from now on; those there keep theirs. "" when it could be used, else why not: then nothing has changed. */
  async renewCertificate(certificate: Certificate): Promise<string> {
    const [first, ...others] = this.threads;
    // What one shard can use all can; what it cannot must not come to the others.
    const refusedBecause = (await first?.renew(certificate)) ?? "";
    if (refusedBecause !== "") return refusedBecause;
    const answers = await Promise.all(others.map((thread) => thread.renew(certificate)));
    return answers.find((answer) => answer !== "") ?? "";
  }

  /** Resolves when these are all that count on every shard. */
  async setApiKeys(keys: readonly ApiKey[]): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.setApiKeys(keys)));
  }

  /** Opens the door on every shard, once there are workers to serve with or `warmUpMs` have passed. */
  async listen(warmUpMs: number): Promise<void> {
    const { host } = this.options;
    const listening = await Promise.all(this.threads.map((thread) => thread.listen(host, this.port, warmUpMs)));
    if (listening.includes(false)) throw new UserError(`cannot listen on ${host}:${this.port}; another program may use the port`);
    if (this.predecessor !== undefined) return;
    const refusedBecause = await this.openProxyDoor(0);
    if (refusedBecause !== "") throw new UserError(`cannot listen on http.proxyProtocol.listen: ${refusedBecause}`);
  }

  /** Last, because it leads to the users' port. "" when it is open, or there is none. */
  private async openProxyDoor(waitMs: number): Promise<string> {
    const { host } = this.options;
    return (await this.proxyDoor?.listen({ host, port: this.port }, waitMs)) ?? "";
  }

  /** "" when requests can be served: every shard listens, has the newest snapshot, and has a usable worker. */
  notReadyBecause(): string {
    if (this.draining !== undefined) return "the balancer is leaving";
    const deaf = this.threads.filter((thread) => !thread.listening).length;
    if (deaf > 0) return `${deaf} of ${this.threads.length} shards do not listen`;
    return this.notUsableBecause();
  }

  /** Whether every shard answers: one that hangs is a reason to start the process again. One that is restarting is not. */
  async isWell(): Promise<boolean> {
    const answers = await Promise.all(this.threads.map(async (thread) => !thread.listening || (await thread.status()) !== undefined));
    return !answers.includes(false);
  }

  private everythingUsable(): boolean {
    const manned = this.snapshot.languages.filter(({ versions }) => versions.some(({ workers }) => workers.length > 0));
    return this.threads.every((thread) => manned.every(({ language }) => thread.canUse(language)));
  }

  private notUsableBecause(): string {
    if (this.snapshot.nonce === 0) return "there is no configuration yet";
    const idle = this.threads.filter((thread) => !thread.hasUsable).length;
    if (idle > 0) return `${idle} of ${this.threads.length} shards have no usable worker`;
    return "";
  }

  private shardsForHandover(): HandoverShards {
    const withWorkers = (language: string, version: string): boolean =>
      this.snapshot.languages.some((one) => one.language === language && one.versions.some(({ version: name, workers }) => name === version && workers.length > 0));
    return {
      publish: (snapshot) => this.publish(snapshot),
      shardsWithout: (language, version) => this.threads.flatMap((thread, index) => (thread.canUse(language, version) ? [] : [index])),
      reasonAt: (_shard, language, version) => (withWorkers(language, version) ? "" : "it has no workers"),
    };
  }

  private async publish(snapshot: Snapshot): Promise<ApplyOutcome> {
    try {
      this.slots.reserve(snapshot);
      this.share = nextShare(this.share, workersIn(snapshot), this.options.limits.connectionsPerShardMax);
      const publication = { snapshot, share: this.share, slotsOf: (languages: readonly LanguageSnapshot[]) => this.slots.of(languages) };
      const outcomes = await Promise.all(this.threads.map((thread) => thread.apply(publication)));
      return outcomes.find((outcome) => outcome.kind === "refused") ?? { kind: "applied" };
    } catch (error) {
      return { kind: "refused", reason: messageOf(error) };
    }
  }

  async status(): Promise<BalancerStatus> {
    const shards = await Promise.all(
      this.threads.map(async (thread, index) => {
        const status = await thread.status();
        const { listening, restarts, acked } = thread;
        return { index, listening, restarts, ackedRevision: acked.revision, ackedNonce: acked.nonce, ...(status && { status }) };
      }),
    );
    const notReadyBecause = this.notReadyBecause();
    const { revision, nonce } = this.snapshot;
    return { revision, nonce, ready: notReadyBecause === "", notReadyBecause, waiting: this.handover.waiting(), shards };
  }

  /** Revision and nonce that each shard serves, in order. */
  acked(): readonly { readonly revision: number; readonly nonce: number }[] {
    return this.threads.map((thread) => thread.acked);
  }

  /** How each shard's thread is, in order. */
  threadStates(): readonly Pick<ShardThread, "listening" | "restarts" | "busyMs">[] {
    return this.threads;
  }

  /** Stops taking connections, lets what is there finish, resolves when every shard has let go. May be called again. */
  drain(): Promise<void> {
    this.draining ??= this.letGo();
    return this.draining;
  }

  private async letGo(): Promise<void> {
    this.handover.stop();
    this.proxyDoor?.stopListening();
    // Before what takes time, because a successor waits for it.
    await this.lock?.release();
    await Promise.all(this.threads.map((thread) => thread.drain(this.options.drainQuietMs, this.options.drainTimeoutMs)));
    await this.proxyDoor?.close();
    await this.accessLog?.close();
  }

  /** For tests of the supervision. */
  crashShard(index: number): void {
    this.threads[index]?.crash();
  }
}

function workersIn({ languages }: Snapshot): number {
  let workers = 0;
  for (const { versions } of languages) for (const version of versions) workers += version.workers.length;
  return workers;
}

function pageFiles(logger: Logger): readonly PageFile[] {
  const files = readPageFiles("page");
  if (files.length === 0) logger.warn("the page for browsers was not built: they get plain text at /; npm run build makes it");
  return files;
}
