/**
 * Brings traffic from one snapshot to the next: a version that is to get its first share gets its connections first, and
 * its share when every shard can use it, or when it has been waited for long enough. snapshot/bridge.ts says what to serve
 * meanwhile; here it meets time and shards. Must not know where snapshots come from.
 */
import type { Clock, Timer } from "../base/clock.js";
import type { ApplyOutcome, WaitingVersion } from "../manager-link/link.js";
import { bridge, type VersionName } from "../snapshot/bridge.js";
import { emptySnapshot, type Snapshot } from "../snapshot/snapshot.js";
import { keepUnchanged } from "../snapshot/unchanged-parts.js";

/** The shards, as far as a handover goes. */
export interface HandoverShards {
  /** Settles when every shard serves it, or one has refused. */
  publish(snapshot: Snapshot): Promise<ApplyOutcome>;
  /** Shards that have no usable worker of a version. */
  shardsWithout(language: string, version: string): readonly number[];
  /** Why a version is not usable there; "" when nothing is known. */
  reasonAt(shard: number, language: string, version: string): string;
}

interface Wanted {
  readonly snapshot: Snapshot;
  readonly settle: (outcome: ApplyOutcome) => void;
}

export class Handover {
  /** What the shards serve, or are about to. */
  serving: Snapshot = emptySnapshot;
  private wanted: Wanted | undefined;
  /** Since when each version is waited for. A newer snapshot that wants the same does not start the time anew. */
  private sinceMs = new Map<string, number>();
  private waited: readonly VersionName[] = [];
  private nonce = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly shards: HandoverShards,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
  ) {}

  /** Settles when it is served everywhere, refused, or superseded by a newer one. */
  apply(snapshot: Snapshot): Promise<ApplyOutcome> {
    const newest = Math.max(this.serving.revision, this.wanted?.snapshot.revision ?? 0);
    if (snapshot.revision < newest) return Promise.resolve({ kind: "refused", reason: `revision ${snapshot.revision} is older than the active ${newest}` });
    this.wanted?.settle({ kind: "superseded" });
    return new Promise((settle) => {
      this.wanted = { snapshot, settle };
      this.proceed();
    });
  }

  /** Who is usable has changed. */
  noteUsable(): void {
    if (this.waited.length > 0) this.proceed();
  }

  /** The shards are about to leave: nobody is waited for any more. */
  stop(): void {
    this.wanted?.settle({ kind: "superseded" });
    this.wanted = undefined;
    this.wait([], 0);
  }

  /** Every version that is waited for, once for each shard that cannot use it. */
  waiting(): WaitingVersion[] {
    return this.waited.flatMap(({ language, version }) =>
      this.shards.shardsWithout(language, version).map((shard) => ({ language, version, shard, reason: this.shards.reasonAt(shard, language, version) })),
    );
  }

  private proceed(): void {
    const { wanted, serving } = this;
    if (wanted === undefined) return;
    const nowMs = this.clock.nowMs();
    // The first snapshot has nothing to keep: the start has its own rules for whom to wait for.
    const first = serving.nonce === 0;
    const { languages, waiting } = bridge(serving, wanted.snapshot, (language, version) => first || this.mayServe(language, version, nowMs));
    this.wait(waiting, nowMs);
    const complete = waiting.length === 0;
    const next = { revision: complete ? wanted.snapshot.revision : serving.revision, nonce: this.nonce + 1, languages: keepUnchanged(serving.languages, languages) };
    if (complete) this.wanted = undefined;
    // On the way nothing goes out that would change nothing; the last one always does, with its revision.
    else if (next.languages === serving.languages) return;
    this.nonce++;
    this.serving = next;
    void this.publish(wanted, next, serving, complete);
  }

  private async publish(wanted: Wanted, snapshot: Snapshot, before: Snapshot, complete: boolean): Promise<void> {
    const outcome = await this.shards.publish(snapshot);
    if (outcome.kind === "refused") {
      if (this.serving === snapshot) this.serving = before;
      // What is wrong with a bridge is wrong with where it leads.
      if (this.wanted === wanted) {
        this.wanted = undefined;
        this.wait([], 0);
      }
      wanted.settle(outcome);
    } else if (complete) wanted.settle(outcome);
  }

  private mayServe(language: string, version: string, nowMs: number): boolean {
    const sinceMs = this.sinceMs.get(`${language} ${version}`);
    return (sinceMs !== undefined && nowMs - sinceMs >= this.timeoutMs) || this.shards.shardsWithout(language, version).length === 0;
  }

  private wait(waiting: readonly VersionName[], nowMs: number): void {
    const before = this.sinceMs;
    this.waited = waiting;
    this.sinceMs = new Map(waiting.map(({ language, version }) => [`${language} ${version}`, before.get(`${language} ${version}`) ?? nowMs]));
    this.clock.clear(this.timer);
    this.timer = undefined;
    if (waiting.length === 0) return;
    const nextMs = Math.min(...this.sinceMs.values()) + this.timeoutMs - nowMs;
    this.timer = this.clock.after(Math.max(0, nextMs), () => this.proceed());
  }
}
