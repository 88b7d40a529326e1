/**
 * What can be asked of an API server, as typed calls: get, list, create, patch, delete, watch. Every failure is an ApiError.
 * Must not know what the objects mean.
 */
import type { Clock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { ApiConnection, type ConnectionOptions, defaultConnectionOptions, type HttpAnswer, type HttpQuestion, LateError, reasonOf } from "./api-connection.js";
import { type ApiError, type ApiQuestion, refusedBy, timedOut, unreachable, watchFailure } from "./api-error.js";
import type { ClusterAccess } from "./cluster-access.js";
import { type ApiObject, type ObjectList, type ObjectPlace, pathOf, type Status } from "./objects.js";

export type Query = Readonly<Record<string, string>>;

/** How the API server is to understand a patch. */
export type PatchKind = "merge" | "json" | "strategic" | "apply";

const patchTypes: Readonly<Record<PatchKind, string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  // JSON is YAML, too.
  apply: "application/apply-patch+yaml",
};

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: ApiObject;
}

export interface WatchOptions {
  readonly query: Query;
  /** The server is asked to end the watch after so long. */
  readonly periodMs: number;
  readonly onOpen: () => void;
  readonly onEvent: (event: WatchEvent) => void;
  readonly signal: AbortSignal;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: "Background" | "Foreground" | "Orphan";
  readonly gracePeriodSeconds?: number;
}

export interface ApiServerOptions extends ConnectionOptions {
  /** The API server gives up on etcd after ten seconds or more, and administrators before that. */
  readonly timeoutMs: number;
  /** Lists may be long. */
  readonly listTimeoutMs: number;
  /** As many as the API server's own page. */
  readonly listPageItemsMax: number;
  /** An object has at most 1.5 MB. */
  readonly eventCharactersMax: number;
}

export const defaultApiServerOptions: ApiServerOptions = { ...defaultConnectionOptions, timeoutMs: 8_000, listTimeoutMs: 20_000, listPageItemsMax: 500, eventCharactersMax: 16 * 1024 * 1024 };

/** A watch that is not ended by the server is ended here, so long after it should have been. */
const watchGraceMs = 5_000;

export class ApiServer {
  /** For tests, and for whoever wonders who asks so much. */
  readonly counts = { requests: 0, lists: 0, watches: 0, writes: 0 };
  private readonly connection: ApiConnection;
  private readonly options: ApiServerOptions;

  constructor(
    readonly access: ClusterAccess,
    readonly clock: Clock,
    options: Partial<ApiServerOptions> = {},
  ) {
    this.options = { ...defaultApiServerOptions, ...options };
    this.connection = new ApiConnection(access, this.options, clock);
  }

  get<T extends ApiObject>(place: ObjectPlace): Promise<T> {
    return this.json<T>({ verb: "get", place }, { method: "GET" });
  }

  /** What is not below a resource: "/version", "/apis". */
  getPath<T>(path: string): Promise<T> {
    const place: ObjectPlace = { resource: { apiVersion: "v1", kind: path, plural: path } };
    return this.json<T>({ verb: "get", place }, { method: "GET", path });
  }

  /** The whole collection, in as many pages as it takes. */
  async list<T extends ApiObject>(place: ObjectPlace, query: Query = {}): Promise<ObjectList<T>> {
    const { listPageItemsMax, listTimeoutMs } = this.options;
    const items: T[] = [];
    this.counts.lists++;
    let page: ObjectList<T>;
    let rest = "";
    do {
      // The continuation says which version of the collection it is of.
      const asked = rest === "" ? query : { ...withoutVersion(query), continue: rest };
      page = await this.json<ObjectList<T>>({ verb: "list", place }, { method: "GET", query: { ...asked, limit: String(listPageItemsMax) }, timeoutMs: listTimeoutMs });
      items.push(...page.items);
      rest = page.metadata?.continue ?? "";
    } while (rest !== "");
    return { ...page, items };
  }

  create<T extends ApiObject>(place: ObjectPlace, body: T, query: Query = {}): Promise<T> {
    this.counts.writes++;
    return this.json<T>({ verb: "create", place: { ...place, ...(body.metadata?.name !== undefined && { name: body.metadata.name }) } }, { method: "POST", path: pathOf(place), query, body });
  }

  replace<T extends ApiObject>(place: ObjectPlace, body: T, query: Query = {}): Promise<T> {
    this.counts.writes++;
    return this.json<T>({ verb: "update", place }, { method: "PUT", query, body });
  }

