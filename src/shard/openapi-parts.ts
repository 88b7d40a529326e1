/**
 * The building blocks of docs/openapi.json: schemas, headers, parameters, the example. Must not know paths.
 */
import { formats } from "../formats/formats.js";
import { summarize, type Diagnostic, type Report } from "../formats/report.js";
import { languageNamePattern } from "../snapshot/configuration-schema.js";
import { filenameCharsMax, optionsCharsMax } from "./lint-request.js";
import { problemKinds } from "./problem-samples.js";
import { wellFormedRequestId } from "./reply.js";
import { wellFormedTraceparent } from "./trace-context.js";

/** A part of the document, as plain data. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

const diagnostics: readonly Diagnostic[] = [
  {
    rule: "F401",
    severity: "error",
    message: "`os` imported but unused",
    range: { start: { line: 1, column: 8 }, end: { line: 1, column: 10 } },
    url: "https://docs.astral.sh/ruff/rules/unused-import",
    fixes: [{ message: "Remove unused import: `os`", safe: true, edits: [{ range: { start: { line: 1, column: 1 }, end: { line: 2, column: 1 } }, text: "" }] }],
    tags: ["unnecessary"],
  },
];

/** The source that the examples send, and what comes of it. */
export const exampleSource = "import os\n";
export const exampleReport: Report = { language: "python", linter: { name: "ruff", version: "0.17.3" }, diagnostics, summary: summarize(diagnostics) };

export const reference = (kind: "schemas" | "headers" | "parameters" | "responses" | "examples", name: string): JsonObject => ({ $ref: `#/components/${kind}/${name}` });

/** `reportSchema` is docs/report.schema.json; its definitions become schemas of their own. */
export function schemas(reportSchema: JsonObject): JsonObject {
  const report = Object.fromEntries(Object.entries(reportSchema).filter(([key]) => key !== "$schema" && key !== "$defs"));
  const definitions = Object.entries((reportSchema["$defs"] ?? {}) as JsonObject).map(([name, schema]) => [schemaNameOf(name), withReferences(schema)] as const);
  return {
    Report: withReferences(report),
    ...Object.fromEntries(definitions),
    Problem: problemSchema,
    Languages: languagesSchema,
  };
}

function schemaNameOf(definition: string): string {
  return `Report${definition.slice(0, 1).toUpperCase()}${definition.slice(1)}`;
}

function withReferences(value: Json): Json {
  return JSON.parse(JSON.stringify(value).replace(/"#\/\$defs\/(\w+)"/g, (_whole, name: string) => `"#/components/schemas/${schemaNameOf(name)}"`)) as Json;
}

const problemSchema: JsonObject = {
  description: "Why there is no report (RFC 9457).",
  type: "object",
  additionalProperties: false,
  required: ["type", "title", "status", "detail", "code", "requestId", "retryable"],
  properties: {
    type: { type: "string", pattern: "^urn:lintel:problem:[a-z-]+$", description: "The code as a URI." },
    title: { type: "string", description: "The same for every problem of this code." },
    status: { type: "integer", minimum: 400, maximum: 599, description: "The status of the reply." },
    detail: { type: "string", description: "What happened this time, for people." },
    code: { enum: [...problemKinds], description: "For programs." },
    requestId: { type: "string", minLength: 1, description: "What the X-Request-Id header says." },
    retryable: { type: "boolean", description: "Whether the same request may succeed later." },
  },
};

const languagesSchema: JsonObject = {
  type: "object",
  additionalProperties: false,
  required: ["languages"],
  properties: {
    languages: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["language", "extensions", "versions"],
        properties: {
          language: { type: "string", pattern: languageNamePattern.source },
          extensions: { type: "array", items: { type: "string", pattern: "^\\." }, description: "The endings of file names that stand for it." },
          versions: {
            type: "array",
            items: {
              type: "object",
              additionalProperties: false,
              required: ["version", "weight", "linter"],
              properties: {
                version: { type: "string", minLength: 1 },
                weight: { type: "integer", minimum: 0, description: "Its share of the requests, in relation to the other versions' weights." },
                linter: {
                  description: "What its workers say they are; null while none is connected.",
                  oneOf: [
                    { type: "null" },
                    { type: "object", additionalProperties: false, required: ["name", "version"], properties: { name: { type: "string" }, version: { type: "string" } } },
                  ],
                },
              },
            },
          },
        },
      },
    },
  },
};

const textHeader = (description: string, schema: JsonObject = { type: "string" }): JsonObject => ({ description, schema });

