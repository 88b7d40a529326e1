/**
 * Lets a new snapshot share with the one before what did not change, object for object. Whoever compares snapshots,
 * or has remembered something of a language, then sees by identity what is the same. Pure.
 */
import type { LanguageSnapshot, VersionSnapshot, WorkerEndpoint } from "./snapshot.js";

/** `after`, with the languages and versions of `before` in the places of equal ones. */
export function keepUnchanged(before: readonly LanguageSnapshot[], after: readonly LanguageSnapshot[]): readonly LanguageSnapshot[] {
  const old = new Map(before.map((language) => [language.language, language]));
  const kept = after.map((language) => keepLanguage(old.get(language.language), language));
  return sameItems(before, kept) ? before : kept;
}

function keepLanguage(before: LanguageSnapshot | undefined, after: LanguageSnapshot): LanguageSnapshot {
  if (before === undefined || before === after) return after;
  const old = new Map(before.versions.map((version) => [version.version, version]));
  const versions = after.versions.map((version) => keepVersion(old.get(version.version), version));
  if (before.spill === after.spill && sameItems(before.extensions, after.extensions) && sameItems(before.versions, versions)) return before;
  return { ...after, versions };
}

function keepVersion(before: VersionSnapshot | undefined, after: VersionSnapshot): VersionSnapshot {
  return before?.weight === after.weight && sameWorkers(before.workers, after.workers) ? before : after;
}

/** In the same order. */
export function sameWorkers(some: readonly WorkerEndpoint[], others: readonly WorkerEndpoint[]): boolean {
  return some.length === others.length && some.every((worker, index) => sameWorker(worker, others[index]));
}

function sameWorker(one: WorkerEndpoint, other: WorkerEndpoint | undefined): boolean {
  return one === other || (one.id === other?.id && one.host === other.host && one.port === other.port);
}

function sameItems<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
