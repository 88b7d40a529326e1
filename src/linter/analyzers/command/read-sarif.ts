/**
 * SARIF 2.1.0: the results of every run, with the level, the address of the rule's help and the fixes that
 * they or their rules have. Suppressed results are passed over. Columns are UTF-16 code units unless a run says otherwise (`columnKind`).
 */
import type { Diagnostic, Fix, Range, Severity, TextEdit } from "../../../formats/report.js";
import { severityOr } from "../../report-bytes.js";
import type { Findings } from "./findings.js";
import { asArray, asCount, asObject, asText, objectsIn, type JsonObject } from "./json-value.js";

const severities: Readonly<Record<string, Severity>> = { error: "error", warning: "warning", note: "info", none: "hint" };

/** A region that gives no end column reaches to the end of its line; the caller moves this to what exists. */
const endOfLine = Number.MAX_SAFE_INTEGER;

/** Undefined when `value` is something else. */
export function readSarif(value: unknown): Findings | undefined {
  const runs = asArray(asObject(value)?.["runs"]);
  if (runs === undefined) return undefined;
  const countsCharacters = objectsIn(runs).some((run) => run["columnKind"] === "unicodeCodePoints");
  return { diagnostics: objectsIn(runs).flatMap(readRun), columns: countsCharacters ? "characters" : "utf16" };
}

function readRun(run: JsonObject): readonly Diagnostic[] {
  const rules = objectsIn(asObject(asObject(run["tool"])?.["driver"])?.["rules"]);
  return objectsIn(run["results"])
    .filter((result) => (asArray(result["suppressions"]) ?? []).length === 0)
    .map((result) => toDiagnostic(result, ruleOf(result, rules)));
}

function ruleOf(result: JsonObject, rules: readonly JsonObject[]): JsonObject | undefined {
  const index = result["ruleIndex"] ?? asObject(result["rule"])?.["index"];
  const byIndex = typeof index === "number" ? rules[index] : undefined;
  return byIndex ?? rules.find((rule) => rule["id"] === result["ruleId"]);
}

function toDiagnostic(result: JsonObject, rule: JsonObject | undefined): Diagnostic {
  const message = asObject(result["message"]);
  const location = asObject(asObject(asArray(result["locations"])?.[0])?.["physicalLocation"]);
  const level = asText(result["level"]) ?? asText(asObject(rule?.["defaultConfiguration"])?.["level"]) ?? "warning";
  const url = asText(rule?.["helpUri"]);
  const text = asText(message?.["text"]) ?? asText(message?.["markdown"]) ?? templateOf(message, rule);
  const fixes = objectsIn(result["fixes"]).map((fix) => toFix(fix, text)).filter((fix) => fix !== undefined);
  return {
    rule: asText(result["ruleId"]) ?? asText(rule?.["id"]) ?? "finding",
    severity: severityOr(severities, level, "warning"),
    message: text,
    range: toRange(asObject(location?.["region"])),
    ...(url === undefined ? {} : { url }),
    ...(fixes.length === 0 ? {} : { fixes }),
  };
}

/** A message may be named instead of written out: the rule then has the text. */
function templateOf(message: JsonObject | undefined, rule: JsonObject | undefined): string {
  const named = asObject(asObject(rule?.["messageStrings"])?.[asText(message?.["id"]) ?? ""]);
  const text = asText(named?.["text"]) ?? asText(asObject(rule?.["shortDescription"])?.["text"]) ?? "";
  const values = asArray(message?.["arguments"]) ?? [];
  return text.replace(/\{(\d+)\}/g, (whole, index: string) => asText(values[Number(index)]) ?? whole);
}

function toRange(region: JsonObject | undefined): Range {
  const line = asCount(region?.["startLine"]);
  if (line === undefined) return { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } };
  const start = { line, column: asCount(region?.["startColumn"]) ?? 1 };
  return { start, end: { line: asCount(region?.["endLine"]) ?? line, column: asCount(region?.["endColumn"]) ?? endOfLine } };
}

/** Only fixes of the file itself: one with several files has no place in a report about one. */
function toFix(fix: JsonObject, message: string): Fix | undefined {
  const changes = objectsIn(fix["artifactChanges"]);
  const edits = objectsIn(changes[0]?.["replacements"]).map(toEdit);
  if (changes.length !== 1 || edits.length === 0) return undefined;
  return { message: asText(asObject(fix["description"])?.["text"]) ?? message, safe: false, edits };
}

function toEdit(replacement: JsonObject): TextEdit {
  return { range: toRange(asObject(replacement["deletedRegion"])), text: asText(asObject(replacement["insertedContent"])?.["text"]) ?? "" };
}
