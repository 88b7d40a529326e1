/** A port for a scraper where there is no other HTTP: /metrics and /livez. Loopback only, since it asks nobody who they are. Must not know the metrics. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import { type Address, formatAddress, isLoopback, isLoopbackHostHeader } from "../snapshot/address.js";
import type { Exposition } from "./exposition.js";

export class MetricsServer {
  port = 0;
  private readonly server: Server;

  constructor(private readonly exposition: Exposition) {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  /** Port 0 lets the system choose. Throws a UserError when it may not or cannot listen there. */
  async listen(address: Address): Promise<void> {
    const place = formatAddress(address);
    if (!isLoopback(address.host)) throw new UserError(`--metrics ${place}: metrics are only served on loopback (127.0.0.1, ::1 or localhost): they ask nobody who they are`);
    const failure = await new Promise<unknown>((resolve) => {
      this.server.once("error", resolve);
      this.server.listen(address.port, address.host, () => resolve(undefined));
    });
    this.server.removeAllListeners("error");
    if (failure !== undefined) throw new UserError(`--metrics ${place}: cannot listen there: ${codeOf(failure) === "EADDRINUSE" ? "the port is in use; choose another one" : messageOf(failure)}`);
    const bound = this.server.address();
    this.port = typeof bound === "object" && bound !== null ? bound.port : address.port;
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
    if (!isLoopbackHostHeader(request.headers.host)) return { status: 403, body: "this port answers to loopback names only\n" };
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "use GET\n" };
    const [path = ""] = (request.url ?? "/").split("?");
    if (path === "/livez") return { status: 200, body: "alive\n" };
    if (path !== "/metrics") return { status: 404, body: "there is /metrics and /livez\n" };
    try {
      return { status: 200, mediaType: this.exposition.contentType, body: await this.exposition.text() };
    } catch (error) {
      return { status: 500, body: `${messageOf(error)}\n` };
    }
  }
}
