/**
 * ESLint's JSON formatter, which many linters imitate: an array of files, each with `messages`. Positions count from 1 in
 * UTF-16 code units, ends are exclusive: as in a report.
 */
import type { Diagnostic } from "../../../formats/report.js";
import type { Findings } from "./findings.js";
import { asArray, asCount, asObject, asText, objectsIn, type JsonObject } from "./json-value.js";

/** Undefined when `value` is something else. */
export function readEslintJson(value: unknown): Findings | undefined {
  const files = asArray(value);
  if (files?.every((file) => asArray(asObject(file)?.["messages"]) !== undefined) !== true) return undefined;
  return { diagnostics: files.flatMap((file) => objectsIn(asObject(file)?.["messages"]).map(toDiagnostic)), columns: "utf16" };
}

function toDiagnostic(message: JsonObject): Diagnostic {
  const start = { line: asCount(message["line"]) ?? 1, column: asCount(message["column"]) ?? 1 };
  const endLine = asCount(message["endLine"]);
  const endColumn = asCount(message["endColumn"]);
  return {
    rule: asText(message["ruleId"]) ?? (message["fatal"] === true ? "syntax-error" : "finding"),
    severity: message["severity"] === 2 || message["severity"] === "error" || message["fatal"] === true ? "error" : "warning",
    message: asText(message["message"]) ?? "",
    range: { start, end: endLine === undefined || endColumn === undefined ? start : { line: endLine, column: endColumn } },
  };
}
