/**
 * What the API server refuses or fails at, as errors for people: the object, the reason, the next command. The kinds are
 * what callers decide by. Must not know what a request was for.
 */
import { UserError, exitCodes } from "../base/errors.js";
import { describePlace, type ObjectPlace, resourceName, type Status } from "./objects.js";

export type ApiErrorKind =
  /** No connection, or it broke: whether the request was carried out is not known. */
  | "unreachable"
  /** No answer in time: not known either. */
  | "timeout"
  | "unauthorized"
  | "forbidden"
  | "quota"
  | "namespace-missing"
  | "not-found"
  /** Somebody else was first: the object is another one than what the request was based on. */
  | "conflict"
  | "exists"
  | "invalid"
  /** The resource version that a list or a watch asked for is no longer kept. */
  | "gone"
  | "too-large"
  /** It wants to be asked again later. */
  | "busy"
  | "server";

/** What was asked for, for messages. */
export interface ApiQuestion {
  /** "get", "list", "create", "patch" …, as in a Role. */
  readonly verb: string;
  readonly place: ObjectPlace;
}

export class ApiError extends UserError {
  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** How long the server asks to be left alone; 0 when it does not say. */
    readonly retryAfterMs: number = 0,
  ) {
    super(message, exitCodes.failed);
  }
}

export function isApiError(thrown: unknown, ...kinds: readonly ApiErrorKind[]): thrown is ApiError {
  return thrown instanceof ApiError && (kinds.length === 0 || kinds.includes(thrown.kind));
}

export function unreachable(server: string, question: ApiQuestion, reason: string): ApiError {
  return new ApiError("unreachable", `cannot ${question.verb} ${describePlace(question.place)}: the API server ${server} cannot be reached (${reason}); look with: kubectl cluster-info`, 0);
}

export function timedOut(server: string, question: ApiQuestion, timeoutMs: number): ApiError {
  return new ApiError("timeout", `cannot ${question.verb} ${describePlace(question.place)}: the API server ${server} did not answer within ${timeoutMs} ms; look with: kubectl get --raw /readyz?verbose`, 0);
}

/** An answer that is no success. `text` is its body, a Status in most cases. */
export function refusedBy(server: string, question: ApiQuestion, httpStatus: number, text: string, retryAfterS = 0): ApiError {
  const status = statusIn(text);
  const reason = status?.message ?? text.trim().slice(0, 500);
  const kind = kindOf(status?.code ?? httpStatus, status?.reason ?? "", reason, status?.details?.kind ?? "");
  const retryAfterMs = 1_000 * (status?.details?.retryAfterSeconds ?? retryAfterS);
  return new ApiError(kind, sentence(kind, server, question, httpStatus, reason), httpStatus, retryAfterMs);
}

/** The last event of a watch that fails. */
export function watchFailure(server: string, question: ApiQuestion, status: Partial<Status>): ApiError {
  return refusedBy(server, question, status.code ?? 500, JSON.stringify({ ...status, kind: "Status" }));
}

function statusIn(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status" ? (value as Status) : undefined;
  } catch {
    return undefined;
  }
}

function kindOf(code: number, reason: string, message: string, detailsKind: string): ApiErrorKind {
  // A namespace that is being deleted takes nothing new, and says so as Forbidden.
  if (code === 403) return message.includes("exceeded quota") ? "quota" : message.includes("because it is being terminated") ? "namespace-missing" : "forbidden";
  if (code === 404) return detailsKind === "namespaces" ? "namespace-missing" : "not-found";
  if (code === 409) return reason === "AlreadyExists" ? "exists" : "conflict";
  if (code === 410 || reason === "Expired" || reason === "Gone") return "gone";
  if (code === 401) return "unauthorized";
  if (code === 413) return "too-large";
  // etcd's own limit comes as a server error.
  if (code >= 500 && /request is too large|exceeds the maximum|larger than max/.test(message)) return "too-large";
  if (code === 400 || code === 415 || code === 422) return "invalid";
  if (code === 429 || code === 503) return "busy";
  return code === 504 && message.includes("Too large resource version") ? "gone" : "server";
}

function sentence(kind: ApiErrorKind, server: string, { verb, place }: ApiQuestion, status: number, reason: string): string {
  const what = `cannot ${verb} ${describePlace(place)}`;
  const namespace = place.namespace ?? "default";
  const inNamespace = place.namespace === undefined ? "" : ` --namespace ${place.namespace}`;
  switch (kind) {
    case "unauthorized":
      return `${what}: the API server ${server} does not accept who this is (${reason}); a token may have expired, or the kubeconfig is another cluster's: look with: kubectl auth can-i ${verb} ${resourceName(place.resource)}`;
    case "forbidden": {
      const user = /User "([^"]+)"/.exec(reason)?.[1];
      const as = user === undefined ? "" : ` --as ${user}`;
      return `${what}: ${reason}; grant it as deploy/kubernetes does, and look with: kubectl auth can-i ${verb} ${resourceName(place.resource)}${place.subresource === undefined ? "" : `/${place.subresource}`}${inNamespace}${as}`;
    }
    case "quota":
      return `${what}: ${reason}; unregister or scale down what is not needed, or raise the quota: look with: kubectl describe quota${inNamespace}`;
    case "namespace-missing":
      return /terminat/.test(reason)
        ? `${what}: the namespace is being deleted; wait until it is gone (kubectl get namespace ${namespace}), then create it again`
        : `${what}: there is no namespace ${namespace}; create it with: kubectl create namespace ${namespace}`;
    case "not-found":
      return `${what}: ${reason}; look with: kubectl get ${resourceName(place.resource)}${inNamespace}`;
    case "invalid":
      return `${what}: the API server refuses it: ${reason}`;
    case "too-large":
      return `${what}: it is larger than the API server takes (${reason})`;
    case "busy":
      return `${what}: the API server ${server} asks to be left alone for a moment (${status}: ${reason}); try again`;
    case "conflict":
    case "exists":
    case "gone":
    case "server":
    case "unreachable":
    case "timeout":
      return `${what}: the API server ${server} answered ${status}: ${reason}`;
  }
}
