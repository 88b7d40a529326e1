/** One problem of every kind, as users may meet it: for the description of the interface and its tests. */
import type { Problem, ProblemKind } from "./problem.js";

export const problemSamples: { readonly [Kind in ProblemKind]: Extract<Problem, { kind: Kind }> } = {
  "malformed-request": { kind: "malformed-request", detail: "The options must be a JSON object." },
  unauthorized: { kind: "unauthorized", given: false },
  "not-found": { kind: "not-found", path: "/v2/lint" },
  "unknown-language": { kind: "unknown-language", asked: "pyhton", known: ["python", "json"] },
  "unknown-version": { kind: "unknown-version", language: "python", asked: "0.1.0", known: ["0.17.3", "0.18.0"] },
  "method-not-allowed": { kind: "method-not-allowed", allowed: "POST, OPTIONS" },
  "not-acceptable": { kind: "not-acceptable", available: ["json", "sarif", "text"] },
  "unknown-format": { kind: "unknown-format", asked: "html", available: ["json", "sarif", "text"] },
  "request-timeout": { kind: "request-timeout", limitMs: 60_000 },
  "body-too-large": { kind: "body-too-large", limitBytes: 1_048_576, actualBytes: 2_097_152, complete: true },
  "unsupported-encoding": { kind: "unsupported-encoding", header: "Content-Encoding", encoding: "gzip" },
  "rate-limited": { kind: "rate-limited", retryAfterSeconds: 3 },
  rejected: { kind: "rejected", reason: "The source is not UTF-8." },
  "analysis-killed": { kind: "analysis-killed", reason: "the analysis took longer than 1500 ms and was killed." },
  "poison-input": { kind: "poison-input" },
  "no-worker": { kind: "no-worker", language: "python", retryAfterSeconds: 1 },
  overloaded: { kind: "overloaded", what: "The linters for python are at their limit", retryAfterSeconds: 1 },
  "worker-failed": { kind: "worker-failed", reason: "the connection closed before the answer" },
  contract: { kind: "contract", reason: "the report is not JSON" },
  deadline: { kind: "deadline", deadlineMs: 10_000, lastAttempt: "" },
  internal: { kind: "internal" },
};

export const problemKinds = Object.keys(problemSamples) as readonly ProblemKind[];
