/**
 * What zod found wrong, as problems with a place in the file, what was found there and what is known to be
 * expected. Must not know single settings: all it says of them comes out of the schema.
 */
import type * as z from "zod";
import type { JsonSchema } from "./configuration-schema.js";
import { describeValue, nearest, type PathStep, type Problem, quote } from "./problem.js";
import type { Located, YamlSource } from "./yaml-source.js";

/** The value at `path`, or the innermost that exists; `missing` when it is not all the path. */
export function locate(root: Located, path: readonly PathStep[]): { readonly node: Located; readonly missing: boolean } {
  let node = root;
  for (const step of path) {
    const child = node.children.get(step);
    if (child === undefined) return { node, missing: true };
    node = child;
  }
  return { node, missing: false };
}

export function problemsOfIssues(issues: readonly z.core.$ZodIssue[], root: Located, source: YamlSource, schema: JsonSchema): Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const issue of issues) {
    const path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) problems.push(unknownKey(key, path, root, source, schema));
      continue;
    }
    // One value can break several rules of its type; what was expected is the same sentence for all.
    const place = JSON.stringify(path);
    if (seen.has(place)) continue;
    seen.add(place);
    problems.push(wrongValue(issue.message, path, root, source, schema));
  }
  return problems;
}

function wrongValue(expected: string, path: readonly PathStep[], root: Located, source: YamlSource, schema: JsonSchema): Problem {
  const { node, missing } = locate(root, path);
  const offset = missing ? (node.keyOffset ?? node.offset) : node.offset;
  if (missing) return source.problem(path, offset, `missing; expected ${expected}`, { expected });
  const found = describeValue(node.value, node.source);
  const suggestion = suggestedValue(node, schemaAt(schema, path));
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return source.problem(path, offset, `found ${found}, expected ${expected}${hint}`, { found, expected, ...(suggestion === undefined ? {} : { suggestion }) });
}

function suggestedValue(node: Located, schema: JsonSchema | undefined): string | undefined {
  const words = schema?.enum?.filter((word) => typeof word === "string");
  if (typeof node.value === "string" && words !== undefined) {
    const word = nearest(node.value, words);
    return word === undefined ? undefined : quote(word);
  }
  // `version: 0.90` is a number to YAML, and not the one that was meant.
  if (typeof node.value === "number" && schema?.type === "string") {
    const text = node.source ?? String(node.value);
    return schema.pattern === undefined || new RegExp(schema.pattern).test(text) ? quote(text) : undefined;
  }
  return undefined;
}

function unknownKey(key: string, path: readonly PathStep[], root: Located, source: YamlSource, schema: JsonSchema): Problem {
  const parent = locate(root, path).node;
  const offset = parent.children.get(key)?.keyOffset ?? parent.offset;
  const known = Object.keys(schemaAt(schema, path)?.properties ?? {}).filter((name) => name !== "$schema");
  const elsewhere = homesOf(schema, key);
  // The very word being a key elsewhere says more than another word being near.
  const suggestion = elsewhere.length > 0 ? undefined : nearest(key, known);
  const expected = `one of ${known.join(", ")}`;
  let hint = `known here: ${known.join(", ")}`;
  if (suggestion !== undefined) hint = `did you mean ${quote(suggestion)}?`;
  else if (elsewhere.length > 0) hint = `${quote(key)} belongs into ${elsewhere.join(" or ")}`;
  return source.problem([...path, key], offset, `unknown key${elsewhere.length > 0 ? " here" : ""}; ${hint}`, { found: quote(key), expected, ...(suggestion === undefined ? {} : { suggestion }) });
}

/** What the schema says of the value at `path`. */
export function schemaAt(schema: JsonSchema, path: readonly PathStep[]): JsonSchema | undefined {
  let here: JsonSchema | undefined = schema;
  for (const step of path) {
    if (here === undefined) return undefined;
    const properties: JsonSchema["properties"] = here.properties;
    if (typeof step === "number") here = here.items;
    else if (properties !== undefined && Object.hasOwn(properties, step)) here = properties[step];
    else here = here.additionalProperties === false ? undefined : here.additionalProperties;
  }
  return here;
}

/** Every key of the schema with the path documentation gives it: "languages.NAME.versions[].weight". */
export function schemaKeys(schema: JsonSchema, prefix = ""): { readonly path: string; readonly schema: JsonSchema }[] {
  const keys: { readonly path: string; readonly schema: JsonSchema }[] = [];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    keys.push({ path, schema: inner }, ...schemaKeys(inner, path));
  }
  if (schema.items !== undefined) keys.push(...schemaKeys(schema.items, `${prefix}[]`));
  if (schema.additionalProperties) keys.push(...schemaKeys(schema.additionalProperties, `${prefix}.NAME`));
  return keys;
}

/** The mappings that have a key of this name. */
function homesOf(schema: JsonSchema, key: string): string[] {
  const homes: string[] = [];
  for (const { path } of schemaKeys(schema)) {
    if (path.endsWith(`.${key}`)) homes.push(path.slice(0, -key.length - 1));
    else if (path === key) homes.push("the top level");
  }
  return homes;
}
