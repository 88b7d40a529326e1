/**
 * The stored configuration as text, and text back as a configuration that is checked in every part: what was edited by hand
 * or cut off is refused with its place. Must not know where the text is kept.
 */
import * as z from "zod";
import { UserError } from "../../base/errors.js";
import { languageNamePattern, reportFormats, versionNamePattern, weightMax } from "../../snapshot/configuration-schema.js";
import { describeValue, type PathStep, renderPath } from "../../snapshot/problem.js";
import { builtinLinters } from "../../snapshot/well-known-languages.js";
import type { StoredConfiguration } from "../stored-configuration.js";

const whole = z.int().min(0);
const words = z.array(z.string());

const endpoint = z.strictObject({ id: z.string().min(1), host: z.string().min(1), port: whole.max(65_535) });

const runCommon = { workers: whole, threads: whole.exactOptional(), environment: z.record(z.string(), z.string()) };
const run = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("builtin"), builtin: z.enum(builtinLinters), ...runCommon }),
  z.strictObject({ kind: z.literal("command"), command: words.min(1), report: z.enum(reportFormats), ...runCommon }),
]);
const source = z.discriminatedUnion("kind", [z.strictObject({ kind: z.literal("run"), run }), z.strictObject({ kind: z.literal("image"), image: z.string().min(1), workers: whole })]);

const language = z.strictObject({
  language: z.string().regex(languageNamePattern),
  extensions: words,
  spill: z.boolean(),
  versions: z.array(
    z.strictObject({ version: z.string().regex(versionNamePattern), weight: whole.max(weightMax), workers: z.array(endpoint), source: source.exactOptional() }),
  ),
});

const entry = z.strictObject({
  revision: whole,
  atUnixMs: whole,
  who: z.string(),
  what: z.string(),
  reason: z.string(),
  differences: words,
  requestId: z.string(),
  before: z.strictObject({ languages: z.array(language), added: words, drained: words }),
});

const stored = z.strictObject({ format: z.literal(1), revision: whole, languages: z.array(language), drained: words, history: z.array(entry) });

/** Languages and entries never change, and most are as they were at the last write: of twenty thousand workers' text twenty are new. */
const knownTexts = new WeakMap<object, string>();

export function textOf({ format, revision, languages, drained, history }: StoredConfiguration): string {
  return `{"format":${format},"revision":${revision},"languages":[${languages.map(partText).join()}],"drained":${JSON.stringify(drained)},"history":[${history.map(partText).join()}]}\n`;
}

function partText(part: object): string {
  const text = knownTexts.get(part) ?? JSON.stringify(part);
  knownTexts.set(part, text);
  return text;
}

/** `name` is the store's, for messages. Throws a UserError that says what is wrong and where. */
export function configurationFrom(text: string, name: string): StoredConfiguration {
  const value = parsed(text, name);
  const format: unknown = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format === "number" && format !== 1) {
    throw new UserError(`${name} is in format ${format}, which this program does not know (it knows 1); use the newer program that wrote it`);
  }
  const result = stored.safeParse(value);
  if (!result.success) throw new UserError(`${name} cannot be used: ${problemsIn(result.error.issues, value)}; ${whatToDo}`);
  const configuration: StoredConfiguration = result.data;
  const [first] = contradictionsIn(configuration);
  if (first !== undefined) throw new UserError(`${name} cannot be used: ${first}; ${whatToDo}`);
  return configuration;
}

const whatToDo = "put a backup in its place or mend it with the manager stopped";

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const cause = text.trim() === "" ? "it is empty" : "it is no JSON, perhaps cut off";
    throw new UserError(`${name} cannot be used: ${cause}; ${whatToDo}`);
  }
}

const problemsMax = 3;

function problemsIn(issues: readonly z.core.$ZodIssue[], value: unknown): string {
  const sentences = issues.slice(0, problemsMax).map((issue) => {
    const path = issue.path.map((step): PathStep => (typeof step === "symbol" ? String(step) : step));
    const where = path.length === 0 ? "the whole" : renderPath(path);
    if (issue.code === "unrecognized_keys") return `${where} has the unknown key ${issue.keys.join(", ")}`;
    return `${where}: found ${describeValue(valueAt(value, path))}, ${issue.message.toLowerCase()}`;
  });
  if (issues.length > problemsMax) sentences.push(`and ${issues.length - problemsMax} more`);
  return sentences.join("; ");
}

function valueAt(value: unknown, path: readonly PathStep[]): unknown {
  return path.reduce<unknown>((inner, step) => (typeof inner === "object" && inner !== null ? (inner as Record<PathStep, unknown>)[step] : undefined), value);
}

/** What the manager relies on and no single value shows. */
function* contradictionsIn({ revision, languages, history }: StoredConfiguration): Generator<string> {
  const names = languages.map((one) => one.language);
  for (const [index, name] of names.entries()) if (names.indexOf(name) < index) yield `the language ${name} is there twice`;
  for (const { language: name, versions } of languages) {
    const labels = versions.map(({ version }) => version);
    for (const [index, label] of labels.entries()) if (labels.indexOf(label) < index) yield `the version ${label} of ${name} is there twice`;
  }
  const last = history.at(-1)?.revision ?? revision;
  if (last !== revision) yield `the history ends with revision ${last}, the configuration is at ${revision}`;
  for (const [index, { revision: at }] of history.entries()) if (index > 0 && at !== (history[index - 1]?.revision ?? 0) + 1) yield `revision ${at} in the history does not follow the one before it`;
}
