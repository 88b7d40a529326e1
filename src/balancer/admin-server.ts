/**
 * The balancer's admin port: /livez, /readyz, /metrics, /status, POST /reload, and the dashboard at /. Loopback only. Must not
 * know users' requests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../base/clock.js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import type { ManagerLink, ReloadOutcome } from "../manager-link/link.js";
import type { Exposition } from "../metrics/exposition.js";
import { isLoopback, isLoopbackHostHeader } from "../snapshot/address.js";
import type { Balancer } from "./balancer.js";
import type { Dashboard } from "./dashboard/dashboard.js";
import { latencySummary, readAt } from "./metrics.js";

export interface AdminServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly mediaType: string;
  readonly body: string;
}

export class AdminServer {
  port = 0;
  private readonly server: Server;

  constructor(
    private readonly balancer: Balancer,
    private readonly link: ManagerLink,
    /** What /metrics shows. */
    private readonly metrics: Exposition,
    private readonly dashboard: Dashboard,
    private readonly clock: Clock,
  ) {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  /** Throws a UserError when it may not or cannot listen there. */
  async listen(options: AdminServerOptions): Promise<void> {
    const failure = await this.tryListen(options);
    if (failure === undefined) return;
    const why = codeOf(failure) === "EADDRINUSE" ? "the port is in use; choose another one with --admin" : messageOf(failure);
    throw new UserError(`cannot listen on the admin address ${options.host}:${options.port}: ${why}`);
  }

  /** What the system said against it; undefined when it listens. Throws a UserError when it may not listen there. */
  async tryListen({ host, port }: AdminServerOptions): Promise<unknown> {
    if (!isLoopback(host)) {
      throw new UserError(`the admin port may only listen on loopback (127.0.0.1, ::1 or localhost), not on ${host}: it has no authentication yet`);
    }
    const failure = await new Promise<unknown>((resolve) => {
      this.server.once("error", resolve);
      this.server.listen(port, host, () => resolve(undefined));
    });
    this.server.removeAllListeners("error");
    if (failure !== undefined) return failure;
    const address = this.server.address();
    this.port = typeof address === "object" && address !== null ? address.port : port;
    return undefined;
  }

  close(): Promise<void> {
    this.dashboard.close();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.serve(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else send(request, response, text(500, messageOf(error)));
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Cut rather than parsed: whatever a client sends as its target, the worst it can be is unknown.
    const [path = ""] = (request.url ?? "/").split("?");
    const isOwn = isLoopbackHostHeader(request.headers.host);
    if (isOwn && this.dashboard.answersTo(path, request.headers.accept ?? "")) {
      await this.dashboard.serve(request, response, path);
      return;
    }
    request.resume();
    send(request, response, isOwn ? await this.answer(request, path) : text(403, "this port answers to loopback names only"));
  }

  private async answer(request: IncomingMessage, path: string): Promise<Answer> {
    if (path === "/reload") return request.method === "POST" ? this.reload(request) : text(405, "use POST");
    if (request.method !== "GET" && request.method !== "HEAD") return text(405, "use GET");
    if (path === "/livez") return text(200, "alive");
    if (path === "/readyz") return this.readiness();
    if (path === "/metrics") return { status: 200, mediaType: this.metrics.contentType, body: await this.metrics.text() };
    if (path === "/status") return json(200, await this.status());
    return text(path === "/" ? 200 : 404, "there is /livez, /readyz, /metrics, /status and POST /reload; browsers get a dashboard at /");
  }

  private readiness(): Answer {
    const reason = this.balancer.notReadyBecause();
    return reason === "" ? text(200, "ready") : text(503, reason);
  }

  /** A page in a browser must not reload the balancer: browsers always send Origin with a POST. */
  private async reload(request: IncomingMessage): Promise<Answer> {
    if (request.headers.origin !== undefined) return text(403, "not for web pages");
    const [, query = ""] = (request.url ?? "").split("?");
    const asked = new URLSearchParams(query);
    const ifRevision = Number(asked.get("ifRevision") ?? "0");
    if (!Number.isSafeInteger(ifRevision) || ifRevision < 0) return text(400, "ifRevision is a whole number");
    const outcome = await this.link.reload({ dryRun: asked.get("dryRun") === "true", ifRevision, reason: asked.get("reason") ?? "" });
    return json(reloadStatus[outcome.kind], outcome);
  }

  private async status(): Promise<object> {
    const { balancer } = this;
    const status = await balancer.status();
    const languages = [...balancer.slots.languages()].map(([language, slot]) => ({ language, latency: latencySummary(balancer.statistics, slot) }));
    return { at: readAt(this.clock), link: this.link.name, staleBecause: this.link.staleBecause(), listening: balancer.port, ...status, languages, snapshot: balancer.snapshot };
  }
}

const reloadStatus: Readonly<Record<ReloadOutcome["kind"], number>> = { applied: 200, unchanged: 200, planned: 200, conflict: 409, refused: 422 };

function send(request: IncomingMessage, response: ServerResponse, { status, mediaType, body }: Answer): void {
  response.writeHead(status, { "Content-Type": mediaType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
  response.end(request.method === "HEAD" ? undefined : body);
}

function text(status: number, body: string): Answer {
  return { status, mediaType: "text/plain; charset=utf-8", body: `${body}\n` };
}

function json(status: number, value: unknown): Answer {
  return { status, mediaType: "application/json", body: `${JSON.stringify(value, null, 1)}\n` };
}
