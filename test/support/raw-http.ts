/**
 * HTTP/1.1 over a plain socket, for tests that need to say exactly which bytes go out when, and to see
 * exactly what comes back: replies one by one, then how the connection ended. Must not know the service.
 *
 *   const reply = await ask(service, { method: "POST", path: "/v1/lint/json", body: "{}" });
 *   const connection = await connect(service);
 *   connection.write("POST /v1/lint HTTP/1.1\r\n");
 *   const reply = await connection.reply();
 *   await connection.ending();   // "end", "reset"
 *   connection.close();
 */
import { connect as connectSocket, type Socket } from "node:net";

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface RawReply {
  readonly status: number;
  /** "404 Not Found" */
  readonly statusLine: string;
  /** By lower-case name; one that came several times is joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Names as they came, in order. */
  readonly headerNames: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; throws when it is not. */
  json(): unknown;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly version?: "1.0" | "1.1";
}

/** How the other side ended the connection. */
export type Ending = "end" | "reset";

/** How long to wait for a reply or an ending before the test fails. */
const waitTimeoutMs = 30_000;

/** One request on a connection of its own. */
export async function ask(place: Place, request: RawRequest): Promise<RawReply> {
  const connection = await connect(place);
  try {
    connection.write(bytesOf(request));
    return await connection.reply({ head: request.method === "HEAD" });
  } finally {
    connection.close();
  }
}

/** The bytes of a request; a body gets a Content-Length unless the headers frame it. */
export function bytesOf({ method = "GET", path, headers = {}, body, version = "1.1" }: RawRequest): Buffer {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const lines = [`${method} ${path} HTTP/${version}`];
  if (!given.has("host")) lines.push("Host: lintel.test");
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  const content = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  if (body !== undefined && !given.has("content-length") && !given.has("transfer-encoding")) lines.push(`Content-Length: ${content.length}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), content]);
}

export function connect(place: Place): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: place.host, port: place.port, noDelay: true, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new RawConnection(socket));
    });
  });
}

export class RawConnection {
  /** Received and not yet taken by `reply`. */
  received = Buffer.alloc(0);
  private ended: Ending | undefined;
  private wake: () => void = () => undefined;

  constructor(readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => this.note(() => (this.received = Buffer.concat([this.received, chunk]))));
    socket.on("end", () => this.note(() => (this.ended ??= "end")));
    socket.on("error", () => this.note(() => (this.ended ??= "reset")));
    socket.on("close", () => this.note(() => (this.ended ??= "end")));
  }

  write(bytes: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** The next reply. `head`: it answers HEAD, so no body follows. Rejects when the connection ends first or time is up. */
  async reply({ head = false } = {}): Promise<RawReply> {
    for (;;) {
      const parsed = parseReply(this.received, head, this.ended !== undefined);
      if (parsed !== undefined) {
        this.received = this.received.subarray(parsed.length);
        return parsed.reply;
      }
      if (this.ended !== undefined) throw new Error(`the connection ended (${this.ended}) before a whole reply; received: ${JSON.stringify(this.received.toString("latin1"))}`);
      await this.change("a reply");
    }
  }

  /** Resolves when the other side has ended the connection. */
  async ending(): Promise<Ending> {
    while (this.ended === undefined) await this.change("the end of the connection");
    return this.ended;
  }

  close(): void {
    this.socket.destroy();
  }

  private note(change: () => void): void {
    change();
    this.wake();
  }

  private change(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited ${waitTimeoutMs} ms for ${what}; received: ${JSON.stringify(this.received.toString("latin1"))}`)), waitTimeoutMs);
      this.wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Undefined while more bytes are needed. Throws on what is not HTTP/1.1. */
function parseReply(bytes: Buffer, head: boolean, ended: boolean): { reply: RawReply; length: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const status = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first);
  if (status === null) throw new Error(`not a status line: ${JSON.stringify(first)}`);
  const headers: Record<string, string> = {};
  const headerNames: string[] = [];
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line);
    if (match === null) throw new Error(`not a header: ${JSON.stringify(line)}`);
    const name = match[1]!.toLowerCase();
    headerNames.push(match[1]!);
    headers[name] = headers[name] === undefined ? match[2]! : `${headers[name]}, ${match[2]!}`;
  }
  const code = Number(status[1]);
  const bodyAt = headEnd + 4;
  const bodyless = head || code < 200 || code === 204 || code === 304;
  const body = bodyless ? { bytes: Buffer.alloc(0), length: 0 } : bodyAfter(bytes.subarray(bodyAt), headers, ended);
  if (body === undefined) return undefined;
  const text = body.bytes.toString("utf8");
  const reply: RawReply = { status: code, statusLine: `${status[1]!} ${status[2]!}`, headers, headerNames, body: body.bytes, text, json: () => JSON.parse(text) as unknown };
  return { reply, length: bodyAt + body.length };
}

function bodyAfter(bytes: Buffer, headers: Readonly<Record<string, string>>, ended: boolean): { bytes: Buffer; length: number } | undefined {
  if (headers["transfer-encoding"] === "chunked") return chunkedBody(bytes);
  const length = headers["content-length"];
  if (length === undefined) return ended ? { bytes, length: bytes.length } : undefined;
  if (!/^\d+$/.test(length)) throw new Error(`not a content length: ${length}`);
  return bytes.length < Number(length) ? undefined : { bytes: bytes.subarray(0, Number(length)), length: Number(length) };
}

function chunkedBody(bytes: Buffer): { bytes: Buffer; length: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    const dataAt = lineEnd + 2;
    if (bytes.length < dataAt + size + 2) return undefined;
    if (size === 0) return { bytes: Buffer.concat(chunks), length: dataAt + 2 };
    chunks.push(bytes.subarray(dataAt, dataAt + size));
    at = dataAt + size + 2;
  }
}
