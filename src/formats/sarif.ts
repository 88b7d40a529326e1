/**
 * SARIF 2.1.0 (OASIS), one run per linter and version. Sections named here are the standard's.
 */
import { shownName, type FileReport } from "./file-report.js";
import { Fingerprints } from "./fingerprint.js";
import { wellFormed } from "./printable.js";
import type { Diagnostic, Fix, Range, Severity } from "./report.js";

/** Where the schema lives; readers use it to recognise the format. */
const schemaUri = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/** 3.27.10: there is no level below "note"; the property bag keeps the report's own word. */
const levels: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "note", hint: "note" };

export function renderSarif(files: readonly FileReport[]): string {
  const byLinter = new Map<string, FileReport[]>();
  for (const file of files) {
    const { name, version } = file.report.linter;
    const key = JSON.stringify([name, version]);
    const group = byLinter.get(key);
    if (group === undefined) byLinter.set(key, [file]);
    else group.push(file);
  }
  return `${JSON.stringify({ $schema: schemaUri, version: "2.1.0", runs: [...byLinter.values()].map(runOf) })}\n`;
}

function runOf(files: readonly FileReport[]): object {
  const linter = files[0]?.report.linter ?? { name: "lintel", version: "" };
  const rules = new Rules();
  const artifacts = new Artifacts();
  const fingerprints = new Fingerprints();
  const results = files.flatMap(({ filename, report }) => {
    const artifactLocation = artifacts.locationOf(filename, report.language);
    return report.diagnostics.map((diagnostic) => ({
      ruleId: diagnostic.rule,
      ruleIndex: rules.indexOf(diagnostic),
      level: levels[diagnostic.severity],
      message: { text: diagnostic.message },
      locations: [{ physicalLocation: { artifactLocation, region: regionOf(diagnostic.range) } }],
      partialFingerprints: { "lintel/v1": fingerprints.of(filename, diagnostic) },
      ...fixesOf(diagnostic, artifactLocation),
      properties: { severity: diagnostic.severity, ...tagsOf(diagnostic) },
    }));
  });
  return {
    tool: { driver: { name: linter.name, version: linter.version, rules: rules.list } },
    columnKind: "utf16CodeUnits",
    artifacts: artifacts.list,
    results,
  };
}

/** The files of a run, each once (3.14.15: the array has no duplicates). */
class Artifacts {
  readonly list: { location: { uri: string }; sourceLanguage: string }[] = [];
  readonly #indices = new Map<string, number>();

  locationOf(filename: string, sourceLanguage: string): { uri: string; index: number } {
    const uri = uriOf(filename);
    let index = this.#indices.get(uri);
    if (index === undefined) {
      index = this.list.push({ location: { uri }, sourceLanguage }) - 1;
      this.#indices.set(uri, index);
    }
    return { uri, index };
  }
}

/** The rules that the results of a run mention, each once, in order of appearance. */
class Rules {
  readonly list: { id: string; helpUri?: string }[] = [];
  readonly #indices = new Map<string, number>();

  indexOf({ rule, url }: Diagnostic): number {
    let index = this.#indices.get(rule);
    if (index === undefined) {
      index = this.list.push({ id: rule }) - 1;
      this.#indices.set(rule, index);
    }
    const entry = this.list[index];
    if (entry !== undefined && entry.helpUri === undefined && url !== undefined && URL.canParse(url)) {
      entry.helpUri = new URL(url).href;
    }
    return index;
  }
}

/** 3.30.8: endColumn is the column after the region, as in the report; equal to startColumn it is an insertion point. */
function regionOf({ start, end }: Range): object {
  return { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column };
}

function fixesOf({ fixes }: Diagnostic, artifactLocation: object): { fixes?: object[] } {
  if (fixes === undefined) return {};
  // 3.27.30: no duplicates either, and 3.57.3: a change replaces something.
  const distinct = new Map<string, Fix>();
  for (const fix of fixes) if (fix.edits.length > 0) distinct.set(JSON.stringify(fix), fix);
  return distinct.size === 0 ? {} : { fixes: [...distinct.values()].map((fix) => fixOf(fix, artifactLocation)) };
}

function fixOf({ message, safe, edits }: Fix, artifactLocation: object): object {
  const replacements = edits.map(({ range, text }) => ({ deletedRegion: regionOf(range), insertedContent: { text } }));
  return { description: { text: message }, artifactChanges: [{ artifactLocation, replacements }], properties: { safe } };
}

function tagsOf({ tags }: Diagnostic): { tags?: string[] } {
  return tags === undefined || tags.length === 0 ? {} : { tags: [...new Set(tags)] };
}

/**
 * 3.4.3: a URI reference, so everything outside its grammar is percent-encoded, ":" too (a first segment
 * with one would be read as a scheme). Absolute paths become file URIs.
 */
function uriOf(filename: string): string {
  const path = wellFormed(shownName(filename));
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `file://${encoded}` : encoded;
}
