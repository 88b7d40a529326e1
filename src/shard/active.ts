/**
 * The one root of everything on a shard that derives from a snapshot: `active = buildActive(...)`, one
 * assignment, no half-update ever visible. Workers that stay keep their connection and load, and what did not change
 * is not built again. Must not know exchanges or sockets.
 */
import { isServing, spreadsOverAll } from "../balancing/ejection.js";
import { choiceDefaults, WorkerSet } from "../balancing/worker-choice.js";
import { partOf, type ShardPlace } from "../balancing/worker-part.js";
import { VersionCounter } from "../balancing/version-counter.js";
import type { Random } from "../base/random.js";
import type { LanguageSnapshot, VersionSnapshot, WorkerEndpoint } from "../snapshot/snapshot.js";
import { sameWorkers } from "../snapshot/unchanged-parts.js";
import type { ExpectedIdentity, Upstream } from "../upstream/upstream.js";
import { ActiveWorker } from "./active-worker.js";
import type { LanguageBatch, Slots, SnapshotUpdate } from "./messages.js";
import type { Statistics } from "./statistics.js";

export class ActiveVersion {
  /** Chooses among the workers that may be chosen now. The same for as long as the workers are. */
  readonly choice: WorkerSet<ActiveWorker>;
  /** Connected, and who they should be. */
  connected = 0;
  /** Connected but ejected, those being probed included. */
  ejected = 0;

  constructor(
    readonly version: string,
    readonly weight: number,
    readonly slot: number,
    /** Those this shard connects to. */
    readonly workers: readonly ActiveWorker[],
    /** Whether the version has others. */
    readonly partial: boolean,
    before?: ActiveVersion,
  ) {
    if (before?.workers === workers) {
      this.choice = before.choice;
      this.connected = before.connected;
      this.ejected = before.ejected;
      return;
    }
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
  readonly snapshot: LanguageSnapshot;
  readonly slots: Slots;
  readonly slot: number;
  readonly spill: boolean;
  readonly extensions: readonly string[];
  readonly versions: readonly ActiveVersion[];
  readonly counter: VersionCounter;
}

export class Active {
  constructor(
    readonly revision: number,
    readonly nonce: number,
    readonly share: number,
    readonly languages: ReadonlyMap<string, ActiveLanguage>,
    /** Lower-case file ending with its dot -> language. */
    readonly languageOfExtension: ReadonlyMap<string, string>,
  ) {}

