/**
 * Finds what a change names, or says what there is instead. Must not know what is done with it.
 */
import { nearest, quote } from "../../snapshot/problem.js";
import type { StoredConfiguration, StoredLanguage, StoredVersion } from "../stored-configuration.js";
import { type Refusal, refused } from "./change.js";

/** More names are no help. */
const namesMax = 20;

export type Found<T> = { readonly kind: "found" } & T;

export function findLanguage(current: Pick<StoredConfiguration, "languages">, name: string): Found<{ readonly language: StoredLanguage }> | Refusal {
  const language = current.languages.find((one) => one.language === name);
  if (language !== undefined) return { kind: "found", language };
  const known = current.languages.map((one) => one.language);
  return refused("invalid", `there is no language ${quote(name)}; ${whatThereIs(name, known, "no languages are registered yet, see `lintel admin register`")}`);
}

export function findVersion(
  current: Pick<StoredConfiguration, "languages">,
  name: string,
  label: string,
): Found<{ readonly language: StoredLanguage; readonly version: StoredVersion }> | Refusal {
  const found = findLanguage(current, name);
  if (found.kind === "refused") return found;
  const version = found.language.versions.find((one) => one.version === label);
  return version === undefined ? unknownVersion(found.language, label) : { kind: "found", language: found.language, version };
}

export function unknownVersion(language: StoredLanguage, label: string): Refusal {
  const known = language.versions.map(({ version }) => version);
  return refused("invalid", `${language.language} has no version ${quote(label)}; ${whatThereIs(label, known, "it has no versions")}`);
}

/** "did you mean X? known: …" */
export function whatThereIs(word: string, known: readonly string[], nothing: string): string {
  if (known.length === 0) return nothing;
  const near = nearest(word, known);
  const list = `known: ${known.slice(0, namesMax).join(", ")}${known.length > namesMax ? ` and ${known.length - namesMax} more` : ""}`;
  return near === undefined ? list : `did you mean ${quote(near)}? ${list}`;
}

/** The configuration's languages with one of them replaced, or added at its place in the alphabet. */
export function withLanguage(languages: readonly StoredLanguage[], changed: StoredLanguage): StoredLanguage[] {
  return sortedByName([...languages.filter(({ language }) => language !== changed.language), changed]);
}

/** By code units, so that every machine has the same order. */
export function sortedByName(languages: readonly StoredLanguage[]): StoredLanguage[] {
  return [...languages].sort((a, b) => (a.language < b.language ? -1 : a.language > b.language ? 1 : 0));
}

export function withVersion(language: StoredLanguage, changed: StoredVersion): StoredLanguage {
  return { ...language, versions: language.versions.map((version) => (version.version === changed.version ? changed : version)) };
}
