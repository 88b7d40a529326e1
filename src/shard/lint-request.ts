/**
 * Reads what a POST to /v1/lint asks for: its head becomes plain data or a problem. Must not know the
 * native request object beyond the few calls of `HeadView`, which is dead after the handler.
 */
import { formats, negotiate, type Format } from "../formats/formats.js";
import type { ExchangeRequest } from "./exchange.js";
import type { Active, ActiveLanguage, ActiveVersion } from "./active.js";
import type { RequestLimits } from "./messages.js";
import type { Problem } from "./problem.js";
import { parseQuery } from "./query.js";

/** The synchronous view of a request's head. Header names in lower case; a missing header is "". */
export interface HeadView {
  getHeader(name: string): string;
  /** All of it, as it came; undefined when there is none. */
  getQuery(): string | undefined;
}

/** The request without its body, for which there is a place: a further object for each request would be one too many. */
export interface LintHead extends ExchangeRequest {
  readonly format: Format;
  source: Uint8Array;
  startedMs: number;
}

const noSource = new Uint8Array(0);

/** A file name longer than what file systems allow for a path is a mistake. */
export const filenameCharsMax = 4_096;
/** Options are a handful of rule settings. Escaped they may be three times as long, and have to fit into the head. */
export const optionsCharsMax = 16_384;

const formatNames = formats.map((format) => format.name);

/**
 * `pathLanguage` is the raw last segment of the path; "" asks to detect the language from the file name. `announced` is the
 * Content-Length as it came, "" for none; `traceparent` goes on to the worker.
 */
export function readLintHead(view: HeadView, pathLanguage: string, announced: string, traceparent: string, active: Active, limits: RequestLimits): LintHead | Problem {
  const query = parseQuery(view.getQuery() ?? "");
  if (query === undefined) return malformed("The query has a parameter twice, or its percent-encoding is not UTF-8.");
  const filename = query.get("filename") ?? "";
  if (filename.length > filenameCharsMax || hasControlCharacter(filename)) {
    return malformed(`The file name must have at most ${filenameCharsMax} characters and no control characters.`);
  }
  const language = findLanguage(pathLanguage, filename, active);
  if ("kind" in language) return language;
  const version = findVersion(query.get("version"), language);
  if (version !== undefined && "kind" in version) return version;
  const optionsJson = query.get("options") ?? "";
  const optionsFault = faultOfOptions(optionsJson);
  if (optionsFault !== "") return malformed(optionsFault);
  const askedFormat = query.get("format") ?? "";
  const format = negotiate(view.getHeader("accept"), askedFormat);
  if (format === "unknown-format") return { kind: "unknown-format", asked: askedFormat, available: formatNames };
  if (format === "not-acceptable") return { kind: "not-acceptable", available: formatNames };
  const encoding = unsupportedEncoding(view, announced);
  if (encoding !== undefined) return encoding;
  const deadlineMs = readDeadline(view.getHeader("lintel-deadline-ms"), limits);
  if (deadlineMs === undefined) return malformed("Lintel-Deadline-Ms must be a whole number of milliseconds, at least 1.");
  return {
    active,
    language,
    version,
    filename,
    optionsJson,
    format,
    deadlineMs,
    traceparent,
    source: noSource,
    startedMs: 0,
  };
}

/** The language whose longest known extension ends the file name; undefined when none does. */
export function detectLanguage(filename: string, active: Active): ActiveLanguage | undefined {
  const name = filename.slice(Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1).toLowerCase();
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const language = active.languageOfExtension.get(name.slice(dot));
    if (language !== undefined) return active.languages.get(language);
  }
  return undefined;
}

function findLanguage(pathLanguage: string, filename: string, active: Active): ActiveLanguage | Problem {
  const known = (): string[] => [...active.languages.keys()];
  if (pathLanguage !== "") {
    // Names are seldom escaped.
    const found = active.languages.get(pathLanguage);
    if (found !== undefined) return found;
    const asked = decodeSegment(pathLanguage);
    return active.languages.get(asked) ?? { kind: "unknown-language", asked, known: known() };
  }
  if (filename === "") return malformed("Name the language in the path (/v1/lint/python) or the file in the query (/v1/lint?filename=x.py).");
  return detectLanguage(filename, active) ?? { kind: "unknown-language", asked: filename, known: known() };
}

function findVersion(asked: string | undefined, language: ActiveLanguage): ActiveVersion | undefined | Problem {
  if (asked === undefined || asked === "") return undefined;
  const found = language.versions.find((version) => version.version === asked);
  if (found !== undefined) return found;
  return { kind: "unknown-version", language: language.language, asked, known: language.versions.map((version) => version.version) };
}

/** Only the outer shape: what an option means, the worker knows. "" when there is no fault. */
function faultOfOptions(text: string): string {
  if (text === "") return "";
  if (text.length > optionsCharsMax) return `The options must have at most ${optionsCharsMax} characters.`;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return "";
  } catch {
    // Falls through to the one sentence for everything that is not a JSON object.
  }
  return "The options must be a JSON object.";
}

/**
 * A transfer coding other than chunked would be read as if it were chunked, and linted as it came. With a Content-Length
 * there is none: uWebSockets.js refuses a request that has both.
 */
function unsupportedEncoding(view: HeadView, announced: string): Problem | undefined {
  const content = view.getHeader("content-encoding");
  if (content !== "" && content.toLowerCase() !== "identity") return { kind: "unsupported-encoding", header: "Content-Encoding", encoding: content };
  if (announced !== "") return undefined;
  const transfer = view.getHeader("transfer-encoding");
  if (transfer !== "" && transfer.toLowerCase() !== "chunked") return { kind: "unsupported-encoding", header: "Transfer-Encoding", encoding: transfer };
  return undefined;
}

function readDeadline(header: string, limits: RequestLimits): number | undefined {
  if (header === "") return limits.deadlineMs;
  if (!/^\d{1,9}$/.test(header) || Number(header) < 1) return undefined;
  return Math.min(Number(header), limits.deadlineMs);
}

function malformed(detail: string): Problem {
  return { kind: "malformed-request", detail };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
