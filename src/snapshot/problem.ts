/**
 * What is wrong with a configuration file, as data and as a sentence. Must not know what the settings mean.
 */
import { distance } from "fastest-levenshtein";

export type PathStep = string | number;

export interface Problem {
  readonly file: string;
  /** Both count from 1; 0 when the problem is the file as a whole (it does not exist, it is a directory). */
  readonly line: number;
  readonly column: number;
  /** "languages.python.versions[0].weight"; "" for the file as a whole. */
  readonly path: string;
  /** A complete sentence with all that the fields below say. */
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  /** What was likely meant, when something known is near. */
  readonly suggestion?: string;
}

/** `lintel.yaml:12:7: languages.python.versions[0].weigth: unknown key; did you mean "weight"?` */
export function renderProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

/** A problem of the file as a whole. */
export function fileProblem(file: string, message: string): Problem {
  return { file, line: 0, column: 0, path: "", message };
}

/** "languages.python.versions[0]"; a key that would be misread stands in quotes. */
export function renderPath(path: readonly PathStep[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w$+#-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

const quotedCharactersMax = 60;

/** A value out of the file inside a sentence: on one line, not longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > quotedCharactersMax ? `${text.slice(0, quotedCharactersMax)}…` : text);
}

/** What a value is, for "found …". `source` is how the file spells it, when that says more than the value. */
export function describeValue(value: unknown, source?: string): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return value === "" ? "empty text" : quote(value);
  if (typeof value === "number") return `the number ${source ?? String(value)}`;
  if (typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return "a mapping";
}

/** The one of `known` that `word` is likely a slip of: a third of its letters may be wrong. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const steps = distance(word.toLowerCase(), candidate.toLowerCase());
    if (steps < bestDistance) [best, bestDistance] = [candidate, steps];
  }
  return best;
}

/** In the order of the file. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