  /** Every worker this shard connects to. */
  get workers(): { values(): IterableIterator<ActiveWorker> } {
    const { languages } = this;
    return {
      *values(): IterableIterator<ActiveWorker> {
        for (const { versions } of languages.values()) for (const { workers } of versions) yield* workers;
      },
    };
  }
}

export const emptyActive = new Active(0, 0, 1, new Map(), new Map());

export interface BuildDependencies {
  readonly nowMs: number;
  readonly random: Random;
  readonly statistics: Statistics;
  readonly place: ShardPlace;
  /** Versions, as `versionKey`, of which a part is not enough. */
  readonly widened: ReadonlySet<string>;
  readonly openUpstream: (endpoint: WorkerEndpoint, expected: ExpectedIdentity) => Upstream;
}

export interface Built {
  readonly active: Active;
  /** Languages that were built anew. */
  readonly changed: readonly ActiveLanguage[];
  /** To be drained once `active` is. */
  readonly departed: readonly ActiveWorker[];
}

/**
 * The next root: a pure function of the update, of what was staged for it and of the root before, except that it makes upstreams for
 * new workers.
 */
export function buildActive(update: SnapshotUpdate, staged: readonly LanguageBatch[], before: Active, dependencies: BuildDependencies): Built {
  const languages = new Map(update.whole ? [] : before.languages);
  const left = new Set(update.whole ? before.languages.keys() : update.removed);
  for (const language of update.removed) languages.delete(language);
  const changed: ActiveLanguage[] = [];
  const build = (language: LanguageSnapshot, slots: Slots): void => {
    left.delete(language.language);
    const active = buildLanguage(language, slots, update.share, before.languages.get(language.language), { ...dependencies, isSameShare: update.share === before.share });
    languages.set(language.language, active);
    changed.push(active);
  };
  const fresh = freshLanguages([...staged, update]);
  // Another share is another part of every version.
  if (update.share !== before.share) for (const { language, snapshot, slots } of [...languages.values()]) if (!fresh.has(language)) build(snapshot, slots);
  for (const { language, slots } of fresh.values()) build(language, slots);
  const languageOfExtension = new Map<string, string>();
  for (const { language, extensions } of languages.values()) for (const extension of extensions) languageOfExtension.set(extension, language);
  const active = new Active(update.revision, update.nonce, update.share, languages, languageOfExtension);
  return { active, changed, departed: departed(before, changed, left) };
}

/** A language that was staged twice is as it was the last time. */
function freshLanguages(batches: readonly LanguageBatch[]): Map<string, { readonly language: LanguageSnapshot; readonly slots: Slots }> {
  const fresh = new Map<string, { readonly language: LanguageSnapshot; readonly slots: Slots }>();
  for (const { languages, slots } of batches) for (const language of languages) fresh.set(language.language, { language, slots });
  return fresh;
}

/** Workers that `before` had and its languages as they are now do not. */
function departed(before: Active, changed: readonly ActiveLanguage[], left: ReadonlySet<string>): ActiveWorker[] {
  const gone: ActiveWorker[] = [];
  const workersOf = (language: ActiveLanguage | undefined): ActiveWorker[] => language?.versions.flatMap(({ workers }) => workers) ?? [];
  for (const language of left) gone.push(...workersOf(before.languages.get(language)));
  for (const language of changed) {
    const kept = new Set(language.versions.map(({ workers }) => workers));
    const others = before.languages.get(language.language)?.versions.filter(({ workers }) => !kept.has(workers)) ?? [];
    if (others.length === 0) continue;
    const stay = new Set(workersOf(language));
    for (const { workers } of others) for (const worker of workers) if (!stay.has(worker)) gone.push(worker);
  }
  return gone;
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

/** "language version"; no name has a space. */
export function versionKey(expected: ExpectedIdentity): string {
  return `${expected.language} ${expected.version}`;
}

interface VersionDependencies extends BuildDependencies {
  readonly isSameShare: boolean;
}

function buildLanguage(language: LanguageSnapshot, slots: Slots, share: number, before: ActiveLanguage | undefined, dependencies: VersionDependencies): ActiveLanguage {
  const versions = language.versions.map((version) => {
    const expected = { language: language.language, version: version.version };
    const kept = before?.versions.find((other) => other.version === version.version);
    const workersBefore = before?.snapshot.versions.find((other) => other.version === version.version)?.workers;
    return (
      reweighedVersion(expected, version, workersBefore, slots, kept, dependencies) ?? buildVersion(expected, version, slots, share, kept, dependencies)
    );
  });
  const counter = new VersionCounter(versions, dependencies.random, before?.counter);
  const { language: name, extensions, spill } = language;
  return { language: name, snapshot: language, slots, extensions, spill, versions, counter, slot: slots.languages[name] ?? 0 };
}

/** Most changes leave a version's workers as they are: looking for its part among them, and for each worker, is left out then (bench/size/swap-pause.ts). */
function reweighedVersion(
  expected: ExpectedIdentity,
  { weight, workers }: VersionSnapshot,
  workersBefore: readonly WorkerEndpoint[] | undefined,
  slots: Slots,
  before: ActiveVersion | undefined,
  { isSameShare, widened }: VersionDependencies,
): ActiveVersion | undefined {
  if (before === undefined || workersBefore === undefined || !isSameShare || !sameWorkers(workers, workersBefore)) return undefined;
  const key = versionKey(expected);
  if (before.partial && widened.has(key)) return undefined;
  return new ActiveVersion(expected.version, weight, slots.versions[key] ?? 0, before.workers, before.partial, before);
}

function buildVersion(expected: ExpectedIdentity, { weight, workers }: VersionSnapshot, slots: Slots, share: number, before: ActiveVersion | undefined, dependencies: BuildDependencies): ActiveVersion {
  const { statistics, openUpstream, nowMs, place, widened } = dependencies;
  const key = versionKey(expected);
  const part = widened.has(key) ? workers : partOf(workers, place, share);
  const known = new Map(before?.workers.map((worker) => [placeKey(worker.upstream.endpoint), worker]));
  // Slow start protects a worker from taking over from warm ones; at the start of a version all are alike.
  const cold = (before?.usable.length ?? 0) > 0;
  const active = part.map((endpoint) => {
    const kept = known.get(placeKey(endpoint));
    return kept ?? new ActiveWorker(openUpstream(endpoint, expected), slots.workers[endpoint.id] ?? 0, statistics, nowMs, cold);
  });
  return new ActiveVersion(expected.version, weight, slots.versions[key] ?? 0, active, part.length < workers.length, before);
}

/** The same worker at another address is another connection. */
function placeKey({ id, host, port }: WorkerEndpoint): string {
  return `${id} ${host} ${port}`;
}
