/**
 * Everything that ends an exchange without a report, and the one function that turns it into a reply:
 * status, application/problem+json body (RFC 9457) and headers.
 */
import { unreachable } from "../base/assert.js";
import type { AttemptFailure } from "../upstream/failure.js";

export type Problem =
  | { readonly kind: "malformed-request"; readonly detail: string }
  /** `given`: there was a key, and it is not known. */
  | { readonly kind: "unauthorized"; readonly given: boolean }
  | { readonly kind: "not-found"; readonly path: string }
  | { readonly kind: "unknown-language"; readonly asked: string; readonly known: readonly string[] }
  | { readonly kind: "unknown-version"; readonly language: string; readonly asked: string; readonly known: readonly string[] }
  | { readonly kind: "method-not-allowed"; readonly allowed: string }
  | { readonly kind: "not-acceptable"; readonly available: readonly string[] }
  | { readonly kind: "unknown-format"; readonly asked: string; readonly available: readonly string[] }
  | { readonly kind: "request-timeout"; readonly limitMs: number }
  | { readonly kind: "body-too-large"; readonly limitBytes: number; readonly actualBytes: number; readonly complete: boolean }
  | { readonly kind: "unsupported-encoding"; readonly header: string; readonly encoding: string }
  | { readonly kind: "rate-limited"; readonly retryAfterSeconds: number }
  | { readonly kind: "rejected"; readonly reason: string }
  | { readonly kind: "analysis-killed"; readonly reason: string }
  | { readonly kind: "poison-input" }
  | { readonly kind: "no-worker"; readonly language: string; readonly retryAfterSeconds: number }
  | { readonly kind: "overloaded"; readonly what: string; readonly retryAfterSeconds: number }
  | { readonly kind: "worker-failed"; readonly reason: string }
  | { readonly kind: "contract"; readonly reason: string }
  /** `lastAttempt` is why no more was tried when the deadline itself had not passed; "" when it had. */
  | { readonly kind: "deadline"; readonly deadlineMs: number; readonly lastAttempt: string }
  | { readonly kind: "internal" };

export type ProblemKind = Problem["kind"];

export interface ProblemReply {
  /** The status line as uWebSockets.js wants it: "404 Not Found". */
  readonly status: string;
  readonly code: ProblemKind;
  readonly title: string;
  readonly detail: string;
  /** Whether the same request may succeed later or elsewhere. */
  readonly retryable: boolean;
  readonly headers: readonly (readonly [string, string])[];
}

const none: ProblemReply["headers"] = [];

/** Total: the compiler proves that every kind has its reply. */
export function replyOf(problem: Problem): ProblemReply {
  switch (problem.kind) {
    case "malformed-request":
      return final("400 Bad Request", problem.kind, "The request cannot be understood", problem.detail);
    case "unauthorized":
      return unauthorized(problem.given);
    case "not-found":
      return final("404 Not Found", problem.kind, "There is nothing at this path", `${problem.path} is not a path of this service; POST a source file to /v1/lint/{language}, or GET /openapi.json.`);
    case "unknown-language":
      return final("404 Not Found", problem.kind, "This language is not served here", `${quoted(problem.asked)} is not served here; the languages are: ${listed(problem.known)}.`);
    case "unknown-version":
      return final("404 Not Found", problem.kind, "This version is not served here", `${problem.language} has no version ${quoted(problem.asked)} here; the versions are: ${listed(problem.known)}.`);
    case "method-not-allowed":
      return { ...final("405 Method Not Allowed", problem.kind, "This method is not allowed here", `Use ${problem.allowed}.`), headers: [["Allow", problem.allowed]] };
    case "not-acceptable":
      return final("406 Not Acceptable", problem.kind, "No format fits the Accept header", `The formats are: ${listed(problem.available)}.`);
    case "unknown-format":
      return final("400 Bad Request", problem.kind, "This format does not exist", `${quoted(problem.asked)} is not a format; the formats are: ${listed(problem.available)}.`);
    case "request-timeout":
      return again("408 Request Timeout", problem.kind, "The request did not arrive in time", `The whole request must arrive within ${problem.limitMs} ms.`);
    case "body-too-large":
      return final("413 Content Too Large", problem.kind, "The source is too large", `The source has ${problem.complete ? "" : "at least "}${problem.actualBytes} bytes; the limit is ${problem.limitBytes}.`);
    case "unsupported-encoding":
      return final("415 Unsupported Media Type", problem.kind, "This encoding is not supported", `${problem.header} ${quoted(problem.encoding)} is not supported; send the source as it is.`);
    case "rate-limited":
      return { ...again("429 Too Many Requests", problem.kind, "This client asks too often", `Try again in ${problem.retryAfterSeconds} s; the RateLimit headers say how much is left.`), headers: [["Retry-After", String(problem.retryAfterSeconds)]] };
    case "rejected":
      return final("422 Unprocessable Content", problem.kind, "The source cannot be analysed", problem.reason);
    case "analysis-killed":
      return final("422 Unprocessable Content", problem.kind, "The analysis broke its limits", `The analysis was stopped: ${problem.reason}`);
    case "poison-input":
      return final("422 Unprocessable Content", problem.kind, "This source ends linters", "Linters crashed or ran out of time on this very source; it is not tried again for a while.");
    case "no-worker":
      return busy(problem.kind, "No linter can take the request", `No linter for ${problem.language} is reachable right now.`, problem.retryAfterSeconds);
    case "overloaded":
      return busy(problem.kind, "The service is at its limit", `${problem.what}; try again shortly.`, problem.retryAfterSeconds);
    case "worker-failed":
      return again("502 Bad Gateway", problem.kind, "The linters failed on this request", problem.reason);
    case "contract":
      return again("502 Bad Gateway", problem.kind, "A linter broke its contract", problem.reason);
    case "deadline":
      return again("504 Gateway Timeout", problem.kind, "The report was not ready in time", problem.lastAttempt === "" ? `No report within ${problem.deadlineMs} ms.` : `No linter was left to try after the last one (${problem.lastAttempt}); the deadline is ${problem.deadlineMs} ms.`);
    case "internal":
      return again("500 Internal Server Error", problem.kind, "The balancer made a mistake", "Please report it with the request id.");
    default:
      return unreachable(problem);
  }
}

