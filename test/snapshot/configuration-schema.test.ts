import { readdirSync } from "node:fs";
import { Ajv } from "ajv";
import t from "tap";
import { parse } from "yaml";
import { builtinLanguages } from "../../src/linter/analyzers/registry.js";
import { reportFormats as readableFormats } from "../../src/linter/analyzers/command/settings.js";
import { type JsonSchema, configurationJsonSchema, configurationJsonSchemaText, reportFormats } from "../../src/snapshot/configuration-schema.js";
import { parseConfiguration } from "../../src/snapshot/configuration.js";
import { schemaKeys } from "../../src/snapshot/schema-problems.js";
import { builtinLinters, wellKnownExtensions } from "../../src/snapshot/well-known-languages.js";
import { fullFile, repository, repositoryText } from "../support/configuration-files.js";

const schema = configurationJsonSchema();
// A union of a number and text is what a size is; ajv's strict mode would have it otherwise.
const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false }).compile(schema);

void t.test("the published JSON Schema is the one of the code", (t) => {
  t.equal(repositoryText("docs/lintel.schema.json"), configurationJsonSchemaText(), "run: npx lintel check --schema > docs/lintel.schema.json");
  t.end();
});

void t.test("the examples are valid, for the schema as for Lintel", (t) => {
  const examples = readdirSync(new URL("docs/examples/", repository)).filter((name) => name.endsWith(".yaml"));
  t.ok(examples.length >= 2);
  for (const name of examples) {
    const text = repositoryText(`docs/examples/${name}`);
    t.ok(validate(parse(text)), `${name}: ${JSON.stringify(validate.errors)}`);
    const result = parseConfiguration(text, name);
    t.match(result, { kind: "valid", warnings: [] }, name);
    t.match(text, /^# yaml-language-server: \$schema=\.\.\/lintel\.schema\.json\n/, "editors find the schema");
  }
  t.equal(parseConfiguration(repositoryText("docs/examples/lintel.yaml"), "lintel.yaml", { role: "balancer" }).kind, "valid", "a balancer can use the first one");
  t.end();
});

void t.test("the schema allows a file with every key", (t) => {
  t.ok(validate(parse(fullFile)), JSON.stringify(validate.errors));
  const used = new Set(keysOf(parse(fullFile)));
  for (const { path } of schemaKeys(schema)) t.ok(used.has(path) || path.endsWith(".run.builtin"), `${path} is in the file of the tests`);
  t.end();
});

void t.test("the schema shows editors what Lintel would refuse", (t) => {
  const bad = [
    { shards: 0 }, { langauges: {} }, { http: { listen: "8080" } }, { limits: { deadlineMs: "10 sec" } }, { limits: { deadlineMs: 1 } }, { languages: { Go: { versions: [{ version: "1" }] } } }, { languages: { go: {} } },
    { languages: { go: { versions: [] } } }, { languages: { go: { versions: [{ version: 0.9 }] } } }, { languages: { go: { versions: [{ version: "1", workers: ["h"] }] } } },
    { languages: { go: { versions: [{ version: "1", run: {} }] } } }, { languages: { go: { versions: [{ version: "1", run: { builtin: "css", command: ["x"] } }] } } },
    { languages: { go: { versions: [{ version: "1", run: { builtin: "css", environment: { "A-B": "x" } } }] } } },
  ];
  for (const file of bad) {
    t.notOk(validate(file), JSON.stringify(file));
    t.equal(parseConfiguration(JSON.stringify(file), "f").kind, "invalid", JSON.stringify(file));
  }
  t.end();
});

void t.test("every key has a description, and a row with its default in the documentation", (t) => {
  const documented = new Map(
    repositoryText("docs/configuration.md")
      .split("\n")
      .map((line) => /^\| `([^`]+)` \| ([^|]*) \| \S/.exec(line) ?? /^\| `([^`]+)` \| ?(\|) \S/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[1] ?? "", match[2] === "|" ? "" : (match[2] ?? "")]),
  );
  const keys = schemaKeys(schema);
  for (const key of keys) {
    t.type(key.schema.description, "string", `${key.path} has a description`);
    t.equal(documented.get(key.path), documentedDefault(key.path, key.schema), `the default of ${key.path}`);
  }
  t.same([...documented.keys()].filter((path) => !keys.some((key) => key.path === path)), [], "no row is about a key that does not exist");
  t.end();
});

void t.test("the documentation lists the endings by default, and no ending twice", (t) => {
  const text = repositoryText("docs/configuration.md");
  for (const [language, endings] of Object.entries(wellKnownExtensions)) {
    t.ok(text.includes(`| ${language} | ${endings.map((ending) => `\`${ending}\``).join(" ")} |\n`), language);
  }
  const all = Object.values(wellKnownExtensions).flat();
  t.equal(new Set(all).size, all.length);
  t.end();
});

void t.test("the file can name every built-in linter and report format there is, and no other", (t) => {
  t.same([...builtinLinters].sort(), [...builtinLanguages].sort());
  t.same([...reportFormats].sort(), [...readableFormats].sort());
  t.end();
});

function documentedDefault(path: string, { default: value, properties }: JsonSchema): string {
  if (/\.versions?$|^http\.(tls|proxyProtocol)\./.test(path)) return "required";
  if (value === undefined || properties !== undefined) return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** The paths of a file's keys, as `schemaKeys` writes them. */
function keysOf(value: unknown, prefix = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, `${prefix}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const path = prefix === "languages" ? "languages.NAME" : prefix === "" ? key : `${prefix}.${key}`;
    return [path, ...keysOf(inner, path)];
  });
}
