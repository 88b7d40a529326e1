/**
 * The service as its users' programs see it: which languages there are, and the report of one source.
 * Linting is a pure function, so a lost connection or a busy service is simply asked again, a bounded
 * number of times. Must not know files, terminals or exit codes.
 */
import { delay, type Clock } from "../base/clock.js";
import { jitter, type Random } from "../base/random.js";
import { parseReport, ReportError } from "../formats/parse-report.js";
import { wellFormed } from "../formats/printable.js";
import type { Report } from "../formats/report.js";
import { HttpConnection, TransportError, type HttpExchange, type HttpReply, type TransportFault } from "./http-connection.js";
import { LanguageList } from "./language-list.js";

export interface LintServiceOptions {
  readonly url: URL;
  /** These two: see HttpConnectionOptions. */
  readonly apiKey?: string;
  readonly ca?: string;
  readonly connectionsMax: number;
  /** For one call, its repeats and pauses included. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface LintCall {
  readonly language: string;
  readonly source: Uint8Array;
  /** Sent along for the dialect (.tsx, .jsonc); left out when empty. */
  readonly filename: string;
  /** One version only, instead of the service's own choice. */
  readonly version?: string;
  /** Options of the linter, as JSON. */
  readonly optionsJson?: string;
}

/** The service could not be used. The message is one sentence without the file's name. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  constructor(
    message: string,
    /** Whether every other call would end the same way. */
    readonly hopeless: boolean,
  ) {
    super(message);
  }
}

/** One call and three repeats: with the pauses below, a restart of the service that takes a second passes unseen. */
const attemptsMax = 4;
/** Doubled at every repeat. */
const firstPauseMs = 200;
/** A service that asks for a longer pause than this will not be back for this run. */
const pauseMsMax = 30_000;
const busyStatuses: ReadonlySet<number> = new Set([429, 503]);
const hopelessFaults: ReadonlySet<TransportFault> = new Set(["refused", "unresolved", "insecure"]);

export class LintService {
  readonly #options: LintServiceOptions;
  readonly #connection: HttpConnection;

  constructor(options: LintServiceOptions) {
    this.#options = options;
    this.#connection = new HttpConnection(options);
  }

  /** Rejects with a ServiceError. A refused connection is not tried again: nobody has started the service. */
  async languages(): Promise<LanguageList> {
    const reply = await this.#send({ method: "GET", target: "/v1/languages", accept: "application/json" }, ["lost"]);
    if (reply.status !== 200) throw this.#refusal(reply);
    const list = LanguageList.parse(reply.body);
    if (list === undefined) throw new ServiceError(`${this.#shownUrl()} does not answer as a Lintel service does; check --url or LINTEL_URL`, true);
    return list;
  }

  /** Rejects with a ServiceError. */
  async lint(call: LintCall): Promise<Report> {
    const query = new URLSearchParams();
    if (call.filename !== "") query.set("filename", wellFormed(call.filename));
    if (call.version !== undefined) query.set("version", call.version);
    if (call.optionsJson !== undefined) query.set("options", call.optionsJson);
    const asked = query.size === 0 ? "" : `?${query.toString()}`;
    const target = `/v1/lint/${encodeURIComponent(call.language)}${asked}`;
    const reply = await this.#send({ method: "POST", target, accept: "application/json", body: call.source }, ["lost", "refused"]);
    if (reply.status !== 200) throw this.#refusal(reply);
    try {
      return parseReport(reply.body);
    } catch (error) {
      if (!(error instanceof ReportError)) throw error;
      throw new ServiceError(`the service answered something else than a report: ${error.message}${requestOf(reply)}`, false);
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #send(exchange: Omit<HttpExchange, "timeoutMs">, retried: readonly TransportFault[]): Promise<HttpReply> {
    const { clock, timeoutMs } = this.#options;
    const deadlineMs = clock.nowMs() + timeoutMs;
    const leftMs = (): number => Math.max(1, deadlineMs - clock.nowMs());
    const mayPass = (outcome: HttpReply | TransportError): boolean => (outcome instanceof TransportError ? retried.includes(outcome.fault) : busyStatuses.has(outcome.status));
    let outcome = await this.#attempt({ ...exchange, timeoutMs });
    for (let attempt = 2; attempt <= attemptsMax && mayPass(outcome); attempt++) {
      const pauseMs = this.#pauseMs(attempt, outcome);
      if (pauseMs > pauseMsMax || pauseMs >= leftMs()) break;
      await delay(pauseMs);
      outcome = await this.#attempt({ ...exchange, timeoutMs: leftMs() });
    }
    if (outcome instanceof TransportError) throw this.#unreachable(outcome);
    return outcome;
  }

  async #attempt(exchange: HttpExchange): Promise<HttpReply | TransportError> {
    try {
      return await this.#connection.exchange(exchange);
    } catch (error) {
      if (error instanceof TransportError) return error;
      throw error;
    }
  }

  /** Before this attempt: what the service asks for, or a growing pause of our own; never two callers in step. */
  #pauseMs(attempt: number, outcome: HttpReply | TransportError): number {
    const { clock, random } = this.#options;
    const asked = outcome instanceof TransportError ? undefined : retryAfterMs(outcome.headers["retry-after"], clock.wallMs());
    return asked ?? jitter(random, firstPauseMs * 2 ** (attempt - 2), 0.5);
  }

  #unreachable({ fault, message }: TransportError): ServiceError {
    const advice = fault === "refused" ? '; start the service with "npx lintel up", or name another with --url or LINTEL_URL' : hopelessFaults.has(fault) ? "; check --url or LINTEL_URL" : "";
    return new ServiceError(`cannot use the service at ${this.#shownUrl()}: ${message}${advice}`, hopelessFaults.has(fault));
  }

  #refusal(reply: HttpReply): ServiceError {
    const problem = problemOf(reply);
    if (problem === undefined) {
      return new ServiceError(`${this.#shownUrl()} answered ${reply.statusLine}, not as a Lintel service does; check --url or LINTEL_URL`, false);
    }
    return new ServiceError(`${problem.sentence} (${reply.status} ${problem.code}${requestOf(reply, problem.requestId)})`, false);
  }

  /** Without credentials: messages end up in logs. */
  #shownUrl(): string {
    const { protocol, host, pathname } = this.#options.url;
    return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
  }
}

/** Retry-After is a number of seconds or a date (RFC 9110, section 10.2.3). Undefined when it is neither. */
export function retryAfterMs(header: string | undefined, wallMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - wallMs);
}

interface ShownProblem {
  readonly sentence: string;
  readonly code: string;
  readonly requestId: string;
}

/** Undefined when the body is not a problem document (RFC 9457). */
function problemOf(reply: HttpReply): ShownProblem | undefined {
  if (!(reply.headers["content-type"] ?? "").startsWith("application/problem+json")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(reply.body);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const members = value as Readonly<Record<string, unknown>>;
  const text = (key: string): string => (typeof members[key] === "string" ? members[key] : "");
  const sentence = text("detail") === "" ? text("title") : text("detail");
  return sentence === "" ? undefined : { sentence: sentence.replace(/\.$/, ""), code: text("code") === "" ? "error" : text("code"), requestId: text("requestId") };
}

function requestOf(reply: HttpReply, known = ""): string {
  const header = reply.headers["x-request-id"];
  const id = known !== "" ? known : typeof header === "string" ? header : "";
  return id === "" ? "" : `, request ${id}`;
}
