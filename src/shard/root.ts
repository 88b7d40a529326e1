/**
 * Holds a shard's one root and moves it: applies snapshots, follows the state of every worker, answers for
 * it. Must not know users' requests.
 */
import { isServing } from "../balancing/ejection.js";
import type { ShardPlace } from "../balancing/worker-part.js";
import type { Clock } from "../base/clock.js";
import type { Random } from "../base/random.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";
import type { OpenConnection } from "../upstream/connection.js";
import { defaultUpstreamOptions, Upstream, type ExpectedIdentity, type UpstreamDependencies } from "../upstream/upstream.js";
import { type Active, type ActiveLanguage, type ActiveVersion, buildActive, emptyActive, versionKey, versionOf } from "./active.js";
import type { ActiveWorker } from "./active-worker.js";
import { ConnectQueue } from "./connect-queue.js";
import type { LanguageBatch, RequestLimits, ShardStatus, SnapshotUpdate, VersionUsability, WorkerStatus } from "./messages.js";
import { versionCells, workerCells, type Statistics } from "./statistics.js";

/**
 * A shard whose part of a version has been without a usable worker for so long connects to all of its workers: parts are to save
 * connections, never to refuse a user. Longer than a connection takes to open, or a worker to restart.
 */
const widenMs = 2_000;

export interface ShardRootDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly statistics: Statistics;
  readonly openConnection: OpenConnection;
  readonly limits: RequestLimits;
  readonly place: ShardPlace;
  /** Called when a worker that had been connected before is so again. */
  readonly onReconnected: (worker: ActiveWorker) => void;
  /** Called when versions have got a usable worker or lost their last one. */
  readonly onUsable: (versions: readonly VersionUsability[]) => void;
}

export class ShardRoot {
  active: Active = emptyActive;
  private readonly upstream: UpstreamDependencies;
  private readonly connects: ConnectQueue;
  private staged: LanguageBatch[] = [];
  /** Versions with a usable worker, as it was last told. */
  private readonly usable = new Set<string>();
  /** Versions of which a part was not enough. */
  private readonly widened = new Set<string>();
  /** Partial versions without a usable worker, and since when. */
  private readonly idleSinceMs = new Map<string, number>();

  constructor(private readonly dependencies: ShardRootDependencies) {
    const { clock, random, openConnection, limits } = dependencies;
    this.connects = new ConnectQueue(clock);
    this.upstream = {
      clock,
      random,
      openConnection,
      options: { ...defaultUpstreamOptions, connectTimeoutMs: limits.connectTimeoutMs, reportBytesMax: limits.reportBytesMax },
      onStateChange: (upstream) => this.follow(upstream),
    };
  }

  /** Keeps languages for the update to come. */
  stage(batch: LanguageBatch): void {
    this.staged.push(batch);
  }

  /** Swaps to what an update makes of the snapshot there is. Throws, and leaves everything as it was, when it is older than that. */
  update(update: SnapshotUpdate): void {
    const { active, staged } = this;
    this.staged = [];
    const { revision, nonce } = update;
    if (revision < active.revision || (revision === active.revision && nonce < active.nonce)) {
      throw new Error(`revision ${revision} (nonce ${nonce}) is older than the active ${active.revision} (nonce ${active.nonce})`);
    }
    this.swap(update, staged);
  }

  status(index: number, exchangesInFlight: number): ShardStatus {
    const { revision, nonce, languages, workers } = this.active;
    const nowMs = this.dependencies.clock.nowMs();
    const spreading = [...languages.values()].flatMap(({ language, versions }) => versions.filter((version) => version.spreading).map(({ version }) => `${language} ${version}`));
    return { index, revision, nonce, exchangesInFlight, spreading, workers: Array.from(workers.values(), (worker) => statusOf(worker, nowMs)) };
  }

  /** Whether there is a snapshot, and every language in it that has workers can serve. */
  everyLanguageUsable(): boolean {
    return this.active.nonce > 0 && [...this.active.languages.values()].every((language) => {
      const manned = language.versions.filter((version) => version.workers.length > 0);
      return manned.length === 0 || manned.some((version) => version.usable.length > 0);
    });
  }

  /** Now and then: versions whose part has been down for too long get all their workers. */
  tick(nowMs: number): void {
    if (this.idleSinceMs.size === 0) return;
    const down = [...this.idleSinceMs].filter(([, sinceMs]) => nowMs - sinceMs >= widenMs).map(([key]) => key);
    if (down.length === 0) return;
    for (const key of down) {
      this.widened.add(key);
      this.idleSinceMs.delete(key);
    }
    const { revision, nonce, share, languages } = this.active;
    for (const name of new Set(down.map((key) => key.slice(0, key.indexOf(" "))))) {
      const language = languages.get(name);
      if (language !== undefined) this.swap({ revision, nonce, share, whole: false, removed: [], languages: [language.snapshot], slots: language.slots });
    }
  }

