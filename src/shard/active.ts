/**
 * The one root of everything on a shard that derives from a snapshot: `active = buildActive(...)`, one
 * assignment, no half-update ever visible. Workers that stay keep their connection and load. Must not know
 * exchanges or sockets.
 */
import type { Candidate } from "../balancing/worker-choice.js";
import { VersionCounter } from "../balancing/version-counter.js";
import type { Random } from "../base/random.js";
import type { LanguageSnapshot, Snapshot, WorkerEndpoint } from "../snapshot/snapshot.js";
import type { AttemptListener, LintCall, Ticket } from "../upstream/connection.js";
import type { ExpectedIdentity, Upstream } from "../upstream/upstream.js";
import type { Slots } from "./messages.js";
import { workerCells, type Statistics } from "./statistics.js";

/** One worker with what this shard knows of its load. Lives as long as the worker stays in the snapshot. */
export class ActiveWorker implements Candidate {
  inFlight = 0;
  reportedDepth = 0;
  penalty = 0;
  warmth = 1;

  constructor(
    readonly upstream: Upstream,
    readonly slot: number,
    private readonly statistics: Statistics,
  ) {}

  get id(): string {
    return this.upstream.endpoint.id;
  }

  /** "ruff 0.17.3", as the worker itself says; "" while it has not said. */
  get linter(): string {
    const { description } = this.upstream;
    return description === undefined ? "" : `${description.linterName} ${description.linterVersion}`;
  }

  send(call: LintCall, timeoutMs: number, listener: AttemptListener): Ticket {
    this.inFlight++;
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.inFlight), this.inFlight);
    this.statistics.add(this.statistics.workerCell(this.slot, workerCells.attempts), 1);
    return this.upstream.send(call, timeoutMs, listener);
  }

  /** The attempt sent before is over; `queueDepth` is what the worker said, -1 when it said nothing. */
  settled(queueDepth: number): void {
    this.inFlight--;
    // The worker counts this shard's requests too: only what is left over is other shards' load.
    if (queueDepth >= 0) this.reportedDepth = Math.max(0, queueDepth - this.inFlight);
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.inFlight), this.inFlight);
    this.statistics.set(this.statistics.workerCell(this.slot, workerCells.reportedDepth), this.reportedDepth);
  }
}

export class ActiveVersion {
  /** The workers that may be chosen now; replaced, never changed in place. */
  usable: readonly ActiveWorker[] = [];

  constructor(
    readonly version: string,
    readonly weight: number,
    readonly slot: number,
    readonly workers: readonly ActiveWorker[],
  ) {
    this.refresh();
  }

  /** Looks at its workers again, after one of them changed. */
  refresh(): void {
    this.usable = this.workers.filter((worker) => worker.upstream.ready);
  }
}

export interface ActiveLanguage {
  readonly language: string;
  readonly slot: number;
  readonly spill: boolean;
  readonly extensions: readonly string[];
  readonly versions: readonly ActiveVersion[];
  readonly counter: VersionCounter;
}

export interface Active {
  readonly revision: number;
  readonly nonce: number;
  readonly languages: ReadonlyMap<string, ActiveLanguage>;
  /** Lower-case file ending with its dot -> language. */
  readonly languageOfExtension: ReadonlyMap<string, string>;
  readonly workers: ReadonlyMap<string, ActiveWorker>;
}

export const emptyActive: Active = {
  revision: 0,
  nonce: 0,
  languages: new Map(),
  languageOfExtension: new Map(),
  workers: new Map(),
};

export interface BuildDependencies {
  readonly random: Random;
  readonly statistics: Statistics;
  readonly openUpstream: (endpoint: WorkerEndpoint, expected: ExpectedIdentity) => Upstream;
}

/** The next root: a pure function of the snapshot and the one before, except that it makes upstreams for new workers. */
export function buildActive(snapshot: Snapshot, slots: Slots, before: Active, dependencies: BuildDependencies): Active {
  const workers = new Map<string, ActiveWorker>();
  const languages = new Map<string, ActiveLanguage>();
  const languageOfExtension = new Map<string, string>();
  for (const language of snapshot.languages) {
    for (const extension of language.extensions) languageOfExtension.set(extension, language.language);
    const versions = language.versions.map((version) => {
      const expected = { language: language.language, version: version.version };
      const active = version.workers.map((endpoint) => keepOrOpen(endpoint, expected, slots, before, dependencies));
      for (const worker of active) workers.set(workerKey(worker.upstream.endpoint, expected), worker);
      return new ActiveVersion(version.version, version.weight, slots.versions[versionKey(expected)] ?? 0, active);
    });
    languages.set(language.language, activeLanguage(language, versions, slots, before, dependencies.random));
  }
  return { revision: snapshot.revision, nonce: snapshot.nonce, languages, languageOfExtension, workers };
}

/** Workers of `before` that `after` no longer has: to be drained once `after` is active. */
export function departed(before: Active, after: Active): ActiveWorker[] {
  return [...before.workers.entries()].filter(([key]) => !after.workers.has(key)).map(([, worker]) => worker);
}

/** The version an active worker belongs to, to refresh it when the worker's state changes. */
export function versionOf(active: Active, upstream: Upstream): ActiveVersion | undefined {
  const language = active.languages.get(upstream.expected.language);
  return language?.versions.find((version) => version.version === upstream.expected.version);
}

export function versionKey(expected: ExpectedIdentity): string {
  return `${expected.language} ${expected.version}`;
}

function workerKey(endpoint: WorkerEndpoint, expected: ExpectedIdentity): string {
  return `${versionKey(expected)} ${endpoint.id} ${endpoint.host} ${endpoint.port}`;
}

function keepOrOpen(
  endpoint: WorkerEndpoint,
  expected: ExpectedIdentity,
  slots: Slots,
  before: Active,
  { statistics, openUpstream }: BuildDependencies,
): ActiveWorker {
  const kept = before.workers.get(workerKey(endpoint, expected));
  return kept ?? new ActiveWorker(openUpstream(endpoint, expected), slots.workers[endpoint.id] ?? 0, statistics);
}

function activeLanguage(
  { language, extensions, spill }: LanguageSnapshot,
  versions: readonly ActiveVersion[],
  slots: Slots,
  before: Active,
  random: Random,
): ActiveLanguage {
  const counter = new VersionCounter(versions, random, before.languages.get(language)?.counter);
  return { language, extensions, spill, versions, counter, slot: slots.languages[language] ?? 0 };
}
