/**
 * The report: the canonical JSON document of what a linter found in one file. Built by workers, passed
 * through balancers as bytes, rendered by the other files of this folder.
 *
 * Lines and columns count from 1, columns in UTF-16 code units; the end is exclusive.
 */

export type Severity = "error" | "warning" | "info" | "hint";
/** From worst to mildest. */
export const severities: readonly Severity[] = ["error", "warning", "info", "hint"];

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Replaces the text of `range` by `text`. */
export interface TextEdit {
  readonly range: Range;
  readonly text: string;
}

export interface Fix {
  readonly message: string;
  /** Whether the linter says that applying it keeps the program's meaning. */
  readonly safe: boolean;
  readonly edits: readonly TextEdit[];
}

export type DiagnosticTag = "unnecessary" | "deprecated";

export interface Diagnostic {
  /** The linter's own rule name (`F401`, `no-undef`); "syntax-error" for what could not be parsed. */
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  readonly range: Range;
  /** The rule's documentation. */
  readonly url?: string;
  readonly fixes?: readonly Fix[];
  readonly tags?: readonly DiagnosticTag[];
}

export interface Summary {
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
  readonly hints: number;
  readonly fixable: number;
}

export interface Report {
  readonly language: string;
  readonly linter: { readonly name: string; readonly version: string };
  readonly diagnostics: readonly Diagnostic[];
  readonly summary: Summary;
}

/** Counts the diagnostics of a report. */
export function summarize(diagnostics: readonly Diagnostic[]): Summary {
  const count = (severity: Severity): number => diagnostics.filter((one) => one.severity === severity).length;
  return {
    errors: count("error"),
    warnings: count("warning"),
    infos: count("info"),
    hints: count("hint"),
    fixable: diagnostics.filter((one) => (one.fixes?.length ?? 0) > 0).length,
  };
}
