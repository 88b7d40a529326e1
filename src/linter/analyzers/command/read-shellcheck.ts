/**
 * shellcheck's `json1` output (an object with `comments`) and its older `json` (the array alone). Its columns count characters.
 */
import type { Diagnostic, Fix, Range, Severity } from "../../../formats/report.js";
import { severityOr } from "../../report-bytes.js";
import type { Findings } from "./findings.js";
import { asArray, asCount, asObject, asText, objectsIn, type JsonObject } from "./json-value.js";

const severities: Readonly<Record<string, Severity>> = { error: "error", warning: "warning", info: "info", style: "hint" };

/** Undefined when `value` is something else. */
export function readShellcheck(value: unknown): Findings | undefined {
  const comments = asArray(asObject(value)?.["comments"]) ?? asArray(value);
  const all = comments?.map(asObject);
  if (all?.every((comment) => comment !== undefined && typeof comment["code"] === "number" && typeof comment["level"] === "string") !== true) return undefined;
  return { diagnostics: all.filter((comment) => comment !== undefined).map(toDiagnostic), columns: "characters" };
}

function toDiagnostic(comment: JsonObject): Diagnostic {
  const rule = `SC${String(comment["code"])}`;
  const message = asText(comment["message"]) ?? "";
  const fix = toFix(comment["fix"], message);
  return {
    rule,
    severity: severityOr(severities, asText(comment["level"]) ?? "", "warning"),
    message,
    range: toRange(comment),
    url: `https://www.shellcheck.net/wiki/${rule}`,
    ...(fix === undefined ? {} : { fixes: [fix] }),
  };
}

function toRange(from: JsonObject): Range {
  const start = { line: asCount(from["line"]) ?? 1, column: asCount(from["column"]) ?? 1 };
  const endLine = asCount(from["endLine"]);
  const endColumn = asCount(from["endColumn"]);
  return { start, end: endLine === undefined || endColumn === undefined ? start : { line: endLine, column: endColumn } };
}

/** shellcheck does not say whether a fix keeps the meaning: its fixes often change it, for the better. */
function toFix(value: unknown, message: string): Fix | undefined {
  const edits = objectsIn(asObject(value)?.["replacements"]).map((one) => ({ range: toRange(one), text: asText(one["replacement"]) ?? "" }));
  return edits.length === 0 ? undefined : { message, safe: false, edits };
}
