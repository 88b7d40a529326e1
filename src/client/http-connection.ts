/**
 * HTTP exchanges with one service over kept-alive connections, each a whole reply or one TransportError.
 * Must not know what is asked of the service; retries are its users' business.
 */
import { Agent as HttpAgent, request as httpRequest, STATUS_CODES, type ClientRequest, type IncomingMessage, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock, Timer } from "../base/clock.js";
import { codeOf, messageOf } from "../base/errors.js";

export interface HttpConnectionOptions {
  /** Only the scheme, the host, credentials and the path in front of every request's own are used. */
  readonly url: URL;
  readonly connectionsMax: number;
  readonly userAgent: string;
  readonly clock: Clock;
  /** Where the service asks for one. */
  readonly apiKey?: string;
  /** PEM: with https the certificate authorities to trust, instead of the public ones. */
  readonly ca?: string;
  /** A reply beyond this is not read. Default 64 MiB: the report of a source of 1 MiB has never come near it. */
  readonly replyBytesMax?: number;
}

export interface HttpExchange {
  readonly method: "GET" | "POST";
  /** Path and query, beginning with "/". */
  readonly target: string;
  readonly accept: string;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
}

export interface HttpReply {
  readonly status: number;
  /** "503 Service Unavailable" */
  readonly statusLine: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type TransportFault =
  /** Nothing listens there. */
  | "refused"
  /** The host has no address, or none that can be reached. */
  | "unresolved"
  /** TLS could not be agreed on, or the certificate is not trusted. */
  | "insecure"
  /** The connection ended before the reply did. */
  | "lost"
  | "timeout"
  /** What came is not HTTP, or too much. */
  | "malformed";

export class TransportError extends Error {
  override readonly name = "TransportError";
  constructor(
    readonly fault: TransportFault,
    message: string,
  ) {
    super(message);
  }
}

const defaultReplyBytesMax = 64 * 1024 * 1024;

export class HttpConnection {
  readonly #options: HttpConnectionOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #prefix: string;

  constructor(options: HttpConnectionOptions) {
    this.#options = options;
    const agentOptions = { keepAlive: true, maxSockets: options.connectionsMax, maxFreeSockets: options.connectionsMax };
    this.#agent = options.url.protocol === "https:" ? new HttpsAgent({ ...agentOptions, ...(options.ca !== undefined && { ca: options.ca }) }) : new HttpAgent(agentOptions);
    this.#prefix = options.url.pathname.replace(/\/+$/, "");
  }

  /** Rejects with a TransportError and nothing else. */
  exchange(exchange: HttpExchange): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const { clock } = this.#options;
      const timer: Timer = clock.after(exchange.timeoutMs, () => {
        settle(() => reject(new TransportError("timeout", `no answer within ${Math.round(exchange.timeoutMs)} ms`)));
        request.destroy();
      });
      let settled = false;
      const settle = (how: () => void): void => {
        if (settled) return;
        settled = true;
        clock.clear(timer);
        how();
      };
      const fail = (error: unknown): void => settle(() => reject(transportErrorOf(error)));
      const request = this.#open(exchange);
      let replying = false;
      request.on("response", (message) => {
        replying = true;
        this.#read(message).then((reply) => settle(() => resolve(reply)), fail);
      });
      // A server may answer (413) and close while the body is still on its way: the answer counts, not the reset.
      request.on("error", (error) => {
        if (!replying) fail(error);
      });
      request.end(exchange.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open({ method, target, accept, body, timeoutMs }: HttpExchange): ClientRequest {
    const { url, userAgent, apiKey } = this.#options;
    // The service need not work on what nobody waits for any more.
    const headers: Record<string, string> = { accept, "user-agent": userAgent, "lintel-deadline-ms": String(Math.ceil(timeoutMs)) };
    if (body !== undefined) {
      headers["content-type"] = "application/octet-stream";
      headers["content-length"] = String(body.byteLength);
    }
    // Not as Authorization: that may be for a proxy in front.
    if (apiKey !== undefined) headers["x-api-key"] = apiKey;
    if (url.username !== "" || url.password !== "") {
      const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      headers["authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`;
    }
    const open = url.protocol === "https:" ? httpsRequest : httpRequest;
    // A URL keeps the brackets of an IPv6 address; a socket does not want them.
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    return open({ agent: this.#agent, hostname, port: url.port, path: this.#prefix + target, method, headers });
  }

  async #read(message: IncomingMessage): Promise<HttpReply> {
    const bytesMax = this.#options.replyBytesMax ?? defaultReplyBytesMax;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of message as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new TransportError("malformed", `the answer is larger than ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    const status = message.statusCode ?? 0;
    const reason = STATUS_CODES[status];
    return {
      status,
      statusLine: reason === undefined ? String(status) : `${status} ${reason}`,
      headers: message.headers,
      body: Buffer.concat(chunks).toString("utf8"),
    };
  }
}

function transportErrorOf(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  const code = codeOf(error);
  const named = code === "" ? messageOf(error) : code;
  if (code === "ECONNREFUSED") return new TransportError("refused", `nothing listens there (${code})`);
  if (["ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "ETIMEDOUT"].includes(code)) {
    return new TransportError("unresolved", `its host cannot be reached (${code})`);
  }
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH)/.test(code)) {
    return new TransportError("insecure", `no secure connection could be made (${code}: ${messageOf(error)})`);
  }
  if (code.startsWith("HPE_")) return new TransportError("malformed", `what came back is not HTTP (${code})`);
  return new TransportError("lost", `the connection ended before the answer (${named})`);
}
