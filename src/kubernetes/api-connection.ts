/**
 * HTTP to one API server: connections that are used again, a time limit for everything, answers of bounded size. Must not
 * know what is asked.
 */
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { ClusterAccess } from "./cluster-access.js";

export interface ConnectionOptions {
  /** A manager asks one thing at a time for each of a few parts; more would only be a flood after an outage. */
  readonly connectionsMax: number;
  /** Twenty thousand pods are about 100 MB. */
  readonly answerBytesMax: number;
  /** For the API server's log, and its fairness. */
  readonly userAgent: string;
}

export const defaultConnectionOptions: ConnectionOptions = { connectionsMax: 8, answerBytesMax: 256 * 1024 * 1024, userAgent: "lintel" };

export interface HttpQuestion {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** 0 when the header is not there. */
  readonly retryAfterS: number;
}

/** No answer in time. */
export class LateError extends Error {}

/** Dead connections are found by the kernel within about twenty seconds. */
const keepAliveMs = 10_000;

export class ApiConnection {
  private agents: Promise<{ readonly short: HttpAgent; readonly long: HttpAgent }> | undefined;
  private readonly isTls: boolean;
  private readonly base: URL;

  constructor(
    private readonly access: ClusterAccess,
    private readonly options: ConnectionOptions,
    private readonly clock: Clock,
  ) {
    this.base = new URL(access.server);
    this.isTls = this.base.protocol === "https:";
  }

  /** Rejects with a LateError, or with whatever broke the connection. */
  async ask(question: HttpQuestion): Promise<HttpAnswer> {
    const answer = await this.once(question, false);
    if (answer.status !== 401) return answer;
    // A token or a certificate that has expired: read or made anew, once.
    this.access.refuse();
    this.forgetConnections();
    return this.once(question, false);
  }

  /**
   * The answer's text as it comes, until the server ends it, `signal` fires, or `endMs` have passed. Resolves with what to read when
   * the status is no success. `onText` is called from then on.
   */
  async follow(path: string, times: { readonly connectMs: number; readonly endMs: number }, signal: AbortSignal, onOpen: () => void, onText: (text: string) => void): Promise<HttpAnswer | undefined> {
    const { clock } = this;
    const outgoing = await this.open({ method: "GET", path, timeoutMs: times.connectMs }, true);
    const cut = (): void => void outgoing.destroy(new Error("no longer wanted"));
    signal.addEventListener("abort", cut);
    let timer: Timer = clock.after(times.connectMs, () => outgoing.destroy(new LateError()));
    try {
      if (signal.aborted) cut();
      const incoming = await answerTo(outgoing);
      clock.clear(timer);
      if (incoming.statusCode !== 200) {
        timer = clock.after(times.connectMs, () => outgoing.destroy(new LateError()));
        return await this.readAll(incoming);
      }
      timer = clock.after(times.endMs, () => outgoing.destroy(new LateError()));
      onOpen();
      incoming.setEncoding("utf8");
      incoming.on("data", (text: string) => {
        try {
          onText(text);
        } catch (thrown) {
          incoming.destroy(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
        }
      });
      await ended(incoming);
      return undefined;
    } finally {
      clock.clear(timer);
      signal.removeEventListener("abort", cut);
      outgoing.destroy();
    }
  }

  close(): void {
    this.forgetConnections();
  }

  private async once(question: HttpQuestion, again: boolean): Promise<HttpAnswer> {
    const outgoing = await this.open(question, false);
    const timer = this.clock.after(question.timeoutMs, () => outgoing.destroy(new LateError()));
    try {
      outgoing.end(question.body);
      return await this.readAll(await answerTo(outgoing));
    } catch (thrown) {
      // The server closed an idle connection at the very moment it was taken: it has not seen the question.
      if (!again && outgoing.reusedSocket && question.method === "GET" && !(thrown instanceof LateError)) return await this.once(question, true);
      throw thrown;
    } finally {
      this.clock.clear(timer);
    }
  }

  private async open({ method, path, body, contentType = "application/json", timeoutMs }: HttpQuestion, isLong: boolean): Promise<ClientRequest> {
    const { base, isTls, options } = this;
    this.agents ??= this.makeAgents();
    const making = this.agents;
    // What could not be read now may be there the next time.
    const [authorization, { short, long }] = await within(timeoutMs, this.clock, Promise.all([this.access.authorization(), making])).catch((thrown: unknown) => {
      if (this.agents === making) this.agents = undefined;
      throw thrown;
    });
    const headers = {
      Accept: "application/json",
      "User-Agent": options.userAgent,
      ...(authorization !== "" && { Authorization: authorization }),
      ...(body !== undefined && { "Content-Type": contentType, "Content-Length": Buffer.byteLength(body) }),
    };
    const prefix = base.pathname.replace(/\/$/, "");
    const send = isTls ? httpsRequest : httpRequest;
    const outgoing = send({ host: base.hostname.replace(/^\[|\]$/g, ""), port: base.port === "" ? (isTls ? 443 : 80) : base.port, method, path: prefix + path, headers, agent: isLong ? long : short });
    // Whoever waits hears of it; without a listener it would end the process.
    outgoing.on("error", () => undefined);
    if (isLong) outgoing.end();
    return outgoing;
  }

  private async makeAgents(): Promise<{ readonly short: HttpAgent; readonly long: HttpAgent }> {
    const common = { ...(this.isTls && (await this.access.tls())), keepAliveMsecs: keepAliveMs };
    const Kind = this.isTls ? HttpsAgent : HttpAgent;
    return {
      short: new Kind({ ...common, keepAlive: true, maxSockets: this.options.connectionsMax, scheduling: "lifo" }),
      // A watch has a connection of its own while it lasts.
      long: new Kind({ ...common, keepAlive: false }),
    };
  }

  private forgetConnections(): void {
    const { agents } = this;
    this.agents = undefined;
    void agents?.then(
      ({ short, long }) => {
        short.destroy();
        long.destroy();
      },
      () => undefined,
    );
  }

  private async readAll(incoming: IncomingMessage): Promise<HttpAnswer> {
    const { answerBytesMax } = this.options;
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesMax) incoming.destroy(new Error(`the answer is larger than ${answerBytesMax} bytes`));
      else chunks.push(chunk);
    });
    await ended(incoming);
    const retryAfterS = Number(incoming.headers["retry-after"]);
    return { status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8"), retryAfterS: Number.isFinite(retryAfterS) ? retryAfterS : 0 };
  }
}

function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (outgoing.errored) reject(outgoing.errored);
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
}

function ended(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    incoming.once("end", resolve);
    incoming.once("error", reject);
    // Neither of the two when the connection was cut between them.
    incoming.once("close", () => reject(new Error("the connection was closed")));
  });
}

async function within<T>(timeoutMs: number, clock: Clock, work: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_resolve, reject) => (timer = clock.after(timeoutMs, () => reject(new LateError()))));
  try {
    return await Promise.race([work, late]);
  } finally {
    clock.clear(timer);
  }
}

/** "connect ECONNREFUSED 127.0.0.1:6443"; some errors of Node's have several within and no message. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === "") return thrown.errors.map(messageOf).join("; ");
  return messageOf(thrown);
}
