/**
 * The description of the HTTP interface as docs/openapi.json has it: made from the formats and problems the
 * code knows, so that it cannot drift. Run by scripts/openapi.mjs, never by a shard, which serves the file.
 */
import { formats, type Format } from "../formats/formats.js";
import { exampleReport, exampleSource, headers, pageHeaders, parameters, reference, schemas, type Json, type JsonObject } from "./openapi-parts.js";
import { problemBody, replyOf, type ProblemKind } from "./problem.js";
import { problemKinds, problemSamples } from "./problem-samples.js";

export interface OpenapiInputs {
  /** docs/report.schema.json. */
  readonly reportSchema: JsonObject;
  /** Of the package. */
  readonly version: string;
}

/** The text of docs/openapi.json. */
export function openapiText(inputs: OpenapiInputs): string {
  return `${JSON.stringify(openapiDocument(inputs), undefined, 2)}\n`;
}

/** Problems that are about the target itself, not about what is asked of it. */
const aboutTheTarget: readonly ProblemKind[] = ["not-found", "method-not-allowed"];
const lintProblems = problemKinds.filter((kind) => !aboutTheTarget.includes(kind));
/** Problems of requests that had reached workers. */
const afterAttempts: readonly ProblemKind[] = ["rejected", "analysis-killed", "poison-input", "no-worker", "overloaded", "worker-failed", "contract", "deadline", "internal"];
const everyReply = ["X-Request-Id", "traceparent", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Vary", "Connection"];
const limitHeaders = ["RateLimit", "RateLimit-Policy"];
const attemptHeaders = ["Lintel-Linter", "Lintel-Version", "Lintel-Worker", "Lintel-Attempts", "Lintel-Spilled"];

function openapiDocument({ reportSchema, version }: OpenapiInputs): JsonObject {
  return {
    openapi: "3.1.1",
    info: {
      title: "Lintel",
      version,
      summary: "An online linter service",
      description,
      license: { name: "Apache License 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "lint", description: "A source file in, its diagnostics out." },
      { name: "service", description: "What is served here." },
    ],
    paths: {
      "/v1/lint/{language}": { post: lintOperation("lint", "Lints a source file", ["language", "filename"]), options: optionsOperation("lint", [reference("parameters", "language")]) },
      "/v1/lint": { post: lintOperation("lintByFilename", "Lints a source file in the language of its name", ["filename"]), options: optionsOperation("lintByFilename") },
      "/v1/languages": document("languages", "The languages, their versions and shares", { "application/json": { schema: reference("schemas", "Languages"), example: exampleLanguages } }),
      "/openapi.json": document("openapi", "This document", { "application/json": { schema: { type: "object", required: ["openapi", "info", "paths"] } } }),
      "/": document("root", "A hint for people; the page to try the service on for clients that prefer HTML", { "text/plain": { schema: { type: "string" } }, "text/html": { schema: { type: "string" } } }, pageHeaders),
    },
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key, where the operator asks for one." },
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "The same key in a header of its own, for clients whose Authorization is a proxy's. It comes first." },
      },
      schemas: schemas(reportSchema),
      headers,
      parameters,
      responses: {
        Report: reportResponse(),
        ...problemResponses(lintProblems),
        ...Object.fromEntries(aboutTheTarget.map((kind) => [responseNameOf(kind), problemResponse([kind])])),
        HeadTooLarge: parserResponse("The request line and the headers are too large, or there are too many headers."),
        NotHttp11: parserResponse("This is not HTTP/1.1 (HTTP/1.0 is not spoken either)."),
        NotHttp: parserResponse("The request breaks the rules of HTTP: no Host, a wrong Content-Length, broken chunks."),
      },
    },
  };
}

const description = `POST a source file, get its diagnostics back. Findings, syntax errors included, are a 200; every other status says why there is no report, as application/problem+json with a \`code\` and whether trying again may help (\`retryable\`).

A request that is no HTTP/1.1 at all is answered before it is looked at: 400, 431 or 505 with a line of HTML for people, without Content-Type and X-Request-Id, and the connection is closed. Any path may be answered 404 (\`not-found\`) and any method on a known path 405 (\`method-not-allowed\`).`;

function lintOperation(operationId: string, summary: string, [...where]: readonly string[]): JsonObject {
  const common = ["version", "options", "format", "Accept", "Content-Encoding", "Expect", "Lintel-Deadline-Ms", "X-Request-Id", "traceparent"];
  const required = operationId === "lintByFilename" ? [{ ...(parameters["filename"] as JsonObject), required: true }] : where.map((name) => reference("parameters", name));
  return {
    operationId,
    tags: ["lint"],
    summary,
    // Only where the operator asks for a key.
    security: [{}, { bearer: [] }, { apiKey: [] }],
    parameters: [...required, ...common.map((name) => reference("parameters", name))],
    requestBody: {
      description: "The source as it is, whatever the Content-Type says; UTF-8 for most linters. At most 1 MiB unless the operator says otherwise.",
      required: true,
      content: { "text/plain": { schema: { type: "string" }, example: exampleSource }, "application/octet-stream": {}, "*/*": {} },
    },
    responses: { "200": reference("responses", "Report"), ...referencesTo(lintProblems), ...parserResponses },
  };
}

