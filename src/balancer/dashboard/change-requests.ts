/**
 * The body of a change as a browser sends it, checked before a manager is asked: what cannot be meant is refused here, what makes
 * no sense the manager says. Must not know HTTP.
 */
import type { ChangeRequest, DashboardChange } from "./picture.js";

/** Undefined when it is none. */
export function parseChangeRequest(text: string): ChangeRequest | undefined {
  const body = parseObject(text);
  const change = changeIn(body?.["change"]);
  if (body === undefined || change === undefined) return undefined;
  const { dryRun, ifRevision, reason, requestId } = body;
  if (typeof dryRun !== "boolean" || !isCount(ifRevision) || typeof reason !== "string" || typeof requestId !== "string") return undefined;
  return { change, dryRun, ifRevision, reason, requestId };
}

function changeIn(value: unknown): DashboardChange | undefined {
  if (!isObject(value)) return undefined;
  const { kind, language, weights, workerId, drained, revision } = value;
  switch (kind) {
    case "weights": {
      if (typeof language !== "string" || !Array.isArray(weights)) return undefined;
      const parsed = weights.flatMap((one: unknown) => (isObject(one) && typeof one["version"] === "string" && isCount(one["weight"]) ? [{ version: one["version"], weight: one["weight"] }] : []));
      return parsed.length === weights.length ? { kind, language, weights: parsed } : undefined;
    }
    case "drain":
      return typeof workerId === "string" && typeof drained === "boolean" ? { kind, workerId, drained } : undefined;
    case "undo":
      return isCount(revision) ? { kind, revision } : undefined;
    default:
      return undefined;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
