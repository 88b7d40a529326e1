/**
 * Brings snapshots to one shard: only what differs from what the shard has, a large difference in batches, and of several that
 * come while one is underway only the newest. Must not know threads: it posts messages and hears answers.
 */
import type { ApplyOutcome } from "../manager-link/link.js";
import type { FromShard, Slots, ToShard } from "../shard/messages.js";
import type { LanguageSnapshot, Snapshot } from "../snapshot/snapshot.js";

/** A snapshot as all shards of a balancer get it. */
export interface ShardPublication {
  readonly snapshot: Snapshot;
  /** See SnapshotUpdate. */
  readonly share: number;
  readonly slotsOf: (languages: readonly LanguageSnapshot[]) => Slots;
}

export interface SnapshotTransferOptions {
  /** A batch stops its shard for as long as it takes to copy: about 4 µs a worker. */
  readonly batchWorkersMax: number;
}

export const defaultSnapshotTransferOptions: SnapshotTransferOptions = { batchWorkersMax: 500 };

interface Waiter {
  readonly nonce: number;
  readonly settle: (outcome: ApplyOutcome) => void;
}

export class SnapshotTransfer {
  /** The newest, for a shard that starts again. */
  private newest: ShardPublication | undefined;
  /** What goes out when the one that is underway has arrived. */
  private next: ShardPublication | undefined;
  private underway: { readonly publication: ShardPublication; readonly batches: LanguageSnapshot[][] } | undefined;
  /** The languages that the shard has. */
  private held = new Map<string, LanguageSnapshot>();
  private fresh = true;
  private waiters: Waiter[] = [];

  constructor(
    private readonly post: (message: ToShard) => void,
    /** For refusals: which shard it was. */
    private readonly name: string,
    private readonly options: SnapshotTransferOptions = defaultSnapshotTransferOptions,
  ) {}

  /** Settles when the shard serves this one or a newer one, has refused it, or has ended: it gets the newest when it starts again. */
  apply(publication: ShardPublication): Promise<ApplyOutcome> {
    this.newest = publication;
    this.next = publication;
    const outcome = new Promise<ApplyOutcome>((settle) => this.waiters.push({ nonce: publication.snapshot.nonce, settle }));
    this.proceed();
    return outcome;
  }

  /** The thread is new and has nothing. */
  restarted(): void {
    this.forget();
    this.underway = undefined;
    this.next = this.newest;
    this.proceed();
  }

  /** The thread is gone; nothing is sent before `restarted`. */
  ended(): void {
    this.underway = undefined;
    this.next = undefined;
    this.settle(Infinity, { kind: "applied" });
  }

  hear(message: FromShard): void {
    if (message.kind === "staged") this.sendBatch();
    else if (message.kind === "applied" || message.kind === "refused") {
      if (message.nonce !== this.underway?.publication.snapshot.nonce) return;
      this.underway = undefined;
      // What it refused it does not have: the next one is whole.
      if (message.kind === "refused") this.forget();
      this.settle(message.nonce, message.kind === "applied" ? { kind: "applied" } : { kind: "refused", reason: `${this.name}: ${message.reason}` });
      this.proceed();
    }
  }

  private proceed(): void {
    const { next: publication } = this;
    if (publication === undefined || this.underway !== undefined) return;
    this.next = undefined;
    const changed = publication.snapshot.languages.filter((language) => this.held.get(language.language) !== language);
    this.underway = { publication, batches: batchesOf(changed, this.options.batchWorkersMax) };
    this.sendBatch();
  }

  /** The next batch of what is underway; the last one with the swap. */
  private sendBatch(): void {
    if (this.underway === undefined) return;
    const { publication, batches } = this.underway;
    const { snapshot, share, slotsOf } = publication;
    const languages = batches.shift() ?? [];
    const batch = { languages, slots: slotsOf(languages) };
    if (batches.length > 0) {
      this.post({ kind: "stage", batch });
      return;
    }
    const { revision, nonce } = snapshot;
    const now = new Map(snapshot.languages.map((language) => [language.language, language]));
    const removed = [...this.held.keys()].filter((language) => !now.has(language));
    this.post({ kind: "snapshot", update: { ...batch, revision, nonce, share, removed, whole: this.fresh } });
    this.held = now;
    this.fresh = false;
  }

  private forget(): void {
    this.held = new Map();
    this.fresh = true;
  }

  private settle(nonce: number, outcome: ApplyOutcome): void {
    const settled = this.waiters.filter((waiter) => waiter.nonce <= nonce);
    this.waiters = this.waiters.filter((waiter) => waiter.nonce > nonce);
    for (const waiter of settled) waiter.settle(outcome);
  }
}

/** At least one batch, perhaps empty. A language is never cut: one alone may be larger. */
function batchesOf(languages: readonly LanguageSnapshot[], workersMax: number): LanguageSnapshot[][] {
  const batches: LanguageSnapshot[][] = [[]];
  let workers = 0;
  for (const language of languages) {
    const own = language.versions.reduce((sum, version) => sum + version.workers.length, 0);
    if (workers > 0 && workers + own > workersMax) {
      batches.push([]);
      workers = 0;
    }
    batches.at(-1)?.push(language);
    workers += own;
  }
  return batches;
}
