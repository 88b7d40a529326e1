/**
 * What every analyzer offers to the analysis thread, and how it says that it cannot analyse. Must not know
 * threads, queues or gRPC.
 */
import type { Diagnostic } from "../../formats/report.js";

/** One source file to analyse. */
export interface Source {
  /** The source as it was received: valid UTF-8. */
  readonly bytes: Uint8Array;
  /** The same as text, with its byte order mark if it has one. */
  readonly text: string;
  /** As the user gave it, or "". Only its ending may be used; nothing is ever opened by it. */
  readonly filename: string;
  /** The user's options, or undefined when there are none. */
  readonly options: OptionsText | undefined;
}

/** Options as they came, parsed to an object but not yet validated; `key` is the same for the same text. */
export interface OptionsText {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Analyzer {
  readonly linterName: string;
  readonly linterVersion: string;
  /** Where the rules are documented. */
  readonly documentationUrl: string;
  /** A tiny source with a finding or two. */
  readonly selfTest: { readonly source: string; readonly filename: string };
  /** Everything found, in any order. Throws `Rejection` or `LimitBroken`; anything else thrown is a crash. */
  analyze(source: Source): readonly Diagnostic[] | Promise<readonly Diagnostic[]>;
}

/** The source or its options cannot be analysed, by any worker. The message is a sentence for the end user. */
export class Rejection extends Error {
  override readonly name = "Rejection";
}

/** The analysis broke a limit that the analyzer itself watches over, and was ended. */
export class LimitBroken extends Error {
  override readonly name = "LimitBroken";
}

/** A byte order mark is no part of any position: every line and column here is without it. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** The ending of a file's name with its dot, lower case: ".tsx"; "" when it has none. */
export function endingOf(filename: string): string {
  return /\.[a-z0-9_]+$/i.exec(filename)?.[0].toLowerCase() ?? "";
}
