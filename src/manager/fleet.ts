/**
 * The balancers that follow this manager: what each one has, whether it lags and why, and from that the barrier. Must not
 * know gRPC, nor how a balancer is told anything.
 */
import type { Clock } from "../base/clock.js";
import type { HelloMessage, StandingMessage } from "../snapshot/link-messages.js";
import { laggardOf } from "./balancer-states.js";
import type { BalancerState, BarrierState, FleetView, Laggard, VersionWaiting } from "./fleet-view.js";

export interface FleetOptions {
  /** A change is active on a healthy balancer within a tenth of a second; fifty times that is not load any more. */
  readonly staleMs: number;
  /**
   * How long a balancer that fell silent without closing its stream keeps barriers closed: nobody can tell a paused one, which may
   * go on serving what it had, from a machine that lost its power. Long enough for a person to look.
   */
  readonly silentKeptMs: number;
  /**
   * After its start a manager knows no balancer, and an empty fleet has every revision. Barriers stay closed until those there
   * are had the time to come back: their longest pause is a second.
   */
  readonly rejoinMs: number;
}

export const defaultFleetOptions: FleetOptions = { staleMs: 5_000, silentKeptMs: 300_000, rejoinMs: 2_000 };

/** How often what only time changes is looked at. */
const sweepMs = 250;

/** What one stream of a balancer tells the fleet. */
export interface FleetMember {
  /** A message with this nonce went out. */
  sent(nonce: number): void;
  acked(nonce: number, revision: number, shardRevisions: readonly number[]): void;
  refused(reason: string): void;
  stands(standing: StandingMessage): void;
  /** The stream is over: "closed" by the balancer or its end, or given up because it fell "silent". */
  gone(how: "closed" | "silent"): void;
}

export class Fleet implements FleetView {
  private readonly members = new Set<Member>();
  private readonly listeners: (() => void)[] = [];
  private readonly rejoinedMs: number;
  /** What only time changes, as it was when it was last looked at. */
  private swept = "";

