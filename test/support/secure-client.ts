/** Clients over TLS: one request on an agent's connection, with what the connection was. */
import { type Agent, request } from "node:https";
import { type PeerCertificate, TLSSocket } from "node:tls";

export interface SecureReply {
  readonly status: number;
  readonly body: string;
  /** The common name in the server's certificate. */
  readonly server: string;
  readonly protocol: string | null;
  /** Of this side of the connection: the same port is the same connection. */
  readonly localPort: number;
}

/** The common name of whom every connection is with: a resumed one does not show it again. */
const peers = new WeakMap<TLSSocket, string>();

/** "" when the session was resumed or the connection is gone already. */
function commonName(socket: TLSSocket): string {
  if (socket.destroyed) return "";
  const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>;
  return String(subject?.CN ?? "");
}

/** POSTs a source to `/v1/lint/json`, or GETs another path. */
export function askSecurely(port: number, agent: Agent, path = "/v1/lint/json"): Promise<SecureReply> {
  return new Promise((resolve, reject) => {
    const posts = path.startsWith("/v1/lint");
    const asking = request({ host: "127.0.0.1", port, path, method: posts ? "POST" : "GET", agent }, (reply) => {
      const { socket } = reply;
      if (!(socket instanceof TLSSocket)) throw new Error("not over TLS");
      const server = peers.get(socket) ?? commonName(socket);
      peers.set(socket, server);
      const about = { status: reply.statusCode ?? 0, server, protocol: socket.getProtocol(), localPort: socket.localPort ?? 0 };
      let body = "";
      reply.setEncoding("utf8").on("data", (text: string) => (body += text));
      reply.on("end", () => resolve({ ...about, body }));
      reply.on("error", reject);
    });
    asking.on("error", reject);
    asking.end(posts ? "{}" : undefined);
  });
}
