/** Reads foreign JSON without trusting it: each function gives the value if it has the type, and undefined otherwise. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function asArray(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A whole number of at least 1: a line or a column. */
export function asCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 ? value : undefined;
}

/** The objects of an array, nothing for what is no array. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return (asArray(value) ?? []).map(asObject).filter((one) => one !== undefined);
}