function reportResponse(): JsonObject {
  const byMediaType = new Map<string, Format[]>();
  for (const format of formats) {
    const mediaType = format.mediaType.split(";")[0] ?? "";
    byMediaType.set(mediaType, [...(byMediaType.get(mediaType) ?? []), format]);
  }
  return {
    description: "The report, in the format that was asked for.",
    headers: { ...headersNamed([...everyReply, ...limitHeaders, "Server-Timing", ...attemptHeaders]), ...required(["Server-Timing", ...attemptHeaders.slice(0, 4)]) },
    content: Object.fromEntries([...byMediaType].map(([mediaType, ofType]) => [mediaType, { schema: reportSchemaOf(ofType[0]), examples: Object.fromEntries(ofType.map((format) => [format.name, { value: exampleOf(format) }])) }])),
  };
}

function reportSchemaOf(format: Format | undefined): JsonObject {
  if (format?.name === "json") return reference("schemas", "Report");
  if (format?.name === "gitlab") return { type: "array", items: { type: "object" } };
  return { type: format?.mediaType.endsWith("+json") === true ? "object" : "string" };
}

function exampleOf(format: Format): Json {
  // The report itself passes through; its renderer is for several files.
  if (format.name === "json") return JSON.parse(JSON.stringify(exampleReport)) as Json;
  const text = format.render([{ filename: "main.py", report: exampleReport, source: exampleSource }]);
  return format.mediaType.endsWith("json") ? (JSON.parse(text) as Json) : text;
}

/** One response for every status, with all the problems that have it. */
function problemResponses(kinds: readonly ProblemKind[]): JsonObject {
  return Object.fromEntries([...byStatus(kinds)].map(([status, ofStatus]) => [`Problem${status}`, problemResponse(ofStatus)]));
}

function referencesTo(kinds: readonly ProblemKind[]): JsonObject {
  return Object.fromEntries([...byStatus(kinds).keys()].map((status) => [status, reference("responses", `Problem${status}`)]));
}

function byStatus(kinds: readonly ProblemKind[]): Map<string, ProblemKind[]> {
  const groups = new Map<string, ProblemKind[]>();
  for (const kind of kinds) {
    const status = statusOf(kind);
    groups.set(status, [...(groups.get(status) ?? []), kind]);
  }
  return groups;
}

function problemResponse(kinds: readonly ProblemKind[]): JsonObject {
  const replies = kinds.map((kind) => replyOf(problemSamples[kind]));
  const own = replies.flatMap((reply) => reply.headers.map(([name]) => name));
  const names = [...everyReply, ...(kinds.every((kind) => aboutTheTarget.includes(kind)) ? [] : limitHeaders), "Server-Timing", ...(kinds.some((kind) => afterAttempts.includes(kind)) ? attemptHeaders : [])];
  return {
    description: replies.map(({ code, title, retryable }) => `\`${code}\`: ${title}${retryable ? " (retryable)" : ""}.`).join(" "),
    headers: { ...headersNamed([...names, ...own]) },
    content: {
      "application/problem+json": {
        schema: { allOf: [reference("schemas", "Problem"), { properties: { code: { enum: kinds }, status: { const: Number(statusOf(kinds[0])) } } }] },
        examples: Object.fromEntries(replies.map((reply) => [reply.code, { value: JSON.parse(problemBody(reply, "7f3c9a10-0-1")) as Json }])),
      },
    },
  };
}

function statusOf(kind: ProblemKind | undefined): string {
  return kind === undefined ? "" : replyOf(problemSamples[kind]).status.slice(0, 3);
}

function responseNameOf(kind: ProblemKind): string {
  return kind.replace(/(?:^|-)([a-z])/g, (_whole, letter: string) => letter.toUpperCase());
}

const parserResponses: JsonObject = { "431": reference("responses", "HeadTooLarge"), "505": reference("responses", "NotHttp11") };

function parserResponse(what: string): JsonObject {
  return { description: `${what} Answered by the HTTP parser, before the request is looked at: a line of HTML, and the connection is closed.`, headers: headersNamed(["Connection"]) };
}

function document(operationId: string, summary: string, content: JsonObject, ownHeaders?: JsonObject): JsonObject {
  const operation = (id: string, response: JsonObject): JsonObject => ({
    operationId: id,
    tags: ["service"],
    summary,
    parameters: [reference("parameters", "X-Request-Id")],
    responses: {
      "200": { description: summary, headers: { ...headersNamed(everyReply), ...ownHeaders }, ...response },
      ...(ownHeaders && { "304": { description: "The page is the one that If-None-Match names.", headers: { ...headersNamed(everyReply), ...ownHeaders } } }),
      ...parserResponses,
    },
  });
  return { get: operation(operationId, { content }), head: operation(`${operationId}Head`, {}), options: optionsOperation(operationId) };
}

function optionsOperation(operationId: string, more: readonly JsonObject[] = []): JsonObject {
  const names = [...everyReply, "Allow", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"];
  return {
    operationId: `${operationId}Options`,
    tags: ["service"],
    summary: "What may be asked here, also by pages of other origins",
    parameters: [...more, reference("parameters", "X-Request-Id")],
    responses: { "204": { description: "The methods.", headers: headersNamed(names) }, ...parserResponses },
  };
}

function headersNamed(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, reference("headers", name)]));
}

/** Headers that a problem may have, but a report always has. */
function required(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { ...(headers[name] as JsonObject), required: true }]));
}

const exampleLanguages: JsonObject = {
  languages: [
    {
      language: "python",
      extensions: [".py", ".pyi"],
      versions: [
        { version: "0.17.3", weight: 90, linter: { name: "ruff", version: "0.17.3" } },
        { version: "0.18.0", weight: 10, linter: null },
      ],
    },
  ],
};
