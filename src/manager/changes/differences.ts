/**
 * What differs between two configurations, as lines for people and as what the history needs to go back. Must not know
 * what brought the difference about.
 */
import { isDeepStrictEqual } from "node:util";
import { diffSnapshots, renderChange } from "../../snapshot/diff.js";
import { emptySnapshot } from "../../snapshot/snapshot.js";
import type { StoredBefore, StoredConfiguration, StoredLanguage, StoredRun } from "../stored-configuration.js";

/** What a change works on: the rest is how it came to be. */
export type Content = Pick<StoredConfiguration, "languages" | "drained">;

export function sameContent(before: Content, after: Content): boolean {
  return before.languages.length === after.languages.length && sameWords(before.drained, after.drained) && after.languages.every((language, index) => sameLanguage(before.languages[index], language));
}

/** Untouched languages are the same object, which spares comparing thousands of workers. */
function sameLanguage(before: StoredLanguage | undefined, after: StoredLanguage): boolean {
  return before === after || isDeepStrictEqual(before, after);
}

function sameWords(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && before.every((word, index) => word === after[index]);
}

export function beforeOf(before: Content, after: Content): StoredBefore {
  const old = new Map(before.languages.map((language) => [language.language, language]));
  const added: string[] = [];
  for (const language of after.languages) {
    const earlier = old.get(language.language);
    if (earlier === undefined) added.push(language.language);
    else if (sameLanguage(earlier, language)) old.delete(language.language);
  }
  return { languages: [...old.values()], added, drained: before.drained };
}

/** One line a difference, at most `linesMax` and one that says how many more. */
export function differencesOf(before: Content, after: Content, linesMax: number): string[] {
  const [old, now] = withoutUntouched(before.languages, after.languages);
  const lines = diffSnapshots({ ...emptySnapshot, languages: old }, { ...emptySnapshot, languages: now }).map(renderChange);
  lines.push(...sourceDifferences(old, now));
  for (const id of after.drained) if (!before.drained.includes(id)) lines.push(`worker ${id}: drained`);
  for (const id of before.drained) if (!after.drained.includes(id)) lines.push(`worker ${id}: no longer drained`);
  return lines.length > linesMax ? [...lines.slice(0, linesMax), `and ${lines.length - linesMax} more`] : lines;
}

function withoutUntouched(before: readonly StoredLanguage[], after: readonly StoredLanguage[]): [StoredLanguage[], StoredLanguage[]] {
  const [old, now] = [new Set(before), new Set(after)];
  return [before.filter((language) => !now.has(language)), after.filter((language) => !old.has(language))];
}

function sourceDifferences(before: readonly StoredLanguage[], after: readonly StoredLanguage[]): string[] {
  const old = new Map(before.map((language) => [language.language, language]));
  return after.flatMap((language) => {
    const earlier = old.get(language.language);
    return language.versions.flatMap(({ version, source }) => {
      const was = earlier?.versions.find((one) => one.version === version)?.source;
      if (isDeepStrictEqual(was, source)) return [];
      const name = `${language.language} ${version}`;
      if (was === undefined) return [`${name}: run by ${runText(source)}`];
      if (source === undefined) return [`${name}: no longer run here (was ${runText(was)})`];
      if (sourceText(was) === sourceText(source)) return [replicasOf(was) === replicasOf(source) ? `${name}: other threads or environment` : `${name}: replicas ${replicasOf(was)} -> ${replicasOf(source)}`];
      return [`${name}: ${runText(was)} -> ${runText(source)}`];
    });
  });
}

function runText(source: StoredRun | undefined): string {
  return source === undefined ? "nothing" : `${sourceText(source)}, ${replicasOf(source)} ${replicasOf(source) === 1 ? "worker" : "workers"}`;
}

/** "builtin python", "command shellcheck -", "image …", "workers elsewhere" */
export function sourceText(source: StoredRun | undefined): string {
  if (source === undefined) return "workers elsewhere";
  if (source.kind === "image") return `image ${source.image}`;
  return source.run.kind === "builtin" ? `builtin ${source.run.builtin}` : `command ${source.run.command.join(" ")}`;
}

/** How many workers are to run; 0 when none is run by the manager. */
export function replicasOf(source: StoredRun | undefined): number {
  if (source === undefined) return 0;
  return source.kind === "image" ? source.workers : source.run.workers;
}
