/**
 * Diagnostics to the bytes of a report: in order, within the size a balancer takes, and the same bytes for
 * the same diagnostics every time, because the self-test compares hashes. Must not know any analyzer.
 */
import { summarize, type Diagnostic, type Position, type Report, type Severity } from "../formats/report.js";
import { beginLintResponse, type UnfinishedLintResponse } from "./messages.js";

export interface ReportIdentity {
  readonly language: string;
  readonly linterName: string;
  readonly linterVersion: string;
}

/** Longer messages are cut: some linters quote the source, which may be one line of a megabyte. */
const messageCharactersMax = 2_000;

/** What a report says, last, when it cannot list everything. */
export const truncatedRule = "too-many-diagnostics";

/** By position, then by rule, then by everything else that is compared: a total order, so that equal findings give equal bytes. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    comparePositions(a.range.start, b.range.start) ||
    compareTexts(a.rule, b.rule) ||
    comparePositions(a.range.end, b.range.end) ||
    compareTexts(a.message, b.message) ||
    compareTexts(a.severity, b.severity)
  );
}

function comparePositions(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The reply to a request, ready to be sent but for the queue depth. Takes the diagnostics in any order. */
export function reportResponse(identity: ReportIdentity, found: readonly Diagnostic[], reportBytesMax: number): UnfinishedLintResponse {
  const diagnostics = found.map(canonical).sort(compareDiagnostics);
  const text = reportText(identity, diagnostics);
  const response = text.length > reportBytesMax ? undefined : beginLintResponse(text);
  if (response !== undefined && response.length <= reportBytesMax) return response;
  return fitted(identity, diagnostics, reportBytesMax);
}

/**
 * A report that would be too large loses its fixes first, then its last diagnostics; one last diagnostic says so. Halving
 * the number until it fits takes at most some twenty tries, and only for inputs nobody writes by hand.
 */
function fitted(identity: ReportIdentity, diagnostics: readonly Diagnostic[], reportBytesMax: number): UnfinishedLintResponse {
  for (let kept = diagnostics.length; kept > 0; kept >>>= 1) {
    const listed = diagnostics.slice(0, kept).map(withoutFixes);
    const next = diagnostics[kept];
    if (next !== undefined) listed.push(truncationNotice(next.range.start, diagnostics.length - kept));
    const response = beginLintResponse(reportText(identity, listed));
    if (response.length <= reportBytesMax) return response;
  }
  const notice = truncationNotice({ line: 1, column: 1 }, diagnostics.length);
  return beginLintResponse(reportText(identity, diagnostics.length === 0 ? [] : [notice]));
}

function truncationNotice(at: Position, count: number): Diagnostic {
  const message = `The report would be too large: ${count} more ${count === 1 ? "finding is" : "findings are"} not listed.`;
  return { rule: truncatedRule, severity: "info", message, range: { start: at, end: at } };
}

function reportText(identity: ReportIdentity, diagnostics: readonly Diagnostic[]): string {
  const report: Report = {
    language: identity.language,
    linter: { name: identity.linterName, version: identity.linterVersion },
    diagnostics,
    summary: summarize(diagnostics),
  };
  return JSON.stringify(report);
}

/** The same keys in the same order whatever the analyzer built; positions within their bounds; messages not endless. */
function canonical(diagnostic: Diagnostic): Diagnostic {
  const { rule, severity, message, range, url, fixes, tags } = diagnostic;
  const start = canonicalPosition(range.start);
  const end = canonicalPosition(range.end);
  return {
    rule,
    severity,
    message: message.length > messageCharactersMax ? `${message.slice(0, messageCharactersMax)} …` : message,
    range: { start, end: comparePositions(end, start) < 0 ? start : end },
    ...(url === undefined ? {} : { url }),
    ...(fixes === undefined || fixes.length === 0 ? {} : { fixes }),
    ...(tags === undefined || tags.length === 0 ? {} : { tags }),
  };
}

function canonicalPosition({ line, column }: Position): Position {
  return { line: atLeastOne(line), column: atLeastOne(column) };
}

function atLeastOne(value: number): number {
  return Number.isFinite(value) ? Math.max(1, Math.trunc(value)) : 1;
}

function withoutFixes(diagnostic: Diagnostic): Diagnostic {
  const { rule, severity, message, range, url, tags } = diagnostic;
  return { rule, severity, message, range, ...(url === undefined ? {} : { url }), ...(tags === undefined ? {} : { tags }) };
}

/** A severity by name, for analyzers that read it from a program's output. */
export function severityOr(known: Readonly<Record<string, Severity>>, name: string, otherwise: Severity): Severity {
  return Object.hasOwn(known, name) ? (known[name] ?? otherwise) : otherwise;
}
