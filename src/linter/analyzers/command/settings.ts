/** What the `command` analyzer runs and within which limits: plain data, made by the network thread for the analysis threads. */

/** How a program's output is read; "auto" looks at it. */
export const reportFormats = ["auto", "sarif", "eslint", "lines", "shellcheck"] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface CommandSettings {
  /** An absolute path. */
  readonly program: string;
  /** `{file}` in any of them becomes the path of a file with the source; without one the source is on standard input. */
  readonly args: readonly string[];
  readonly report: ReportFormat;
  /** The program is killed when it takes longer. */
  readonly timeoutMs: number;
  /** The program is killed when it writes more, on either stream. */
  readonly outputBytesMax: number;
  /** The program is killed when there are more of it at once, as far as the system shows them. */
  readonly processesMax: number;
  /** The program is killed when it takes more room in its run's folder. */
  readonly diskBytesMax: number;
  /** The path of bubblewrap, to run it in a sandbox; "" for none. */
  readonly sandbox: string;
  /** An existing folder of this worker's own, removed when it ends; every run gets an empty folder below it. */
  readonly folder: string;
  /** What the operator calls this version of the program, or "unknown". */
  readonly version: string;
}
