/**
 * Holds a shard's one root and moves it: applies snapshots, follows the state of every worker, answers for
 * it. Must not know users' requests.
 */
import { isServing } from "../balancing/ejection.js";
import type { Clock } from "../base/clock.js";
import type { Random } from "../base/random.js";
import type { Snapshot, WorkerEndpoint } from "../snapshot/snapshot.js";
import type { OpenConnection } from "../upstream/connection.js";
import { defaultUpstreamOptions, Upstream, type ExpectedIdentity, type UpstreamDependencies } from "../upstream/upstream.js";
import { type Active, buildActive, departed, emptyActive, versionOf } from "./active.js";
import type { ActiveWorker } from "./active-worker.js";
import type { RequestLimits, ShardStatus, Slots, WorkerStatus } from "./messages.js";
import { workerCells, type Statistics } from "./statistics.js";

export interface ShardRootDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly statistics: Statistics;
  readonly openConnection: OpenConnection;
  readonly limits: RequestLimits;
  /** Called when a worker that had been connected before is so again. */
  readonly onReconnected: (worker: ActiveWorker) => void;
  /** Called when the set of languages that have a usable worker changes. */
  readonly onUsableLanguages: (languages: readonly string[]) => void;
}

export class ShardRoot {
  active: Active = emptyActive;
  private readonly upstream: UpstreamDependencies;
  private usableLanguages = "";

  constructor(private readonly dependencies: ShardRootDependencies) {
    const { clock, random, openConnection, limits } = dependencies;
    this.upstream = {
      clock,
      random,
      openConnection,
      options: { ...defaultUpstreamOptions, connectTimeoutMs: limits.connectTimeoutMs, reportBytesMax: limits.reportBytesMax },
      onStateChange: (upstream) => this.follow(upstream),
    };
  }

  /** Swaps to a new snapshot. Throws, and leaves everything as it was, when it is older than the active one. */
  apply(snapshot: Snapshot, slots: Slots): void {
    const { active } = this;
    if (snapshot.revision < active.revision || (snapshot.revision === active.revision && snapshot.nonce < active.nonce)) {
      throw new Error(`revision ${snapshot.revision} (nonce ${snapshot.nonce}) is older than the active ${active.revision} (nonce ${active.nonce})`);
    }
    const opened: Upstream[] = [];
    const next = buildActive(snapshot, slots, active, {
      nowMs: this.dependencies.clock.nowMs(),
      random: this.dependencies.random,
      statistics: this.dependencies.statistics,
      openUpstream: (endpoint: WorkerEndpoint, expected: ExpectedIdentity) => {
        const upstream = new Upstream(endpoint, expected, this.upstream);
        opened.push(upstream);
        return upstream;
      },
    });
    const gone = departed(active, next);
    this.active = next;
    for (const upstream of opened) upstream.connect();
    for (const worker of gone) worker.upstream.drain();
    this.noteUsable();
  }

  status(index: number, exchangesInFlight: number): ShardStatus {
    const { revision, nonce, workers } = this.active;
    const nowMs = this.dependencies.clock.nowMs();
    return { index, revision, nonce, exchangesInFlight, workers: [...workers.values()].map((worker) => statusOf(worker, nowMs)) };
  }

  /** Whether every language that has workers can serve. */
  everyLanguageUsable(): boolean {
    return [...this.active.languages.values()].every((language) => {
      const manned = language.versions.filter((version) => version.workers.length > 0);
      return manned.length === 0 || manned.some((version) => version.usable.length > 0);
    });
  }

  close(): void {
    for (const worker of this.active.workers.values()) worker.upstream.close();
  }

  private follow(upstream: Upstream): void {
    const version = versionOf(this.active, upstream);
    const worker = version?.workers.find((one) => one.upstream === upstream);
    if (worker !== undefined && upstream.ready && worker.lastReplyMs > 0) this.dependencies.onReconnected(worker);
    version?.refresh();
    this.noteUsable();
  }

  /** After a change of who may be chosen: keeps readiness and metrics in step. */
  noteUsable(): void {
    const languages: string[] = [];
    for (const language of this.active.languages.values()) {
      if (language.versions.some((version) => version.usable.length > 0)) languages.push(language.language);
    }
    const { statistics } = this.dependencies;
    for (const worker of this.active.workers.values()) {
      const usable = worker.upstream.ready && isServing(worker.health);
      statistics.set(statistics.workerCell(worker.slot, workerCells.usable), usable ? 1 : 0);
    }
    const key = languages.join(" ");
    if (key === this.usableLanguages) return;
    this.usableLanguages = key;
    this.dependencies.onUsableLanguages(languages);
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
