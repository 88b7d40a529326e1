/**
 * Reads a report that came from outside and proves that it is one, so that the renderers may rely on it.
 * The first thing that is wrong is named by its path.
 */
import { isBefore } from "./file-report.js";
import { severities, type Report } from "./report.js";

export class ReportError extends Error {
  override readonly name = "ReportError";
}

type Json = Readonly<Record<string, unknown>>;

/** Throws a ReportError when `text` is not the JSON of a report. Unknown members are left as they are. */
export function parseReport(text: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ReportError("the report is not JSON");
  }
  const report = object(value, "the report");
  string(report["language"], "language");
  const linter = object(report["linter"], "linter");
  string(linter["name"], "linter.name");
  string(linter["version"], "linter.version");
  array(report["diagnostics"], "diagnostics").forEach((one, index) => checkDiagnostic(one, `diagnostics[${index}]`));
  const summary = object(report["summary"], "summary");
  for (const key of ["errors", "warnings", "infos", "hints", "fixable"]) wholeNumber(summary[key], `summary.${key}`, 0);
  return value as Report;
}

function checkDiagnostic(value: unknown, path: string): void {
  const diagnostic = object(value, path);
  string(diagnostic["rule"], `${path}.rule`);
  string(diagnostic["message"], `${path}.message`);
  if (!severities.some((severity) => severity === diagnostic["severity"])) {
    throw new ReportError(`${path}.severity is not one of ${severities.join(", ")}`);
  }
  checkRange(diagnostic["range"], `${path}.range`);
  if (diagnostic["url"] !== undefined) string(diagnostic["url"], `${path}.url`);
  if (diagnostic["tags"] !== undefined) array(diagnostic["tags"], `${path}.tags`).forEach((tag, index) => string(tag, `${path}.tags[${index}]`));
  if (diagnostic["fixes"] !== undefined) array(diagnostic["fixes"], `${path}.fixes`).forEach((fix, index) => checkFix(fix, `${path}.fixes[${index}]`));
}

function checkFix(value: unknown, path: string): void {
  const fix = object(value, path);
  string(fix["message"], `${path}.message`);
  if (typeof fix["safe"] !== "boolean") throw new ReportError(`${path}.safe is not true or false`);
  array(fix["edits"], `${path}.edits`).forEach((one, index) => {
    const edit = object(one, `${path}.edits[${index}]`);
    checkRange(edit["range"], `${path}.edits[${index}].range`);
    string(edit["text"], `${path}.edits[${index}].text`);
  });
}

function checkRange(value: unknown, path: string): void {
  const range = object(value, path);
  const [start, end] = ["start", "end"].map((which) => {
    const position = object(range[which], `${path}.${which}`);
    return {
      line: wholeNumber(position["line"], `${path}.${which}.line`, 1),
      column: wholeNumber(position["column"], `${path}.${which}.column`, 1),
    };
  });
  if (start !== undefined && end !== undefined && isBefore(end, start)) throw new ReportError(`${path} ends before it starts`);
}

function object(value: unknown, path: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ReportError(`${path} is not an object`);
  return value as Json;
}

function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ReportError(`${path} is not an array`);
  return value;
}

function string(value: unknown, path: string): void {
  if (typeof value !== "string") throw new ReportError(`${path} is not a string`);
}

function wholeNumber(value: unknown, path: string, least: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw new ReportError(`${path} is not a whole number from ${least} on`);
  }
  return value;
}
