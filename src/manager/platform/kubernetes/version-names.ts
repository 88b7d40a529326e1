/**
 * What a version is called in Kubernetes: a name for its objects, values for their labels. Languages and versions may have
 * characters that these may not, so that names carry a fingerprint and the exact words are in annotations. Pure.
 */
import { createHash } from "node:crypto";

/** Room for what is added to it in a pod's name, which becomes a host's name of at most 63 characters. */
const readableCharactersMax = 36;
const labelCharactersMax = 63;

export interface VersionName {
  readonly language: string;
  readonly version: string;
}

export const labels = {
  instance: "app.kubernetes.io/instance",
  managedBy: "app.kubernetes.io/managed-by",
  partOf: "app.kubernetes.io/part-of",
  component: "app.kubernetes.io/component",
  language: "lintel.dev/language",
  version: "lintel.dev/version",
} as const;

/** On everything the manager makes, and on the pods. The same names as the labels, with the exact words. */
export const annotations = {
  language: "lintel.dev/language",
  version: "lintel.dev/version",
  /** The configuration's revision when it was last written. */
  revision: "lintel.dev/revision",
  /** Of the leader that last wrote it. */
  term: "lintel.dev/term",
} as const;

/** "lintel-python-0-17-3-1f9a2c": of a version's Deployment and PodDisruptionBudget. */
export function objectName(instance: string, { language, version }: VersionName): string {
  const readable = dashed(`${instance}-${language}-${version}`.toLowerCase(), /[^a-z0-9]+/g).slice(0, readableCharactersMax);
  // Two versions may read the same: "a-b" 1 and "a" b-1.
  return `${trimmed(readable)}-${fingerprint(`${language}\0${version}`).slice(0, 6)}`;
}

/** The word itself where a label may have it. */
export function labelValue(word: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(word) && word.length <= labelCharactersMax && !/\.x[0-9a-f]{8}$/.test(word)) return word;
  const mark = `.x${fingerprint(word).slice(0, 8)}`;
  return `${trimmed(dashed(word, /[^A-Za-z0-9._-]+/g).slice(0, labelCharactersMax - mark.length)) || "x"}${mark}`;
}

/** What selects everything of one Lintel in its namespace. */
export function instanceLabels(instance: string): Record<string, string> {
  return { [labels.instance]: instance, [labels.managedBy]: "lintel", [labels.component]: "linter" };
}

/** What selects the pods of one version; a Deployment's selector can never be changed, so neither can these. */
export function versionLabels(instance: string, { language, version }: VersionName): Record<string, string> {
  return { ...instanceLabels(instance), [labels.language]: labelValue(language), [labels.version]: labelValue(version) };
}

export function selectorText(wanted: Readonly<Record<string, string>>): string {
  return Object.entries(wanted).map(([name, value]) => `${name}=${value}`).join(",");
}

function dashed(text: string, unwanted: RegExp): string {
  return text.replace(unwanted, "-");
}

function trimmed(text: string): string {
  return text.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}

function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
