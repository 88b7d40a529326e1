/**
 * What passes between the network thread and an analysis thread. Plain data alone: no code of either side,
 * so that the network thread loads no analyzer.
 */
import type { SharedProcessGroup } from "./process-groups.js";
import type { UnfinishedLintResponse } from "./messages.js";
import type { AnalyzerChoice } from "./analyzers/registry.js";

/** How an analysis thread is set up: its `workerData`. */
export interface ThreadSettings extends SharedProcessGroup {
  readonly language: string;
  readonly analyzer: AnalyzerChoice;
  /** The largest report; what does not fit is left out, and the report says so. */
  readonly reportBytesMax: number;
}

/** One source to analyse. `source` is transferred, not copied. */
export interface AnalysisTask {
  readonly source: Uint8Array;
  readonly filename: string;
  readonly optionsJson: string;
}

/** What a thread can be asked: to say who it is, having analysed something once, or to analyse. */
export type ThreadRequest = { readonly kind: "introduce" } | ({ readonly kind: "analyze" } & AnalysisTask);

/** Who the analyzer is; the answer to "introduce". */
export interface Introduction {
  readonly linterName: string;
  readonly linterVersion: string;
  readonly documentationUrl: string;
  /** Missing when the analyzer has no stable answer to it. */
  readonly selfTest?: { readonly source: Uint8Array; readonly filename: string; readonly reportSha256: Uint8Array };
}

/** How an analysis ended, as the thread itself says it. */
export type AnalysisOutcome =
  | { readonly kind: "reported"; readonly response: UnfinishedLintResponse }
  /** The source or its options cannot be analysed; the message is for the end user. */
  | { readonly kind: "rejected"; readonly message: string }
  /** It broke a limit and was ended. */
  | { readonly kind: "killed"; readonly message: string }
  /** It crashed; `tainted` when the thread must not be used again. */
  | { readonly kind: "crashed"; readonly message: string; readonly tainted: boolean };