  constructor(
    private readonly options: FleetOptions,
    private readonly clock: Clock,
  ) {
    this.rejoinedMs = clock.nowMs() + options.rejoinMs;
    clock.every(sweepMs, () => this.sweep());
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** A balancer that said hello. The same process, or the same name when its predecessor is gone, takes the place it had. */
  join(hello: HelloMessage): FleetMember {
    for (const member of this.members) {
      const sameProcess = member.hello.instance === hello.instance;
      if (member.hello.balancer === hello.balancer && (sameProcess || member.goneMs !== undefined)) this.members.delete(member);
    }
    const member = new Member(hello, this.clock, () => this.changed());
    this.members.add(member);
    this.changed();
    return member;
  }

  barrier(revision: number): BarrierState {
    const laggards = this.present().flatMap(({ member, name }) => (member.has(revision) ? [] : [this.laggard(member, name)]));
    if (laggards.length === 0 && this.clock.nowMs() < this.rejoinedMs) {
      laggards.push({ balancer: "(any)", shardRevisions: [], reason: "the manager has just started, and balancers may not be back yet" });
    }
    return { revision, open: laggards.length === 0, laggards };
  }

  balancers(): readonly BalancerState[] {
    return this.present().map(({ member, name }) => {
      const { hello, standing, ackedRevision, ackedUnixMs, shardRevisions } = member;
      const connected = member.goneMs === undefined;
      return {
        balancer: name,
        instance: hello.instance,
        connected,
        stale: this.isStale(member),
        acked: ackedRevision,
        ackedUnixMs,
        shards: shardRevisions,
        ready: connected && (standing?.ready ?? false),
        reason: this.reasonOf(member) || (standing?.notReadyBecause ?? ""),
        program: hello.program,
      };
    });
  }

  waiting(): readonly VersionWaiting[] {
    return this.present().flatMap(({ member, name }) => (member.standing?.waiting ?? []).map((one) => ({ ...one, balancer: name })));
  }

  /** By name. Of two processes of one name, such as a balancer and its successor, the newest has the name; others are told apart by their instance. */
  private present(): { readonly member: Member; readonly name: string }[] {
    const newest = new Map(Array.from(this.members, (member) => [member.hello.balancer, member]));
    return Array.from(this.members, (member) => {
      const { balancer, instance } = member.hello;
      return { member, name: newest.get(balancer) === member ? balancer : `${balancer} (${instance})` };
    }).sort((one, other) => compare(one.name, other.name));
  }

  private laggard(member: Member, name: string): Laggard {
    return laggardOf({ balancer: name, shards: member.shardRevisions, reason: this.reasonOf(member) });
  }

  /** Why it lags; "" when it does not, or when that is no wonder yet. */
  private reasonOf(member: Member): string {
    const { goneMs, refusal, standing, unackedMs } = member;
    if (goneMs !== undefined) return `silent since ${seconds(this.clock.nowMs() - goneMs)}`;
    if (refusal !== "") return `refused: ${refusal}`;
    const [waiting] = standing?.waiting ?? [];
    if (waiting !== undefined) return `waiting for a usable worker of ${waiting.language} ${waiting.version} on shard ${waiting.shard}${waiting.reason === "" ? "" : `: ${waiting.reason}`}`;
    return this.isStale(member) && unackedMs !== undefined ? `no acknowledgement for ${seconds(this.clock.nowMs() - unackedMs)}` : "";
  }

  private isStale({ goneMs, unackedMs }: Member): boolean {
    return goneMs !== undefined || (unackedMs !== undefined && this.clock.nowMs() - unackedMs >= this.options.staleMs);
  }

  private sweep(): void {
    const nowMs = this.clock.nowMs();
    for (const member of this.members) {
      const keptMs = member.closed ? 0 : this.options.silentKeptMs;
      if (member.goneMs !== undefined && nowMs - member.goneMs >= keptMs) this.members.delete(member);
    }
    const swept = JSON.stringify([nowMs < this.rejoinedMs, ...Array.from(this.members, (member) => [member.hello.instance, this.isStale(member)])]);
    if (swept !== this.swept) this.changed();
    this.swept = swept;
  }

  private changed(): void {
    for (const member of this.members) if (member.closed) this.members.delete(member);
    for (const listener of this.listeners) listener();
  }
}

class Member implements FleetMember {
  standing: StandingMessage | undefined;
  shardRevisions: readonly number[];
  ackedRevision = 0;
  ackedUnixMs = 0;
  refusal = "";
  /** Since when it owes an acknowledgement. */
  unackedMs: number | undefined;
  goneMs: number | undefined;
  closed = false;
  private sentNonce = 0;

  constructor(
    readonly hello: HelloMessage,
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {
    // Until it acknowledges or says how it stands, nothing is known of its shards.
    this.shardRevisions = Array<number>(hello.shards).fill(0);
  }

  has(revision: number): boolean {
    return this.goneMs === undefined && this.ackedRevision >= revision && this.shardRevisions.every((one) => one >= revision);
  }

  sent(nonce: number): void {
    this.sentNonce = nonce;
    this.unackedMs ??= this.clock.nowMs();
  }

  acked(nonce: number, revision: number, shardRevisions: readonly number[]): void {
    this.refusal = "";
    // What went out after the message that is acknowledged is owed since about now.
    this.unackedMs = nonce >= this.sentNonce ? undefined : this.clock.nowMs();
    // Workers that come and go under one revision are acknowledged, too, and change nothing of since when it is active.
    if (revision > this.ackedRevision || this.ackedUnixMs === 0) this.ackedUnixMs = this.clock.wallMs();
    this.ackedRevision = Math.max(this.ackedRevision, revision);
    this.shardRevisions = shardRevisions;
    this.changed();
  }

  refused(reason: string): void {
    this.refusal = reason;
    this.changed();
  }

  stands(standing: StandingMessage): void {
    this.standing = standing;
    this.shardRevisions = standing.shardRevisions;
    this.changed();
  }

  gone(how: "closed" | "silent"): void {
    if (this.goneMs !== undefined) return;
    this.goneMs = this.clock.nowMs();
    this.closed = how === "closed";
    this.changed();
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
