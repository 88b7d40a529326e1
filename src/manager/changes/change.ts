/**
 * What an administrator can ask for, and what can become of it, as data. Must not know how a change is made, nor what
 * carries it.
 */
import type { CommandReportFormat } from "../../snapshot/configuration-schema.js";
import type { StoredConfiguration, StoredLanguage } from "../stored-configuration.js";

/** What runs the workers of a version that is registered; as an administrator writes it, unchecked. */
export type SourceGiven =
  | { readonly kind: "image"; readonly image: string }
  | { readonly kind: "command"; readonly command: readonly string[]; readonly report: CommandReportFormat | "" }
  | { readonly kind: "builtin"; readonly builtin: string };

export interface RegisterChange {
  readonly kind: "register";
  readonly language: string;
  readonly version: string;
  readonly weight: number;
  /** Without one the workers run elsewhere: at `workers`, or they register themselves. */
  readonly source?: SourceGiven;
  /** 0: one, when there is a source. */
  readonly replicas: number;
  /** HOST:PORT. */
  readonly workers: readonly string[];
  /** Of a language that is new; none: the well-known ones. */
  readonly extensions: readonly string[];
}

export interface VersionWeight {
  readonly version: string;
  readonly weight: number;
}

export type Change =
  | RegisterChange
  | { readonly kind: "unregister"; readonly language: string; readonly version: string }
  /** The whole set: versions that are not named get 0. */
  | { readonly kind: "weights"; readonly language: string; readonly weights: readonly VersionWeight[] }
  | { readonly kind: "scale"; readonly language: string; readonly version: string; readonly replicas: number }
  | { readonly kind: "drain"; readonly workerId: string; readonly drained: boolean }
  /** Back to what was before `revision`; 0: before the newest. */
  | { readonly kind: "undo"; readonly revision: number }
  /** All languages at once, already checked as a configuration file is. */
  | { readonly kind: "replace"; readonly languages: readonly StoredLanguage[] };

export interface Refusal {
  readonly kind: "refused";
  /**
   * "invalid": it makes no sense, now or later. "not-now": it would, in another state. "conflict": somebody else was first.
   * "too-large": over a limit. "unavailable": the store or the platform failed; nothing was changed.
   */
  readonly why: "invalid" | "not-now" | "conflict" | "too-large" | "unavailable";
  /** A sentence that says what, where, and what to do. */
  readonly message: string;
}

export type ChangeResult =
  | { readonly kind: "next"; readonly next: StoredConfiguration; readonly differences: readonly string[]; readonly warnings: readonly string[] }
  /** What was asked for is so already. */
  | { readonly kind: "unchanged"; readonly warnings: readonly string[] }
  | Refusal;

/** A worker that there is, so that a slip in its name can be told. */
export interface KnownWorker {
  readonly id: string;
  readonly language: string;
  readonly version: string;
}

export interface ChangeLimits {
  /** At a change a minute the last hours can be undone; older ones are in the audit log. */
  readonly historyEntriesMax: number;
  /** Half of what a Kubernetes object holds. Changes of single versions take a kilobyte; large ones push older entries out. */
  readonly historyBytesMax: number;
  /** One change of everything must not fill the history with its lines. */
  readonly differencesMax: number;
  readonly reasonCharactersMax: number;
}

export const defaultChangeLimits: ChangeLimits = { historyEntriesMax: 200, historyBytesMax: 512 * 1024, differencesMax: 200, reasonCharactersMax: 1_000 };

/** Who asks, and what is known that is not in the configuration. */
export interface ChangeContext {
  readonly who: string;
  readonly reason: string;
  /** "" when it has none. */
  readonly requestId: string;
  readonly atUnixMs: number;
  readonly workers: readonly KnownWorker[];
  readonly limits: ChangeLimits;
}

const whatCharactersMax = 500;

/** The verb and its objects, as in the history: "weights python 0.17.3=90 0.18.0=10". */
export function whatOf(change: Change): string {
  const text = fullWhatOf(change);
  return text.length > whatCharactersMax ? `${text.slice(0, whatCharactersMax)}…` : text;
}

function fullWhatOf(change: Change): string {
  switch (change.kind) {
    case "register":
      return ["register", change.language, change.version, `weight=${change.weight}`, ...sourceWords(change)].join(" ");
    case "unregister":
      return `unregister ${change.language} ${change.version}`;
    case "weights":
      return ["weights", change.language, ...change.weights.map(({ version, weight }) => `${version}=${weight}`)].join(" ");
    case "scale":
      return `scale ${change.language} ${change.version} ${change.replicas}`;
    case "drain":
      return `${change.drained ? "drain" : "undrain"} ${change.workerId}`;
    case "undo":
      return change.revision === 0 ? "undo" : `undo ${change.revision}`;
    case "replace":
      return `replace languages: ${change.languages.map(({ language }) => language).join(" ") || "none"}`;
  }
}

function sourceWords({ source, replicas, workers, extensions }: RegisterChange): string[] {
  const words: string[] = [];
  if (source?.kind === "image") words.push(`image=${source.image}`);
  if (source?.kind === "builtin") words.push(`builtin=${source.builtin}`);
  if (source?.kind === "command") words.push(`command=${JSON.stringify(source.command)}${source.report === "" ? "" : ` report=${source.report}`}`);
  if (replicas > 0) words.push(`replicas=${replicas}`);
  if (workers.length > 0) words.push(`workers=${workers.join(",")}`);
  if (extensions.length > 0) words.push(`extensions=${extensions.join(",")}`);
  return words;
}

export function refused(why: Refusal["why"], message: string): Refusal {
  return { kind: "refused", why, message };
}
