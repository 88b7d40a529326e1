/**
 * Differences between snapshots as a link carries them: made from two snapshots at one end, applied to the older one at the
 * other. Pure. Must not know revisions or checksums: whoever applies changes compares those.
 */
import { diffSnapshots, type SnapshotChange } from "./diff.js";
import type { ChangeMessage } from "./link-messages.js";
import type { LanguageSnapshot, VersionSnapshot, WorkerEndpoint } from "./snapshot.js";

/** What leads from `before` to `after`, in the order in which it is to be applied. */
export function changesBetween(before: readonly LanguageSnapshot[], after: readonly LanguageSnapshot[]): ChangeMessage[] {
  const languages = new Map(after.map((language) => [language.language, language]));
  return diffSnapshots({ languages: before }, { languages: after }).map((change) => messageOf(change, languages));
}

function messageOf(change: SnapshotChange, languages: ReadonlyMap<string, LanguageSnapshot>): ChangeMessage {
  const { language } = change;
  switch (change.kind) {
    case "language-added":
    case "extensions-changed":
    case "spill-changed": {
      const { extensions = [], spill = true } = languages.get(language) ?? {};
      return { setLanguage: { language, extensions, spill, versions: [] } };
    }
    case "language-removed":
      return { removeLanguage: language };
    case "version-added":
      return { setVersion: { language, version: change.version, weight: change.weight } };
    case "weight-changed":
      return { setVersion: { language, version: change.version, weight: change.after } };
    case "version-removed":
      return { removeVersion: { language, version: change.version } };
    case "worker-added":
    case "worker-moved":
      return { setWorker: { language, version: change.version, worker: change.worker } };
    case "worker-removed":
      return { removeWorker: { language, version: change.version, workerId: change.worker.id } };
  }
}

/** A change that does not fit the snapshot it is applied to: the two ends disagree on what there was. */
export class MisfitError extends Error {
  override readonly name = "MisfitError";
}

/** What no change touches stays the same object. Throws a MisfitError when a change names a language or version that is not there. */
export function applyChanges(before: readonly LanguageSnapshot[], changes: readonly ChangeMessage[]): readonly LanguageSnapshot[] {
  const drafts = new Drafts(before);
  for (const change of changes) drafts.apply(change);
  return drafts.finish();
}

interface VersionDraft {
  readonly version: string;
  weight: number;
  readonly workers: Map<string, WorkerEndpoint>;
}

interface LanguageDraft {
  readonly language: string;
  extensions: readonly string[];
  spill: boolean;
  /** A version that nothing has touched is still the one before. */
  readonly versions: Map<string, VersionSnapshot | VersionDraft>;
}

class Drafts {
  private readonly languages: Map<string, LanguageSnapshot | LanguageDraft>;

  constructor(before: readonly LanguageSnapshot[]) {
    this.languages = new Map(before.map((language) => [language.language, language]));
  }

  apply({ setLanguage, removeLanguage, setVersion, removeVersion, setWorker, removeWorker }: ChangeMessage): void {
    if (setLanguage !== undefined) this.setLanguage(setLanguage);
    else if (removeLanguage !== undefined) this.languages.delete(removeLanguage);
    else if (setVersion !== undefined) this.setVersion(setVersion);
    else if (removeVersion !== undefined) this.language(removeVersion.language).versions.delete(removeVersion.version);
    else if (setWorker !== undefined) {
      if (setWorker.worker === null) throw new MisfitError(`a worker of ${setWorker.language} ${setWorker.version} is empty`);
      this.version(setWorker.language, setWorker.version).workers.set(setWorker.worker.id, setWorker.worker);
    } else if (removeWorker !== undefined) this.version(removeWorker.language, removeWorker.version).workers.delete(removeWorker.workerId);
    else throw new MisfitError("a change is of a kind that this program does not know");
  }

  finish(): LanguageSnapshot[] {
    return Array.from(this.languages.values(), (language) => {
      if (Array.isArray(language.versions)) return language as LanguageSnapshot;
      const { language: name, extensions, spill, versions } = language as LanguageDraft;
      return { language: name, extensions, spill, versions: Array.from(versions.values(), finishVersion) };
    });
  }

  private setLanguage({ language, extensions, spill }: LanguageSnapshot): void {
    const there = this.languages.has(language) ? this.language(language) : undefined;
    if (there === undefined) this.languages.set(language, { language, extensions, spill, versions: new Map() });
    else {
      there.extensions = extensions;
      there.spill = spill;
    }
  }

  private setVersion({ language, version, weight }: { language: string; version: string; weight: number }): void {
    const { versions } = this.language(language);
    if (versions.has(version)) this.version(language, version).weight = weight;
    else versions.set(version, { version, weight, workers: new Map() });
  }

  private language(name: string): LanguageDraft {
    const language = this.languages.get(name);
    if (language === undefined) throw new MisfitError(`there is no language ${name} to change`);
    if (!Array.isArray(language.versions)) return language as LanguageDraft;
    const { extensions, spill, versions } = language as LanguageSnapshot;
    const draft = { language: name, extensions, spill, versions: new Map(versions.map((version) => [version.version, version])) };
    this.languages.set(name, draft);
    return draft;
  }

  private version(language: string, name: string): VersionDraft {
    const { versions } = this.language(language);
    const version = versions.get(name);
    if (version === undefined) throw new MisfitError(`there is no version ${language} ${name} to change`);
    if (!Array.isArray(version.workers)) return version as VersionDraft;
    const { weight, workers } = version as VersionSnapshot;
    const draft = { version: name, weight, workers: new Map(workers.map((worker) => [worker.id, worker])) };
    versions.set(name, draft);
    return draft;
  }
}

function finishVersion(version: VersionSnapshot | VersionDraft): VersionSnapshot {
  if (Array.isArray(version.workers)) return version as VersionSnapshot;
  return { version: version.version, weight: version.weight, workers: [...version.workers.values()] };
}