  close(): void {
    for (const worker of this.active.workers.values()) worker.upstream.close();
  }

  /** After a change of a worker's health: keeps readiness and metrics in step. */
  noteUsable({ upstream }: ActiveWorker): void {
    const version = versionOf(this.active, upstream);
    if (version === undefined) return;
    const changes: VersionUsability[] = [];
    this.noteVersion(upstream.expected, version, changes);
    if (changes.length > 0) this.dependencies.onUsable(changes);
  }

  private swap(update: SnapshotUpdate, staged: readonly LanguageBatch[] = []): void {
    const { clock, random, statistics, place } = this.dependencies;
    const opened: Upstream[] = [];
    const { active, changed, departed } = buildActive(update, staged, this.active, {
      nowMs: clock.nowMs(),
      random,
      statistics,
      place,
      widened: this.widened,
      openUpstream: (endpoint: WorkerEndpoint, expected: ExpectedIdentity) => {
        const upstream = new Upstream(endpoint, expected, this.upstream);
        opened.push(upstream);
        return upstream;
      },
    });
    const before = this.active;
    this.active = active;
    this.connects.add(opened);
    for (const worker of departed) {
      statistics.set(statistics.workerCell(worker.slot, workerCells.usable), 0);
      worker.upstream.drain();
    }
    this.noteLanguages(before, changed);
  }

  private follow(upstream: Upstream): void {
    const version = versionOf(this.active, upstream);
    const worker = version?.workers.find((one) => one.upstream === upstream);
    if (worker === undefined) return;
    if (upstream.ready && worker.lastReplyMs > 0) this.dependencies.onReconnected(worker);
    version?.refresh();
    this.noteUsable(worker);
  }

  /** After a swap: what is new, and what is no more. */
  private noteLanguages(before: Active, changed: readonly ActiveLanguage[]): void {
    const changes: VersionUsability[] = [];
    for (const { language, versions } of changed) {
      const known = new Set(before.languages.get(language)?.versions.map(({ choice }) => choice));
      for (const version of versions) if (!known.has(version.choice)) this.noteVersion({ language, version: version.version }, version, changes);
    }
    for (const old of before.languages.values()) {
      const now = this.active.languages.get(old.language);
      if (now === old) continue;
      for (const { version } of old.versions) {
        if (now?.versions.some((one) => one.version === version) !== true) this.forgetVersion({ language: old.language, version }, changes);
      }
    }
    if (changes.length > 0) this.dependencies.onUsable(changes);
  }

  private noteVersion(name: ExpectedIdentity, version: ActiveVersion, changes: VersionUsability[]): void {
    const { statistics, clock } = this.dependencies;
    for (const worker of version.workers) {
      statistics.set(statistics.workerCell(worker.slot, workerCells.usable), worker.upstream.ready && isServing(worker.health) ? 1 : 0);
    }
    statistics.set(statistics.versionCell(version.slot, versionCells.spreading), version.spreading ? 1 : 0);
    const key = versionKey(name);
    const usable = version.usable.length > 0;
    if (usable || !version.partial) this.idleSinceMs.delete(key);
    else if (!this.idleSinceMs.has(key)) this.idleSinceMs.set(key, clock.nowMs());
    if (usable === this.usable.has(key)) return;
    if (usable) this.usable.add(key);
    else this.usable.delete(key);
    changes.push({ ...name, usable });
  }

  private forgetVersion(name: ExpectedIdentity, changes: VersionUsability[]): void {
    const key = versionKey(name);
    this.idleSinceMs.delete(key);
    this.widened.delete(key);
    if (this.usable.delete(key)) changes.push({ ...name, usable: false });
  }
}

function statusOf(worker: ActiveWorker, nowMs: number): WorkerStatus {
  const { upstream } = worker;
  const { expected, endpoint } = upstream;
  return {
    id: endpoint.id,
    language: expected.language,
    version: expected.version,
    address: endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`,
    ...stateOf(worker, nowMs),
    inFlight: worker.inFlight,
    reportedDepth: worker.reportedDepth,
    linter: worker.linter,
  };
}

/** What operators see: the connection's state while it is not up, else what its health says. */
function stateOf({ upstream: { state }, health: { phase } }: ActiveWorker, nowMs: number): Pick<WorkerStatus, "state" | "forMs" | "reason"> {
  const shown = state.kind === "ready" && phase.kind !== "serving" ? phase : state;
  return { state: shown.kind, forMs: Math.round(nowMs - shown.sinceMs), reason: "reason" in shown ? shown.reason : "" };
}