/** Every header that a reply may have, but for Content-Type, Content-Length, Date and the server's own. */
export const headers: JsonObject = {
  "X-Request-Id": { ...textHeader("The request's own, or one made up for it: what to name when something went wrong.", { type: "string", pattern: wellFormedRequestId.source }), required: true },
  "Lintel-Linter": textHeader("The analysis program and its version.", { type: "string", examples: ["ruff 0.17.3"] }),
  "Lintel-Version": textHeader("The deployed version that answered; on a problem, the last one that was tried."),
  "Lintel-Worker": textHeader("The worker that answered, or the last one that was tried."),
  "Lintel-Attempts": textHeader("At how many workers it was tried.", { type: "integer", minimum: 0 }),
  "Lintel-Spilled": textHeader("Present when another version answered than the one whose share it was, because that one had no worker left.", { const: "1" }),
  "Server-Timing": textHeader("How long it took from the request's arrival, in milliseconds.", { type: "string", pattern: "^lint;dur=[0-9]+\\.[0-9]{2}$" }),
  "Retry-After": { ...textHeader("Seconds to wait before the next try.", { type: "integer", minimum: 1 }), required: true },
  RateLimit: textHeader("Where clients are limited: how many requests are left now, and the seconds until all are back (draft-ietf-httpapi-ratelimit-headers-10).", { type: "string", pattern: '^"default";r=[0-9]+;t=[0-9]+$' }),
  "RateLimit-Policy": textHeader("Where clients are limited: how many requests in how many seconds.", { type: "string", pattern: '^"default";q=[0-9]+;w=[0-9]+$' }),
  traceparent: textHeader("Of the service's step in the request's trace; only when the request had one.", { type: "string", pattern: "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$" }),
  "WWW-Authenticate": { ...textHeader("How to show who one is (RFC 6750).", { type: "string", pattern: '^Bearer realm="lintel"' }), required: true },
  Allow: { ...textHeader("The methods that are allowed here.", { type: "string", enum: ["POST, OPTIONS", "GET, HEAD, OPTIONS"] }), required: true },
  Connection: textHeader("The connection is closed behind this reply.", { const: "close" }),
  "Access-Control-Allow-Origin": textHeader("On requests with an Origin that is allowed: that origin, or any."),
  "Access-Control-Expose-Headers": textHeader("On requests with an Origin that is allowed: the headers a page may read."),
  "Access-Control-Allow-Methods": textHeader("The methods a page may use."),
  "Access-Control-Allow-Headers": textHeader("The headers a page may send."),
  "Access-Control-Max-Age": textHeader("How long a browser may remember it, in seconds.", { type: "integer", minimum: 0 }),
  Vary: textHeader("When only some origins are allowed.", { const: "Origin" }),
};

/** What the page has beside them, at a path that has something else for other clients. */
export const pageHeaders: JsonObject = {
  Vary: textHeader("What the reply depends on: Accept, and more for the page and when only some origins are allowed.", { type: "string", pattern: "\\bAccept\\b" }),
  ETag: textHeader("Of the page; If-None-Match is answered 304."),
  "Cache-Control": textHeader("Of the page: to be asked for again.", { const: "no-cache" }),
  "Content-Encoding": textHeader("Of the page, as Accept-Encoding allows.", { enum: ["br", "gzip"] }),
  ...Object.fromEntries(["Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options"].map((name) => [name, textHeader("Of the page: what it may do in a browser.")])),
};

const inHeader = (name: string, description: string, schema: JsonObject): JsonObject => ({ name, in: "header", description, schema });

export const parameters: JsonObject = {
  language: {
    name: "language",
    in: "path",
    required: true,
    description: "A language that GET /v1/languages lists; `c++` and `c#` may come escaped, `#` must.",
    schema: { type: "string", pattern: languageNamePattern.source },
    example: "python",
  },
  filename: {
    name: "filename",
    in: "query",
    description: "The name of the file, for the dialect (`.tsx`, `.jsonc`) and for formats that name files. Nothing is opened by that name.",
    schema: { type: "string", maxLength: filenameCharsMax },
    example: "src/main.py",
  },
  version: { name: "version", in: "query", description: "One deployed version; without it the shares decide.", schema: { type: "string" }, example: "0.17.3" },
  options: {
    name: "options",
    in: "query",
    description: `Options of the linter: a JSON object of at most ${optionsCharsMax} characters. What is in it, the linter decides.`,
    content: { "application/json": { schema: { type: "object" }, example: { select: ["F"] } } },
  },
  format: { name: "format", in: "query", description: "The format by name; it wins over Accept.", schema: { enum: formats.map(({ name }) => name), default: "json" } },
  Accept: inHeader("Accept", "The format by media type, weighed as RFC 9110 says (OpenAPI keeps this one in the responses' media types).", { type: "string", default: "application/json" }),
  "Content-Encoding": inHeader("Content-Encoding", "Sources are taken as they are.", { enum: ["identity"] }),
  Expect: inHeader("Expect", "With `100-continue` the service says so before the body is sent.", { enum: ["100-continue"] }),
  "Lintel-Deadline-Ms": inHeader("Lintel-Deadline-Ms", "Shortens the time in which the reply has to be there; a later one is 504.", { type: "integer", minimum: 1, maximum: 999_999_999 }),
  "X-Request-Id": inHeader("X-Request-Id", "Taken over into the reply and the logs when it has this form; else one is made up.", { type: "string", pattern: wellFormedRequestId.source }),
  traceparent: inHeader("traceparent", "W3C Trace Context: the request becomes a step of this trace, and the worker's of that; what is none starts a trace of its own.", { type: "string", pattern: wellFormedTraceparent.source }),
};