  patch<T extends ApiObject>(place: ObjectPlace, kind: PatchKind, body: unknown, query: Query = {}): Promise<T> {
    this.counts.writes++;
    return this.json<T>({ verb: "patch", place }, { method: "PATCH", query, body, contentType: patchTypes[kind] });
  }

  async delete(place: ObjectPlace, { uid, resourceVersion, propagation, gracePeriodSeconds }: DeleteOptions = {}): Promise<void> {
    this.counts.writes++;
    const preconditions = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions, ...(propagation !== undefined && { propagationPolicy: propagation }), ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }) };
    await this.json({ verb: "delete", place }, { method: "DELETE", body });
  }

  /** Resolves when the server ends the watch or `signal` fires; rejects with an ApiError. */
  async watch(place: ObjectPlace, { query, periodMs, onOpen, onEvent, signal }: WatchOptions): Promise<void> {
    this.counts.requests++;
    this.counts.watches++;
    const question: ApiQuestion = { verb: "watch", place };
    const { timeoutMs, eventCharactersMax } = this.options;
    const path = withQuery(pathOf(place), { ...query, watch: "true", timeoutSeconds: String(Math.ceil(periodMs / 1_000)) });
    let failure: ApiError | undefined;
    const cut = new AbortController();
    const lines = new Lines(eventCharactersMax, (line) => {
      const event = JSON.parse(line) as WatchEvent | { readonly type: "ERROR"; readonly object: Partial<Status> };
      if (event.type === "ERROR") {
        failure = watchFailure(this.access.server, question, event.object);
        cut.abort();
      } else onEvent(event);
    });
    try {
      const answer = await this.connection.follow(path, { connectMs: timeoutMs, endMs: periodMs + watchGraceMs }, AbortSignal.any([signal, cut.signal]), onOpen, (text) => lines.add(text));
      if (answer !== undefined) throw refusedBy(this.access.server, question, answer.status, answer.text, answer.retryAfterS);
    } catch (thrown) {
      if (signal.aborted) return;
      throw failure ?? this.errorOf(thrown, question, timeoutMs);
    }
  }

  close(): void {
    this.connection.close();
  }

  private async json<T>(question: ApiQuestion, { method, path, query = {}, body, contentType, timeoutMs = this.options.timeoutMs }: Partial<Omit<HttpQuestion, "body">> & Pick<HttpQuestion, "method"> & { readonly query?: Query; readonly body?: unknown }): Promise<T> {
    this.counts.requests++;
    const http: HttpQuestion = {
      method,
      path: withQuery(path ?? pathOf(question.place), query),
      timeoutMs,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(contentType !== undefined && { contentType }),
    };
    let answer: HttpAnswer;
    try {
      answer = await this.connection.ask(http);
    } catch (thrown) {
      throw this.errorOf(thrown, question, timeoutMs);
    }
    if (answer.status < 200 || answer.status > 299) throw refusedBy(this.access.server, question, answer.status, answer.text, answer.retryAfterS);
    try {
      return JSON.parse(answer.text) as T;
    } catch {
      throw unreachable(this.access.server, question, `its answer is no JSON: ${answer.text.slice(0, 100)}`);
    }
  }

  private errorOf(thrown: unknown, question: ApiQuestion, timeoutMs: number): Error {
    // An ApiError, or what is wrong with the kubeconfig: told already.
    if (thrown instanceof UserError) return thrown;
    return thrown instanceof LateError ? timedOut(this.access.server, question, timeoutMs) : unreachable(this.access.server, question, reasonOf(thrown));
  }
}

/** Text that comes in any pieces, as lines. */
class Lines {
  private rest = "";

  constructor(
    private readonly charactersMax: number,
    private readonly onLine: (line: string) => void,
  ) {}

  add(text: string): void {
    const parts = (this.rest + text).split("\n");
    this.rest = parts.pop() ?? "";
    if (this.rest.length > this.charactersMax) throw new Error(`an event of a watch is longer than ${this.charactersMax} characters`);
    for (const line of parts) if (line !== "") this.onLine(line);
  }
}

function withQuery(path: string, query: Query): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? path : `${path}?${text}`;
}

function withoutVersion(query: Query): Query {
  return Object.fromEntries(Object.entries(query).filter(([name]) => name !== "resourceVersion" && name !== "resourceVersionMatch"));
}
