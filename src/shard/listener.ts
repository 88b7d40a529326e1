/**
 * The shard's HTTP listener: routes requests, and knows nothing of what happens to them after that. With
 * doors.ts, incoming.ts, reply.ts and page.ts the only users of uWebSockets.js.
 */
import type * as uWS from "uWebSockets.js";
import type { Active } from "./active.js";
import type { ApiKeys } from "./api-keys.js";
import type { ClientLimit } from "./client-limit.js";
import { Doors } from "./doors.js";
import { Incoming, type IncomingContext } from "./incoming.js";
import { type LintHead, readLintHead } from "./lint-request.js";
import type { Page } from "./page.js";
import type { Problem } from "./problem.js";
import { RequestIds } from "./request-ids.js";
import { wellFormedRequestId, writeDocument, writePreflight, type ReplyMeta } from "./reply.js";
import { shardCells } from "./statistics.js";
import { continueTrace } from "./trace-context.js";
import type { Unread, UnreadReply } from "./unread-replies.js";

export interface ListenerDependencies {
  readonly context: IncomingContext;
  /** Read once per request. */
  readonly active: () => Active;
  /** Of lint requests; undefined for none. */
  readonly limit: ClientLimit | undefined;
  /** Of lint requests; undefined when anybody may lint. */
  readonly keys: ApiKeys | undefined;
  readonly corsOrigins: readonly string[];
  /** The start of generated request ids, different for every shard and process. */
  readonly requestIdPrefix: string;
  /** Documents served to GET, by path. */
  readonly documents: ReadonlyMap<string, Document>;
  readonly page: Page;
  /** Whether the port has TLS: then it listens when `doors` have a certificate. */
  readonly tls: boolean;
  readonly onConnectionCount: (count: number) => void;
}

export interface Document {
  readonly mediaType: string;
  readonly body: (active: Active) => string;
}

export class Listener {
  /** Where connections come in: to be opened, renewed and closed by whoever has the listener. */
  readonly doors: Doors;
  /** Of a request that says nothing about itself. */
  private readonly usualMeta: ReplyMeta;

  constructor(private readonly dependencies: ListenerDependencies) {
    // A cache must not hand the reply to one origin to another.
    const varyByOrigin = !dependencies.corsOrigins.includes("*");
    this.usualMeta = { requestId: "", ids: new RequestIds(dependencies.requestIdPrefix), rateLimit: undefined, traceparent: "", allowOrigin: "", varyByOrigin, isHead: false };
    const { tls, onConnectionCount } = dependencies;
    this.doors = new Doors({ tls, equip: (app) => this.route(app), onConnectionCount });
  }

  private route(app: uWS.TemplatedApp): void {
    const { documents, page } = this.dependencies;
    const onGet = (path: string, handler: (res: uWS.HttpResponse, req: uWS.HttpRequest) => void): void => {
      app.get(path, handler);
      app.head(path, handler);
    };
    app.post("/v1/lint/:language", (res, req) => this.lint(res, req, req.getParameter(0) ?? ""));
    app.post("/v1/lint", (res, req) => this.lint(res, req, ""));
    app.options("/*", (res, req) => this.tellMethods(res, req));
    for (const [path, document] of documents) onGet(path, (res, req) => this.serve(res, req, path, document));
    for (const path of page.assetPaths) onGet(path, (res, req) => this.servePage(res, req, path));
    app.any("/*", (res, req) => this.refuse(res, req));
  }

  private lint(res: uWS.HttpResponse, req: uWS.HttpRequest, language: string): void {
    const { context, active, limit, keys } = this.dependencies;
    const announced = req.getHeader("content-length");
    let meta = this.metaOf(req, false);
    let head: LintHead | Problem | undefined;
    let caller = "";
    if (keys !== undefined) {
      const known = keys.callerOf(req.getHeader("x-api-key"), req.getHeader("authorization"));
      if (typeof known === "string") head = { kind: "unauthorized", given: known === "unknown" };
      else caller = known.name;
    }
    // After the key, so that each has its own, and before the answer to a wrong one: nobody guesses faster than they may ask.
    if (limit !== undefined) {
      const { retryAfterSeconds, header } = limit.admit(textOf(res.getRemoteAddressAsText()), () => req.getHeader("x-forwarded-for"), caller);
      meta = { ...meta, rateLimit: { limit: header, policy: limit.policy } };
      if (retryAfterSeconds > 0) {
        context.statistics.add(shardCells.rateLimited, 1);
        head = { kind: "rate-limited", retryAfterSeconds };
      }
    }
    head ??= readLintHead(req, language, announced, meta.traceparent, active(), context.limits);
    receiveBody(res, announced, new Incoming(res, head, announced, meta, context));
  }

