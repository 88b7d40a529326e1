/**
 * A program's output to diagnostics: finds the format, lets its reader read it, and judges the exit code. Output that
 * cannot be read is an error, never "nothing found". Must not know how the program was run.
 */
import type { Findings } from "./findings.js";
import { readEslintJson } from "./read-eslint.js";
import { readLines } from "./read-lines.js";
import { readSarif } from "./read-sarif.js";
import { readShellcheck } from "./read-shellcheck.js";
import type { ReportFormat } from "./settings.js";

export interface ProgramOutput {
  /** The program's name, for messages. */
  readonly name: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly format: ReportFormat;
}

/** By convention a linter exits with 0 or 1 when it has done its work; anything else needs findings to be believed. */
const normalExitCodeMax = 1;

/** Throws an Error whose message says what was wrong with the output. */
export function readOutput(output: ProgramOutput): Findings {
  const found = output.stdout.trim() === "" ? fromSilence(output) : fromText(output);
  if (found.diagnostics.length === 0 && output.code > normalExitCodeMax) throw new Error(`${output.name} ended with exit code ${output.code} and no findings${said(output.stderr)}.`);
  return found;
}

/** Compilers and syntax checkers complain on standard error only. */
function fromSilence(output: ProgramOutput): Findings {
  if (output.code === 0) return { diagnostics: [], columns: "utf16" };
  const { format } = output;
  const found = format === "auto" || format === "lines" ? readLines(output.stderr) : undefined;
  if (found !== undefined && found.diagnostics.length > 0) return found;
  throw new Error(`${output.name} ended with exit code ${output.code} and no output that can be read${said(output.stderr)}.`);
}

function fromText(output: ProgramOutput): Findings {
  const { format, stdout, name } = output;
  if (format === "lines" || (format === "auto" && !/^\s*[[{]/.test(stdout))) return fromLines(output);
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch {
    if (format === "auto") return fromLines(output);
    throw new Error(`${name} was to print ${format} output, but what it printed is not JSON${said(stdout)}.`);
  }
  const reader = format === "auto" ? detect(value) : readers[format];
  const found = reader?.(value);
  if (found === undefined) throw new Error(`${name} printed JSON that is not ${format === "auto" ? "SARIF, ESLint's or shellcheck's" : format}${said(stdout)}.`);
  return found;
}

type JsonReader = (value: unknown) => Findings | undefined;

const readers: Readonly<Record<Exclude<ReportFormat, "auto" | "lines">, JsonReader>> = {
  sarif: readSarif,
  eslint: readEslintJson,
  shellcheck: readShellcheck,
};

/** Each reader refuses what is not its own; an empty array is every list format's "nothing found". */
function detect(value: unknown): JsonReader | undefined {
  return [readSarif, readShellcheck, readEslintJson].find((reader) => reader(value) !== undefined);
}

/** Text without a single finding: asked for lines, "All good." with exit code 0 means what it says; guessing, it does not. */
function fromLines({ name, stdout, code, format }: ProgramOutput): Findings {
  const found = readLines(stdout);
  if (found.diagnostics.length > 0 || (code === 0 && format === "lines")) return found;
  throw new Error(`${name} printed nothing of the form "file:line:column: message"${said(stdout)}.`);
}

/** The first line of what a program said, for its operator. */
function said(text: string): string {
  const line = text.trim().split("\n")[0]?.trim() ?? "";
  return line === "" ? "" : `; it said: ${line.slice(0, 200)}`;
}