/** What a user is told when the last attempt of an exchange failed like this and none is left. */
export function problemOf(failure: AttemptFailure, language: string, deadlineMs: number): Problem {
  switch (failure.kind) {
    case "not-sent":
    case "draining":
      return { kind: "no-worker", language, retryAfterSeconds: 1 };
    case "overloaded":
      return { kind: "overloaded", what: `The linters for ${language} are at their limit`, retryAfterSeconds: 1 };
    case "timeout":
    case "deadline":
      return { kind: "deadline", deadlineMs, lastAttempt: failure.message };
    case "killed":
      return { kind: "analysis-killed", reason: failure.message };
    case "connection-lost":
    case "crashed":
      return { kind: "worker-failed", reason: failure.message };
    case "contract":
      return { kind: "contract", reason: failure.message };
    case "rejected":
      return { kind: "rejected", reason: failure.message };
    default:
      return unreachable(failure.kind);
  }
}

/** The body of a problem reply: RFC 9457 members and Lintel's own code, requestId and retryable. */
export function problemBody(reply: ProblemReply, requestId: string): string {
  return JSON.stringify({
    type: `urn:lintel:problem:${reply.code}`,
    title: reply.title,
    status: Number(reply.status.slice(0, 3)),
    detail: reply.detail,
    code: reply.code,
    requestId,
    retryable: reply.retryable,
  });
}

function final(status: string, code: ProblemKind, title: string, detail: string): ProblemReply {
  return { status, code, title, detail, retryable: false, headers: none };
}

function again(status: string, code: ProblemKind, title: string, detail: string): ProblemReply {
  return { status, code, title, detail, retryable: true, headers: none };
}

/** RFC 6750, section 3. */
function unauthorized(given: boolean): ProblemReply {
  const how = "send it as Authorization: Bearer KEY, or as X-API-Key: KEY";
  const detail = given ? `This API key is not known here; it may have been withdrawn. Ask the operator for another, and ${how}.` : `Linting needs an API key here: ${how}.`;
  const challenge = given ? 'Bearer realm="lintel", error="invalid_token"' : 'Bearer realm="lintel"';
  return { ...final("401 Unauthorized", "unauthorized", "An API key is needed", detail), headers: [["WWW-Authenticate", challenge]] };
}

function busy(code: ProblemKind, title: string, detail: string, retryAfterSeconds: number): ProblemReply {
  return { ...again("503 Service Unavailable", code, title, detail), headers: [["Retry-After", String(retryAfterSeconds)]] };
}

/** What the user sent, shown back to them: cut, so that a reply stays small. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none yet" : names.join(", ");
}
