/**
 * User options: validated, named in full sentences when they are wrong, and what is built from them kept
 * for the next request with the same ones (an editor sends the same options with every keystroke). Options are data:
 * nothing here or in an analyzer loads a plugin, a parser or a file because of them. Must not know any linter's options.
 */
import type * as zod from "zod";
import { Rejection, type OptionsText } from "./analyzer.js";

/** Options larger than this are refused: whole configurations are a few kilobytes. */
const optionsCharactersMax = 64 * 1024;

/** Parses `options_json`; undefined when there is nothing in it. */
export function parseOptions(json: string): OptionsText | undefined {
  if (json === "") return undefined;
  if (json.length > optionsCharactersMax) throw new Rejection(`The options have ${json.length} characters; at most ${optionsCharactersMax} are allowed.`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Rejection("The options are not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Rejection("The options must be a JSON object.");
  return Object.keys(value).length === 0 ? undefined : { key: json, value: value as Record<string, unknown> };
}

/**
 * Checks options against a schema. The schema is made on first use: zod takes 40 ms to load, which requests without
 * options need not pay.
 */
export class OptionsSchema<T> {
  private schema: zod.ZodType<T> | undefined;

  constructor(
    private readonly linterName: string,
    private readonly define: (z: typeof zod.z) => zod.ZodType<T>,
  ) {}

  async parse(options: OptionsText): Promise<T> {
    this.schema ??= this.define((await import("zod")).z);
    const result = this.schema.safeParse(options.value);
    if (result.success) return result.data;
    throw new Rejection(this.explain(result.error));
  }

  private explain(error: zod.ZodError): string {
    const issue = error.issues[0];
    if (issue === undefined) return `The options for ${this.linterName} are not valid.`;
    const path = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") {
      const name = [path, issue.keys[0] ?? ""].filter((part) => part !== "").join(".");
      return `${this.linterName} has no option "${name}" here.`;
    }
    return `The option "${path}" for ${this.linterName} is not valid: ${issue.message}.`;
  }
}

/** The last few values built from options, by their text; the default configuration is kept elsewhere, for good. */
export class OptionsCache<T> {
  private readonly entries = new Map<string, T>();

  /** `dispose` frees what the garbage collector cannot. */
  constructor(
    private readonly entriesMax = 8,
    private readonly dispose: (value: T) => void = () => undefined,
  ) {}

  async get(key: string, build: () => T | Promise<T>): Promise<T> {
    const known = this.entries.get(key);
    if (known !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known;
    }
    const built = await build();
    this.entries.set(key, built);
    for (const [oldest, value] of this.entries) {
      if (this.entries.size <= this.entriesMax) break;
      this.entries.delete(oldest);
      this.dispose(value);
    }
    return built;
  }
}
