/**
 * The HTTP interface to users, small: real requests and replies over real sockets, faults on demand. It
 * is there for what a healthy service does not do; what a healthy one does is tested against `lintel up`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { summarize, type Diagnostic, type Report, type Severity } from "../../src/formats/report.js";

export interface StandInRequest {
  readonly language: string;
  readonly filename: string;
  readonly query: URLSearchParams;
  readonly source: string;
  /** How often this file was asked for, this time included. */
  readonly attempt: number;
}

/** What happens instead of a report; undefined for a report. */
export type StandInFault =
  | { readonly kind: "reset" | "hang" }
  | { readonly kind: "answer"; readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: "slow"; readonly ms: number };

export interface StandInOptions {
  readonly fault?: (request: StandInRequest) => StandInFault | undefined;
  readonly languagesFault?: (attempt: number) => StandInFault | undefined;
}

export interface StandIn {
  readonly url: string;
  readonly requests: StandInRequest[];
  readonly seen: { connections: number; inFlightMax: number; userAgent: string };
  close(): Promise<void>;
}

const languages = {
  languages: [
    { language: "python", extensions: [".py", ".pyi"], versions: [{ version: "0.17.3", weight: 90, linter: { name: "ruff", version: "0.17.3" } }, { version: "0.18.0", weight: 10, linter: { name: "ruff", version: "0.18.0" } }] },
    { language: "typescript", extensions: [".ts", ".tsx"], versions: [{ version: "8.0.0", weight: 1, linter: { name: "eslint", version: "10.15.0" } }] },
    { language: "json", extensions: [".json"], versions: [{ version: "1.0.0", weight: 1, linter: { name: "jsonc-parser", version: "3.3.1" } }] },
  ],
};

export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const requests: StandInRequest[] = [];
  const seen = { connections: 0, inFlightMax: 0, userAgent: "" };
  let inFlight = 0;
  let languagesAsked = 0;
  const server = createServer((message, response) => {
    inFlight++;
    seen.inFlightMax = Math.max(seen.inFlightMax, inFlight);
    seen.userAgent = message.headers["user-agent"] ?? "";
    response.on("close", () => inFlight--);
    const url = new URL(message.url ?? "/", "http://stand-in");
    if (message.method === "GET" && url.pathname === "/v1/languages") {
      const fault = options.languagesFault?.(++languagesAsked);
      if (fault !== undefined) commit(fault, message, response, JSON.stringify(languages));
      else answer(response, 200, JSON.stringify(languages));
      return;
    }
    void bodyOf(message).then((source) => {
      const filename = url.searchParams.get("filename") ?? "";
      const language = /^\/v1\/lint\/([^/]+)$/.exec(url.pathname)?.[1] ?? "";
      const attempt = requests.filter((one) => one.filename === filename).length + 1;
      const request = { language: decodeURIComponent(language), filename, query: url.searchParams, source, attempt };
      requests.push(request);
      const report = JSON.stringify(reportOn(request.language, source));
      const fault = options.fault?.(request);
      if (fault !== undefined) commit(fault, message, response, report);
      else answer(response, 200, report);
    });
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    seen.connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export function problem(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}): StandInFault {
  const body = JSON.stringify({ type: `urn:lintel:problem:${code}`, title: "A title", status, detail, code, requestId: "req-1", retryable: status === 503 });
  return { kind: "answer", status, body, headers: { "content-type": "application/problem+json", ...headers } };
}

function commit(fault: StandInFault, message: IncomingMessage, response: ServerResponse, healthy: string): void {
  switch (fault.kind) {
    case "hang":
      return;
    case "reset":
      message.socket.resetAndDestroy();
      return;
    case "slow":
      setTimeout(() => answer(response, 200, healthy), fault.ms);
      return;
    case "answer":
      answer(response, fault.status, fault.body, fault.headers);
  }
}

function answer(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-1", ...headers }).end(body);
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Its one rule: a word "error!", "warning!", "info!" or "hint!" is a finding of that severity. */
function reportOn(language: string, source: string): Report {
  const diagnostics: Diagnostic[] = [];
  source.split("\n").forEach((text, index) => {
    for (const match of text.matchAll(/\b(error|warning|info|hint)!/g)) {
      const at = { line: index + 1, column: match.index + 1 };
      diagnostics.push({ rule: "shout", severity: match[1] as Severity, message: `there is ${match[0]}`, range: { start: at, end: { line: at.line, column: at.column + match[0].length } } });
    }
  });
  return { language, linter: { name: "stand-in", version: "1.0.0" }, diagnostics, summary: summarize(diagnostics) };
}
