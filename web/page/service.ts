/**
 * The service's HTTP interface as the page uses it (docs/http.md). Every way a request can end is a value
 * here, but for being aborted. Must not know what is done with the answers.
 */
import type { FormatName } from "../../src/formats/format-name.js";
import { nowMs } from "../base/clock.js";

export interface LintRequest {
  readonly language: string;
  /** "" lets the service's shares decide. */
  readonly version: string;
  /** "" for none. */
  readonly filename: string;
  readonly format: FormatName;
  readonly source: string;
  /** Where the service asks for one; "" for none. */
  readonly apiKey: string;
}

/** What the reply's headers say of how the report was made; "" for what they do not say. */
export interface Facts {
  readonly linter: string;
  readonly version: string;
  readonly worker: string;
  readonly requestId: string;
  /** From the request to the answer, as seen here. */
  readonly elapsedMs: number;
}

/** RFC 9457, with the members Lintel adds. */
export interface ProblemDetails {
  /** 0 when there was no answer at all. */
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;
  readonly retryable: boolean;
}

export type Answer =
  | { readonly kind: "report"; readonly text: string; readonly facts: Facts }
  /** `retryAfterMs` is what the service asks for; 0 when it does not. */
  | { readonly kind: "problem"; readonly problem: ProblemDetails; readonly retryAfterMs: number };

export interface VersionEntry {
  readonly version: string;
  readonly weight: number;
  readonly linter: { readonly name: string; readonly version: string } | null;
}

export interface LanguageEntry {
  readonly language: string;
  readonly extensions: readonly string[];
  readonly versions: readonly VersionEntry[];
}

/** Where a request goes. `base` is the page's own address, so that a prefix that a proxy adds stays. */
export function lintUrl(base: string, { language, version, filename, format }: Omit<LintRequest, "source" | "apiKey">): string {
  const url = new URL(`v1/lint/${encodeURIComponent(language)}`, base);
  if (filename !== "") url.searchParams.set("filename", filename);
  if (version !== "") url.searchParams.set("version", version);
  if (format !== "json") url.searchParams.set("format", format);
  return url.href;
}

/** Rejects only when aborted. */
export async function lint(base: string, request: LintRequest, signal: AbortSignal): Promise<Answer> {
  const startedMs = nowMs();
  try {
    const response = await fetch(lintUrl(base, request), { ...plain, method: "POST", body: request.source, signal, headers: request.apiKey === "" ? {} : { "X-API-Key": request.apiKey } });
    const text = await response.text();
    return response.ok ? { kind: "report", text, facts: factsOf(response, nowMs() - startedMs) } : problemFrom(response, text);
  } catch (error) {
    if (signal.aborted) throw error;
    return unreachable;
  }
}

export async function languages(base: string): Promise<readonly LanguageEntry[] | ProblemDetails> {
  try {
    const response = await fetch(new URL("v1/languages", base), plain);
    const text = await response.text();
    if (!response.ok) return problemFrom(response, text).problem;
    return (JSON.parse(text) as { readonly languages: readonly LanguageEntry[] }).languages;
  } catch {
    return unreachable.problem;
  }
}

const plain: RequestInit = { cache: "no-store", credentials: "omit", redirect: "error" };

const unreachable: Extract<Answer, { kind: "problem" }> = {
  kind: "problem",
  retryAfterMs: 0,
  problem: { status: 0, code: "unreachable", title: "The service cannot be reached", detail: "There was no answer: the connection broke, or there is none.", requestId: "", retryable: true },
};

function factsOf({ headers }: Response, elapsedMs: number): Facts {
  const header = (name: string): string => headers.get(name) ?? "";
  return { linter: header("lintel-linter"), version: header("lintel-version"), worker: header("lintel-worker"), requestId: header("x-request-id"), elapsedMs };
}

/** Something between the browser and the service may answer in its own words: then the status has to do. */
function problemFrom(response: Response, text: string): Extract<Answer, { kind: "problem" }> {
  const { status } = response;
  const retryAfterMs = Number(response.headers.get("retry-after") ?? "0") * 1_000 || 0;
  const fallback: ProblemDetails = { status, code: "", title: `The service answered ${status}`, detail: "", requestId: response.headers.get("x-request-id") ?? "", retryable: status >= 500 || status === 429 };
  if (response.headers.get("content-type") !== "application/problem+json") return { kind: "problem", problem: fallback, retryAfterMs };
  try {
    return { kind: "problem", problem: { ...fallback, ...(JSON.parse(text) as Partial<ProblemDetails>) }, retryAfterMs };
  } catch {
    return { kind: "problem", problem: fallback, retryAfterMs };
  }
}
