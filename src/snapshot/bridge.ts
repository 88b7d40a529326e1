/**
 * Make before break: what to serve on the way from one snapshot to the next, so that no version gets traffic before it
 * can take it. Pure: who is usable is asked, what to wait for is told. Must not know shards or time.
 */
import type { LanguageSnapshot, Snapshot, VersionSnapshot } from "./snapshot.js";

export interface VersionName {
  readonly language: string;
  readonly version: string;
}

export interface Bridge {
  /** To be served now: languages that need not wait as they are wanted, the others with their new workers and their old shares. */
  readonly languages: readonly LanguageSnapshot[];
  /** Versions that are to get their first share and cannot take it yet. With none, `languages` are the wanted ones. */
  readonly waiting: readonly VersionName[];
}

/** `active` is what is served now, perhaps itself on the way somewhere; `usable` says whether a version can take traffic everywhere. */
export function bridge(active: Pick<Snapshot, "languages">, wanted: Pick<Snapshot, "languages">, usable: (language: string, version: string) => boolean): Bridge {
  const served = new Map(active.languages.map((language) => [language.language, language]));
  const waiting: VersionName[] = [];
  const languages = wanted.languages.map((language) => {
    const before = served.get(language.language);
    if (before === language) return language;
    const shares = sharesOf(before);
    const isUnready = ({ version, weight }: VersionSnapshot): boolean => weight > 0 && !shares.has(version) && !usable(language.language, version);
    const unready = new Set(language.versions.filter(isUnready));
    if (unready.size === 0) return language;
    for (const { version } of unready) waiting.push({ language: language.language, version });
    // A language without traffic has none to keep: whoever asks for it is served by the versions that can.
    if (before === undefined || shares.size === 0) return withShares(language, (version) => (unready.has(version) ? 0 : version.weight), []);
    const names = new Set(language.versions.map(({ version }) => version));
    const leaving = before.versions.filter(({ version }) => shares.has(version) && !names.has(version));
    return withShares(language, ({ version }) => shares.get(version) ?? 0, leaving);
  });
  return { languages: waiting.length === 0 ? wanted.languages : languages, waiting };
}

/** Who has traffic. */
function sharesOf(language: LanguageSnapshot | undefined): ReadonlyMap<string, number> {
  return new Map((language?.versions ?? []).filter(({ weight }) => weight > 0).map(({ version, weight }) => [version, weight]));
}

/** The workers there shall be, other shares; a version that is to go with its traffic is `leaving`, and stays as it was until then. */
function withShares(wanted: LanguageSnapshot, share: (version: VersionSnapshot) => number, leaving: readonly VersionSnapshot[]): LanguageSnapshot {
  return { ...wanted, versions: [...wanted.versions.map((version) => ({ ...version, weight: share(version) })), ...leaving] };
}
