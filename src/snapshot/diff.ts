/**
 * What changed between two snapshots, as data and in words. Must not know what anybody does about it.
 */
import { formatAddress } from "./address.js";
import type { LanguageSnapshot, Snapshot, VersionSnapshot, WorkerEndpoint } from "./snapshot.js";

export type SnapshotChange =
  /** Its versions and workers are changes of their own. */
  | { readonly kind: "language-added"; readonly language: string; readonly extensions: readonly string[]; readonly spill: boolean }
  /** With all its versions and workers. */
  | { readonly kind: "language-removed"; readonly language: string }
  | { readonly kind: "extensions-changed"; readonly language: string; readonly before: readonly string[]; readonly after: readonly string[] }
  | { readonly kind: "spill-changed"; readonly language: string; readonly after: boolean }
  /** Its workers are changes of their own. */
  | { readonly kind: "version-added"; readonly language: string; readonly version: string; readonly weight: number }
  /** With all its workers. */
  | { readonly kind: "version-removed"; readonly language: string; readonly version: string }
  | { readonly kind: "weight-changed"; readonly language: string; readonly version: string; readonly before: number; readonly after: number }
  | { readonly kind: "worker-added"; readonly language: string; readonly version: string; readonly worker: WorkerEndpoint }
  | { readonly kind: "worker-removed"; readonly language: string; readonly version: string; readonly worker: WorkerEndpoint }
  /** The same worker, by its id, at another address. */
  | { readonly kind: "worker-moved"; readonly language: string; readonly version: string; readonly before: WorkerEndpoint; readonly worker: WorkerEndpoint };

/** Every difference but revision and nonce; the order of languages, versions and workers is none. What both share costs nothing. */
export function diffSnapshots(before: Pick<Snapshot, "languages">, after: Pick<Snapshot, "languages">): SnapshotChange[] {
  const changes: SnapshotChange[] = [];
  const old = new Map(before.languages.map((language) => [language.language, language]));
  for (const language of after.languages) {
    const earlier = old.get(language.language);
    old.delete(language.language);
    // One by one: an argument list of ten thousand changes would overflow the stack.
    if (earlier !== language) for (const change of diffLanguage(earlier, language)) changes.push(change);
  }
  for (const language of old.keys()) changes.push({ kind: "language-removed", language });
  return changes;
}

function diffLanguage(before: LanguageSnapshot | undefined, after: LanguageSnapshot): SnapshotChange[] {
  const { language } = after;
  const changes: SnapshotChange[] = [];
  if (before === undefined) changes.push({ kind: "language-added", language, extensions: after.extensions, spill: after.spill });
  else {
    if (!sameWords(before.extensions, after.extensions)) changes.push({ kind: "extensions-changed", language, before: before.extensions, after: after.extensions });
    if (before.spill !== after.spill) changes.push({ kind: "spill-changed", language, after: after.spill });
  }
  const old = new Map(before?.versions.map((version) => [version.version, version]));
  for (const version of after.versions) {
    const earlier = old.get(version.version);
    old.delete(version.version);
    if (earlier !== version) for (const change of diffVersion(language, earlier, version)) changes.push(change);
  }
  for (const version of old.keys()) changes.push({ kind: "version-removed", language, version });
  return changes;
}

function diffVersion(language: string, before: VersionSnapshot | undefined, after: VersionSnapshot): SnapshotChange[] {
  const { version } = after;
  const changes: SnapshotChange[] = [];
  if (before === undefined) changes.push({ kind: "version-added", language, version, weight: after.weight });
  else if (before.weight !== after.weight) changes.push({ kind: "weight-changed", language, version, before: before.weight, after: after.weight });
  const old = new Map(before?.workers.map((worker) => [worker.id, worker]));
  for (const worker of after.workers) {
    const earlier = old.get(worker.id);
    old.delete(worker.id);
    if (earlier === undefined) changes.push({ kind: "worker-added", language, version, worker });
    else if (earlier.host !== worker.host || earlier.port !== worker.port) changes.push({ kind: "worker-moved", language, version, before: earlier, worker });
  }
  for (const worker of old.values()) changes.push({ kind: "worker-removed", language, version, worker });
  return changes;
}

function sameWords(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && before.every((word) => after.includes(word));
}

/** One line a change, for people: `python 0.18.0: weight 10 -> 20`. */
export function renderChange(change: SnapshotChange): string {
  switch (change.kind) {
    case "language-added":
      return `${change.language}: added`;
    case "language-removed":
      return `${change.language}: removed`;
    case "extensions-changed":
      return `${change.language}: extensions ${change.before.join(" ") || "(none)"} -> ${change.after.join(" ") || "(none)"}`;
    case "spill-changed":
      return `${change.language}: spill ${change.after ? "on" : "off"}`;
    case "version-added":
      return `${change.language} ${change.version}: added with weight ${change.weight}`;
    case "version-removed":
      return `${change.language} ${change.version}: removed`;
    case "weight-changed":
      return `${change.language} ${change.version}: weight ${change.before} -> ${change.after}`;
    case "worker-added":
      return `${change.language} ${change.version}: worker ${change.worker.id} added`;
    case "worker-removed":
      return `${change.language} ${change.version}: worker ${change.worker.id} removed`;
    case "worker-moved":
      return `${change.language} ${change.version}: worker ${change.worker.id} moved from ${formatAddress(change.before)} to ${formatAddress(change.worker)}`;
  }
}

/**
 * The whole diff on one line, for a log: at most `changesMax` changes, then how many more there are.
 * A fleet of thousands can change at once; twelve still fit a screen's line or three.
 */
export function renderDiff(changes: readonly SnapshotChange[], changesMax = 12): string {
  if (changes.length === 0) return "no change";
  const shown = changes.slice(0, changesMax).map(renderChange).join(", ");
  return changes.length > changesMax ? `${shown}, and ${changes.length - changesMax} more` : shown;
}
