/**
 * The one root of everything on a shard that derives from a snapshot: `active = buildActive(...)`, one
 * assignment, no half-update ever visible. Workers that stay keep their connection and load. Must not know
 * exchanges or sockets.
 */
import { isServing, spreadsOverAll } from "../balancing/ejection.js";
import { choiceDefaults, WorkerSet } from "../balancing/worker-choice.js";
import { VersionCounter } from "../balancing/version-counter.js";
import type { Random } from "../base/random.js";
import type { LanguageSnapshot, Snapshot, WorkerEndpoint } from "../snapshot/snapshot.js";
import type { ExpectedIdentity, Upstream } from "../upstream/upstream.js";
import { ActiveWorker } from "./active-worker.js";
import type { Slots } from "./messages.js";
import type { Statistics } from "./statistics.js";

export class ActiveVersion {
  /** Chooses among the workers that may be chosen now. */
  readonly choice: WorkerSet<ActiveWorker>;
  /** Connected, and who they should be. */
  connected = 0;
  /** Connected but ejected, those being probed included. */
  ejected = 0;

  constructor(
    readonly version: string,
    readonly weight: number,
    readonly slot: number,
    readonly workers: readonly ActiveWorker[],
    before?: ActiveVersion,
  ) {
    this.choice = new WorkerSet(choiceDefaults, before?.choice);
    for (const worker of workers) worker.choice = this.choice;
    this.refresh();
  }

  /** The workers that may be chosen now; replaced, never changed in place. */
  get usable(): readonly ActiveWorker[] {
    return this.choice.usable;
  }

  /** Looks at its workers again, after one of them changed. */
  refresh(): void {
    const connected = this.workers.filter((worker) => worker.upstream.ready);
    const serving = connected.filter((worker) => isServing(worker.health));
    this.connected = connected.length;
    this.ejected = connected.length - serving.length;
    this.choice.usable = this.spreading ? connected : serving;
  }

  /** Every connected worker is ejected: all of them are used rather than none. */
  get spreading(): boolean {
    return spreadsOverAll(this.connected - this.ejected, this.connected);
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
  readonly nowMs: number;
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
      const kept = before.languages.get(language.language)?.versions.find((other) => other.version === version.version);
      return new ActiveVersion(version.version, version.weight, slots.versions[versionKey(expected)] ?? 0, active, kept);
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

/** The language's worker with this id. */
export function workerOf({ versions }: ActiveLanguage, id: string): ActiveWorker | undefined {
  for (const { workers } of versions) {
    const found = workers.find((worker) => worker.id === id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function versionKey(expected: ExpectedIdentity): string {
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
  { statistics, openUpstream, nowMs }: BuildDependencies,
): ActiveWorker {
  const kept = before.workers.get(workerKey(endpoint, expected));
  if (kept !== undefined) return kept;
  // Slow start protects a worker from taking over from warm ones; at the start of a version all are alike.
  const cold = before.languages.get(expected.language)?.versions.some(({ version, usable }) => version === expected.version && usable.length > 0);
  return new ActiveWorker(openUpstream(endpoint, expected), slots.workers[endpoint.id] ?? 0, statistics, nowMs, cold ?? false);
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