  private serve(res: uWS.HttpResponse, req: uWS.HttpRequest, path: string, document: Document): void {
    const { context, active, page } = this.dependencies;
    const hasPage = page.has(path);
    // For a browser the page stands where others find a document.
    if (hasPage && page.isWanted(req)) this.servePage(res, req, path);
    else this.hold(res, writeDocument(res, document.mediaType, document.body(active()), hasPage ? "Accept" : "", this.metaOf(req), context.isDraining()));
  }

  private servePage(res: uWS.HttpResponse, req: uWS.HttpRequest, path: string): void {
    const { context, page } = this.dependencies;
    this.hold(res, page.write(res, req, path, this.metaOf(req), context.isDraining()));
  }

  private hold(res: uWS.HttpResponse, unread: Unread | undefined): void {
    if (unread === undefined) return;
    const { context } = this.dependencies;
    let held: UnreadReply | undefined = undefined;
    res.onAborted(() => held !== undefined && context.unread.remove(held));
    held = context.unread.hold(res, unread, () => undefined);
  }

  private tellMethods(res: uWS.HttpResponse, req: uWS.HttpRequest): void {
    const allowed = this.methodsOf(req.getUrl());
    if (allowed === "") this.refuse(res, req);
    else writePreflight(res, allowed, this.metaOf(req));
  }

  /** A path or a method that is not served. The body is read first, so that the client sees the answer. */
  private refuse(res: uWS.HttpResponse, req: uWS.HttpRequest): void {
    const path = req.getUrl();
    const allowed = this.methodsOf(path);
    const problem: Problem = allowed === "" ? { kind: "not-found", path } : { kind: "method-not-allowed", allowed };
    const announced = req.getHeader("content-length");
    receiveBody(res, announced, new Incoming(res, problem, announced, this.metaOf(req), this.dependencies.context));
  }

  /** What the Allow header says for a path; "" when there is nothing at it. */
  private methodsOf(path: string): string {
    if (path === "/v1/lint" || /^\/v1\/lint\/[^/]+$/.test(path)) return "POST, OPTIONS";
    const { documents, page } = this.dependencies;
    return documents.has(path) || page.has(path) ? "GET, HEAD, OPTIONS" : "";
  }

  /** Every call into native code costs some 50 ns: where the method is known it is not asked for. */
  private metaOf(req: uWS.HttpRequest, isHead = req.getMethod() === "head"): ReplyMeta {
    const given = req.getHeader("x-request-id");
    const requestId = given !== "" && wellFormedRequestId.test(given) ? given : "";
    const allowOrigin = this.allowedOrigin(req);
    const traceparent = continueTrace(req.getHeader("traceparent"), this.dependencies.context.random);
    if (requestId === "" && traceparent === "" && allowOrigin === "" && !isHead) return this.usualMeta;
    return { ...this.usualMeta, requestId, traceparent, allowOrigin, isHead };
  }

  private allowedOrigin(req: uWS.HttpRequest): string {
    const { corsOrigins } = this.dependencies;
    if (corsOrigins.length === 0) return "";
    const origin = req.getHeader("origin");
    if (origin === "") return "";
    if (corsOrigins.includes("*")) return "*";
    return corsOrigins.includes(origin) ? origin : "";
  }
}

const nothing = new ArrayBuffer(0);
const zeroCode = 0x30;

function textOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString("latin1");
}

/** An empty body that was announced as such is not reported when the head came in pieces: it is not waited for. */
function receiveBody(res: uWS.HttpResponse, announced: string, incoming: Incoming): void {
  res.onAborted(() => incoming.onAborted());
  if (announced.charCodeAt(0) === zeroCode && /^0+$/.test(announced)) incoming.onData(nothing, true);
  else res.onData((chunk, isLast) => incoming.onData(chunk, isLast));
}
