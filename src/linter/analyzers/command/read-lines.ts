/**
 * `file:line:column: message`, as compilers and most linters print it. Lines of another form are passed
 * over: they are headings, excerpts and summaries.
 *
 * Read, where they are there: a severity word before the message, the rule in brackets after it (`[E501]`,
 * `(no-undef)`) or as a code before it (`E501 line too long`). Without a severity word a finding is a warning.
 * Columns are taken for characters, which is what most such programs count.
 */
import type { Diagnostic, Severity } from "../../../formats/report.js";
import type { Findings } from "./findings.js";
import { severityOr } from "../../report-bytes.js";

/** The file's name is anything without a colon, or a drive letter and that. */
const finding = /^(?:[A-Za-z]:(?=[\\/]))?[^:\n]*:(\d+)(?::(\d+))?(?:-\d+(?::\d+)?)?:?\s+(?:-\s+)?(\S.*)$/;
const severityWord = /^\[?(fatal error|fatal|error|warning|warn|info|information|note|hint|style|convention|refactor)\]?\s*:?\s+/i;
const ruleBehind = /\s*(?:\[(-?[A-Za-z][\w./@=+-]*)\]|\(([A-Za-z@][\w./@-]*)\))\s*$/;
const codeBefore = /^\[?([A-Z]{1,6}\d{2,5})\]?:?\s+/;

const severities: Readonly<Record<string, Severity>> = {
  "fatal error": "error",
  fatal: "error",
  error: "error",
  warning: "warning",
  warn: "warning",
  info: "info",
  information: "info",
  note: "info",
  convention: "info",
  refactor: "info",
  hint: "hint",
  style: "hint",
};

export function readLines(text: string): Findings {
  return { diagnostics: text.split(/\r?\n/).map(readLine).filter((one) => one !== undefined), columns: "characters" };
}

function readLine(text: string): Diagnostic | undefined {
  const match = finding.exec(text);
  if (match === null) return undefined;
  const [, line, column, rest = ""] = match;
  const position = { line: Number(line), column: column === undefined ? 1 : Number(column) };
  const word = severityWord.exec(rest);
  const severity = severityOr(severities, word?.[1]?.toLowerCase() ?? "", "warning");
  const { rule, message } = splitRule(rest.slice(word?.[0].length ?? 0));
  return { rule, severity, message, range: { start: position, end: position } };
}

function splitRule(text: string): { rule: string; message: string } {
  const behind = ruleBehind.exec(text);
  if (behind !== null && behind.index > 0) return { rule: behind[1] ?? behind[2] ?? "", message: text.slice(0, behind.index) };
  const code = codeBefore.exec(text);
  if (code !== null && code[0].length < text.length) return { rule: code[1] ?? "", message: text.slice(code[0].length) };
  return { rule: "finding", message: text };
}
