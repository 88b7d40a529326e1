/**
 * The dashboard on the admin port: its page at /, its events, and what those who signed in ask of the manager. Everything below
 * /dashboard/ is for that page alone. Must not know what is on the page, nor how a manager is reached.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../base/clock.js";
import type { Logger } from "../../base/logger.js";
import { type PageFile, readPageFiles } from "../../shard/page-files.js";
import { pageReply, prefersHtml } from "../../shard/page-reply.js";
import type { Balancer } from "../balancer.js";
import { parseChangeRequest } from "./change-requests.js";
import type { Credentials, DeskAnswer, ManagerDesk } from "./manager-desk.js";
import { type DeskOrReason, Producer } from "./producer.js";
import { defaultReaderOptions, Readers } from "./readers.js";

export interface DashboardParts {
  readonly balancer: Balancer;
  /** Where the configuration comes from, for people. */
  readonly link: string;
  readonly program: string;
  readonly manager: DeskOrReason;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The weights of a thousand versions. */
const bodyBytesMax = 64 * 1024;
/** A person types a token in one piece; anything longer is no token. */
const credentialCharactersMax = 1_024;

const statusOf = { "not-allowed": 403, invalid: 400, conflict: 409, unavailable: 503 } as const;

export class Dashboard {
  private readonly files: ReadonlyMap<string, PageFile>;
  private readonly readers = new Readers(defaultReaderOptions);
  private readonly producer: Producer;

  constructor(private readonly parts: DashboardParts) {
    const files = readPageFiles("dashboard");
    if (files.length === 0) parts.logger.warn("the dashboard was not built: the admin port has no page at /; npm run build makes it");
    this.files = new Map(files.map((file) => [`/${file.path}`, file]));
    this.producer = new Producer({ ...parts, readers: this.readers });
  }

  /** Whether it answers at this path; the admin port's own answer to programs that ask for / is not the page. */
  answersTo(path: string, accept: string): boolean {
    if (path === "/") return this.files.has("/") && prefersHtml(accept);
    return path.startsWith("/dashboard/") || this.files.has(path);
  }

  /** `path` is one that `answersTo` says yes to. */
  async serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const file = this.files.get(path);
    if (file !== undefined) this.sendFile(request, response, file);
    else if (!isFromOwnPage(request)) answer(response, 403, { reason: "this is for the dashboard's own page; programs use `lintel admin`" });
    else if (path === "/dashboard/events") await this.follow(request, response);
    else if (path === "/dashboard/manager") await this.tellFleet(request, response);
    else if (path === "/dashboard/sign-in" || path === "/dashboard/changes") await this.take(request, response, path);
    else answer(response, 404, { reason: "there is nothing here" });
  }

  close(): void {
    this.producer.close();
    this.readers.close();
    if ("desk" in this.parts.manager) this.parts.manager.desk.close();
  }

  private sendFile(request: IncomingMessage, response: ServerResponse, file: PageFile): void {
    request.resume();
    if (isOther(request, response, ["GET", "HEAD"])) return;
    const { status, headers, body } = pageReply(file, { acceptEncoding: request.headers["accept-encoding"]?.toString() ?? "", ifNoneMatch: request.headers["if-none-match"] ?? "" });
    const length = body === undefined ? [] : [["Content-Length", String(body.length)] as const];
    response.writeHead(Number(status.slice(0, 3)), [...headers, ...length].flat());
    response.end(request.method === "HEAD" ? undefined : body);
  }

  private async follow(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (isOther(request, response, ["GET"])) return;
    if (this.readers.full) {
      answer(response, 503, { reason: "as many dashboards are open as this balancer serves; close one of them" });
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream", ...commonHeaders });
    await this.producer.follow(response);
  }

  private async tellFleet(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (isOther(request, response, ["GET"])) return;
    await this.ask(response, (desk) => desk.fleet(credentialsOf(request)));
  }

  /** Mutations, and what is as secret. */
  private async take(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const body = await readBody(request);
    if (isOther(request, response, ["POST"])) return;
    if (request.headers.origin !== `http://${request.headers.host ?? ""}`) {
      answer(response, 403, { reason: "changes are taken from the dashboard's own page alone; programs use `lintel admin`" });
    } else if (request.headers["content-type"] !== "application/json") answer(response, 415, { reason: "the body has to be application/json" });
    else if (body === undefined) answer(response, 413, { reason: `the body has more than ${bodyBytesMax} bytes` });
    else if (path === "/dashboard/sign-in") await this.ask(response, (desk) => desk.who(credentialsOf(request)));
    else await this.change(request, response, body);
  }

  private async change(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const asked = parseChangeRequest(body);
    if (asked === undefined) {
      answer(response, 400, { reason: "this is no change that the dashboard knows; load the page again" });
      return;
    }
    await this.ask(response, (desk) => desk.change(credentialsOf(request), asked));
    if (!asked.dryRun) this.producer.hurry();
  }

  private async ask(response: ServerResponse, question: (desk: ManagerDesk) => Promise<DeskAnswer<object>>): Promise<void> {
    const { manager } = this.parts;
    if (!("desk" in manager)) {
      answer(response, 404, { reason: manager.noDeskBecause });
      return;
    }
    const answered = await question(manager.desk);
    if (answered.kind === "answer") answer(response, 200, answered.value);
    else answer(response, statusOf[answered.why], { reason: answered.reason });
  }
}

const commonHeaders = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin" };

function answer(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "Content-Type": "application/json", ...commonHeaders });
  response.end(JSON.stringify(value));
}

/** Whether it has been refused for its method. */
function isOther(request: IncomingMessage, response: ServerResponse, methods: readonly string[]): boolean {
  if (methods.includes(request.method ?? "")) return false;
  response.setHeader("Allow", methods.join(", "));
  answer(response, 405, { reason: `use ${methods.join(" or ")}` });
  return true;
}

/** Browsers of today say where a request comes from (W3C Fetch Metadata); who says nothing is no page of another site. */
function isFromOwnPage(request: IncomingMessage): boolean {
  const site = request.headers["sec-fetch-site"];
  return site === undefined || site === "same-origin";
}

/** In headers that no page of another site can set without being asked first. */
function credentialsOf(request: IncomingMessage): Credentials {
  const token = /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const user = request.headers["lintel-user"]?.toString() ?? "";
  return { token: token.slice(0, credentialCharactersMax), user: user.slice(0, credentialCharactersMax) };
}

/** Undefined when it is too long. It is read to its end, so that the answer is seen. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) chunks.push(chunk);
  }
  return bytes > bodyBytesMax ? undefined : Buffer.concat(chunks).toString("utf8");
}
