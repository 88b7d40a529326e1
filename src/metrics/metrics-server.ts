/**
 * A port for a scraper: /metrics and /livez. On loopback whoever is there may ask; beyond it only who shows a token. Must not know
 * the metrics.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import { type Address, formatAddress, isLoopback, isLoopbackHostHeader } from "../snapshot/address.js";
import type { Exposition } from "./exposition.js";
import type { ScraperToken } from "./scraper-token.js";

export class MetricsServer {
  port = 0;
  private readonly server: Server;

  constructor(
    private readonly exposition: Exposition,
    /** Not given: it asks nobody who they are. */
    private readonly token?: ScraperToken,
  ) {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  /** Port 0 lets the system choose. Throws a UserError when it may not or cannot listen there. */
  async listen(address: Address): Promise<void> {
    const failure = await this.tryListen(address);
    if (failure === undefined) return;
    throw new UserError(`--metrics ${formatAddress(address)}: cannot listen there: ${codeOf(failure) === "EADDRINUSE" ? "the port is in use; choose another one" : messageOf(failure)}`);
  }

  /** What the system said against it; undefined when it listens. Throws a UserError when it may not listen there. */
  async tryListen(address: Address): Promise<unknown> {
    if (this.token === undefined && !isLoopback(address.host)) {
      throw new UserError(`--metrics ${formatAddress(address)}: metrics are only served on loopback (127.0.0.1, ::1 or localhost), where nobody is asked who they are; for more, give --metrics-token-file`);
    }
    const failure = await new Promise<unknown>((resolve) => {
      this.server.once("error", resolve);
      this.server.listen(address.port, address.host, () => resolve(undefined));
    });
    this.server.removeAllListeners("error");
    if (failure !== undefined) return failure;
    const bound = this.server.address();
    this.port = typeof bound === "object" && bound !== null ? bound.port : address.port;
    return undefined;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const { status, mediaType = "text/plain; charset=utf-8", body } = await this.answer(request);
    response.writeHead(status, { "Content-Type": mediaType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  private async answer(request: IncomingMessage): Promise<{ readonly status: number; readonly mediaType?: string; readonly body: string }> {
    // Against pages of other sites, which know no token.
    if (this.token === undefined && !isLoopbackHostHeader(request.headers.host)) return { status: 403, body: "this port answers to loopback names only\n" };
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "use GET\n" };
    const [path = ""] = (request.url ?? "/").split("?");
    if (path === "/livez") return { status: 200, body: "alive\n" };
    if (path !== "/metrics") return { status: 404, body: "there is /metrics and /livez\n" };
    try {
      if (this.token !== undefined && !(await this.token.isIn(request.headers.authorization))) return { status: 401, body: "metrics need a token: Authorization: Bearer …\n" };
      return { status: 200, mediaType: this.exposition.contentType, body: await this.exposition.text() };
    } catch (error) {
      return { status: 500, body: `${messageOf(error)}\n` };
    }
  }
}
