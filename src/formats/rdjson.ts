/**
 * reviewdog's diagnostic format, rdjson: the JSON form of its DiagnosticResult message (reviewdog,
 * reviewdog.proto in its proto/rdf). Its columns count bytes of UTF-8, hence the source.
 */
import { shownName, type FileReport } from "./file-report.js";
import type { Diagnostic, Range, Severity } from "./report.js";
import { Utf8Columns } from "./utf8-columns.js";

/** The message's enum has three; protobuf's JSON form takes their names. */
const severities: Readonly<Record<Severity, string>> = { error: "ERROR", warning: "WARNING", info: "INFO", hint: "INFO" };

export function renderRdjson(files: readonly FileReport[]): string {
  const linters = new Set(files.map(({ report }) => report.linter.name));
  const [only] = linters;
  const document = {
    source: { name: linters.size === 1 && only !== undefined ? only : "lintel" },
    diagnostics: files.flatMap(diagnosticsOf),
  };
  return `${JSON.stringify(document)}\n`;
}

function diagnosticsOf({ filename, report, source }: FileReport): object[] {
  const columns = source === undefined ? undefined : new Utf8Columns(source);
  const rangeOf = (range: Range): Range => columns?.range(range) ?? range;
  return report.diagnostics.map((diagnostic) => ({
    message: diagnostic.message,
    location: { path: shownName(filename), range: rangeOf(diagnostic.range) },
    severity: severities[diagnostic.severity],
    source: { name: report.linter.name },
    code: { value: diagnostic.rule, ...(diagnostic.url === undefined ? {} : { url: diagnostic.url }) },
    ...suggestionsOf(diagnostic, rangeOf),
  }));
}

/**
 * A suggestion is one edit, and nothing says which suggestions belong together: only the edits of one
 * fix can be given, the first that is safe, or else the first.
 */
function suggestionsOf({ fixes }: Diagnostic, rangeOf: (range: Range) => Range): { suggestions?: object[] } {
  const fix = fixes?.find(({ safe }) => safe) ?? fixes?.[0];
  if (fix === undefined) return {};
  return { suggestions: fix.edits.map(({ range, text }) => ({ range: rangeOf(range), text })) };
}
