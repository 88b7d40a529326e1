/**
 * Who does what must be done once: the holder of a Lease. It stops before the next may begin, by its own monotonic clock; no
 * clock is compared with another machine's. Every holder has a term, a number above those of all before it, so that a write by
 * one that does not know yet that it lost can be told from one of its successor. Must not know what is done once.
 *
 *     following ──nobody renewed for a whole duration, or it was let go──► leading ──no renewal in time, or somebody else has it──► following
 */
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import { jitter, type Random } from "../base/random.js";
import { isApiError } from "./api-error.js";
import type { ApiServer } from "./api-server.js";
import { type Lease, type LeaseSpec, leases, type ObjectPlace } from "./objects.js";

/** What is done once asks before every step. */
export interface Leadership {
  /** Undefined while somebody else leads, or nobody. */
  readonly term: number | undefined;
  /** "" while nobody is known to lead. */
  readonly leader: string;
  onChange(listener: () => void): void;
}

export interface LeaseTimes {
  /** A holder that ended without a word is followed after so long. */
  readonly durationMs: number;
  /** A holder that could not renew stops so long after it last did: before the duration is over for anybody. */
  readonly renewDeadlineMs: number;
  readonly periodMs: number;
}

export const defaultLeaseTimes: LeaseTimes = { durationMs: 10_000, renewDeadlineMs: 7_000, periodMs: 2_000 };

export interface LeaseOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique among those who may lead, and another one for every process. */
  readonly identity: string;
  /** The highest term that is known otherwise: should somebody delete the Lease, terms must not begin again. */
  readonly termsSeen: () => number;
  readonly random: Random;
  readonly logger: Logger;
  readonly times?: LeaseTimes;
}

type State = { readonly kind: "following" } | { readonly kind: "leading"; readonly term: number; readonly untilMs: number };

export class LeaseLeadership implements Leadership {
  private state: State = { kind: "following" };
  private holder = "";
  /** What the Lease said when it last changed, and when that was seen here. */
  private seen: { readonly record: string; readonly atMs: number } = { record: "", atMs: 0 };
  private readonly listeners: (() => void)[] = [];
  private readonly place: ObjectPlace & { readonly name: string };
  private readonly times: LeaseTimes;
  private readonly clock: Clock;
  private timer: Timer | undefined;
  private expiry: Timer | undefined;
  private trying: Promise<void> | undefined;
  private closed = false;
  private complained = "";

  constructor(private readonly options: LeaseOptions) {
    const { api, namespace, name } = options;
    this.place = { resource: leases, namespace, name };
    this.times = options.times ?? defaultLeaseTimes;
    this.clock = api.clock;
  }

  get term(): number | undefined {
    const { state } = this;
    // A process that was stopped wakes up with its timers late: the clock decides.
    return state.kind === "leading" && this.clock.nowMs() < state.untilMs ? state.term : undefined;
  }

  get leader(): string {
    return this.holder;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  start(): void {
    this.seen = { record: "", atMs: this.clock.nowMs() };
    this.tryNow();
  }

  /** Lets go, so that the next need not wait. */
  async close(): Promise<void> {
    this.closed = true;
    this.clock.clear(this.timer);
    await this.trying;
    const { term } = this;
    this.enter({ kind: "following" });
    if (term !== undefined) await this.letGo(term);
  }

  private tryNow(): void {
    if (this.closed) return;
    this.trying = this.attempt().catch((thrown: unknown) => this.complain(thrown));
    void this.trying.then(() => {
      if (!this.closed) this.timer = this.clock.after(jitter(this.options.random, this.times.periodMs, 0.2), () => this.tryNow());
    });
  }

  private async attempt(): Promise<void> {
    const { api } = this.options;
    const startedMs = this.clock.nowMs();
    const lease = await api.get<Lease>(this.place).catch((thrown: unknown) => {
      if (isApiError(thrown, "not-found")) return undefined;
      throw thrown;
    });
    const spec = lease?.spec;
    this.observe(spec);
    const isOurs = spec?.holderIdentity === this.options.identity;
    if (this.state.kind === "leading" && !isOurs) this.enter({ kind: "following" });
    if (!isOurs && !this.isFree(spec)) return;
    // Ours and yet not leading: it was lost in between, and what was done under its term is over.
    const term = isOurs && this.state.kind === "leading" ? this.state.term : Math.max(spec?.leaseTransitions ?? 0, this.options.termsSeen()) + 1;
    const written = await this.write(lease, term);
    if (written === undefined) return;
    this.observe(written.spec);
    this.enter({ kind: "leading", term, untilMs: startedMs + this.times.renewDeadlineMs });
  }

  /** Nobody has it, or whoever has it has not renewed it for as long as it watched from here. */
  private isFree(spec: LeaseSpec | undefined): boolean {
    if ((spec?.holderIdentity ?? "") === "") return true;
    const durationMs = Math.max(this.times.durationMs, 1_000 * (spec?.leaseDurationSeconds ?? 0));
    return this.clock.nowMs() >= this.seen.atMs + durationMs;
  }

  private observe(spec: LeaseSpec | undefined): void {
    const record = JSON.stringify([spec?.holderIdentity, spec?.renewTime, spec?.leaseTransitions]);
    if (record !== this.seen.record) this.seen = { record, atMs: this.clock.nowMs() };
    this.holder = spec?.holderIdentity ?? "";
  }

  /** Undefined when somebody else was first. */
  private async write(lease: Lease | undefined, term: number): Promise<Lease | undefined> {
    const { api, identity, namespace } = this.options;
    const now = microTime(this.clock.wallMs());
    const isRenewal = lease?.spec?.holderIdentity === identity && lease.spec.leaseTransitions === term;
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.times.durationMs / 1_000),
      acquireTime: isRenewal ? (lease.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: term,
    };
    try {
      if (lease === undefined) return await api.create<Lease>({ resource: leases, namespace }, { apiVersion: leases.apiVersion, kind: "Lease", metadata: { name: this.place.name }, spec });
      return await api.replace<Lease>(this.place, { ...lease, spec });
    } catch (thrown) {
      if (isApiError(thrown, "conflict", "exists", "not-found")) return undefined;
      throw thrown;
    }
  }

  private async letGo(term: number): Promise<void> {
    try {
      const lease = await this.options.api.get<Lease>(this.place);
      if (lease.spec?.holderIdentity !== this.options.identity || lease.spec.leaseTransitions !== term) return;
      await this.options.api.replace<Lease>(this.place, { ...lease, spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 } });
    } catch (thrown) {
      this.options.logger.warn("the Lease could not be let go; whoever follows waits until it is over", { reason: messageOf(thrown) });
    }
  }

  private enter(next: State): void {
    const { logger, identity } = this.options;
    const before = this.state;
    this.state = next;
    this.clock.clear(this.expiry);
    if (next.kind === "leading") {
      this.complained = "";
      this.expiry = this.clock.after(next.untilMs - this.clock.nowMs(), () => this.enter({ kind: "following" }));
      if (before.kind === "leading") return;
      logger.info("leading from here on", { identity, term: next.term });
    } else {
      if (before.kind === "following") return;
      logger.info("no longer leading", { identity, term: before.term, leader: this.holder === identity ? "" : this.holder });
    }
    for (const listener of this.listeners) listener();
  }

  private complain(thrown: unknown): void {
    const reason = messageOf(thrown);
    if (reason !== this.complained) this.options.logger.warn("the Lease cannot be looked at; whoever led goes on until it is over", { reason });
    this.complained = reason;
  }
}

/** The API server wants microseconds. */
function microTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace("Z", "000Z");
}
