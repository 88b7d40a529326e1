// Holds the documentation to the repository: what it links to and names must be there. The rules are in
// support/doc-rules.ts; each is also shown a page that breaks it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { commentsOf, deadLinks, deadPaths, unknownCommands, unknownFunctions, unknownMetrics, type Page } from "./support/doc-rules.js";
import { mayImport } from "./support/import-rules.js";
import type { PackageFile } from "./support/package-rules.js";
import { filesBelow, importsOf, parseModule, readModule, readModules, repositoryRoot } from "./support/source-module.js";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const paths = [...readdirSync(repositoryRoot).filter((name) => name.endsWith(".md")), ...filesBelow("docs", /\.md$/)];
const pages = paths.map((path): Page => ({ path, text: read(path) }));
const sources = readModules("src");
const comments = [...sources, ...readModules("test", "bench", "scripts")].map(commentsOf);
const contracts = filesBelow("proto", /\.proto$/).map((path): Page => ({ path, text: read(path) }));

function holds(t: Test, faults: readonly string[]): void {
  for (const fault of faults) t.fail(fault, { diagnostic: false });
  if (faults.length === 0) t.pass("holds");
}

/** The rule finds exactly these lines in a page. */
function finds(t: Test, faults: readonly string[], lines: readonly number[]): void {
  t.same(faults.map((fault) => Number(fault.split(":")[1])), lines, "and the rule finds what breaks it");
}

const page = (...lines: readonly string[]): Page => ({ path: "docs/x.md", text: lines.join("\n") });

void t.test("the pages that everybody looks for are there", (t) => {
  for (const path of ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/life-of-a-request.md", "docs/decisions/README.md"]) t.ok(paths.includes(path), path);
  t.match(read("LICENSE"), /Apache License\s+Version 2\.0/);
  const index = read("docs/decisions/README.md");
  for (const path of paths.filter((one) => /decisions\/\d/.test(one))) t.ok(index.includes(`(${path.replace("docs/decisions/", "")})`), `${path} is in the index`);
  t.end();
});

void t.test("links lead somewhere", (t) => {
  t.ok(pages.length > 10, "the pages were found");
  holds(t, deadLinks(pages));
  finds(t, deadLinks([page("[a](lint.md#flags) [b](https://example.org/x)", "[c](none.md)", "[d](lint.md#no-such)", "[e](#none)")]), [2, 3, 4]);
  t.end();
});

void t.test("paths that are named exist, in pages, comments and contracts", (t) => {
  holds(t, deadPaths([...pages, ...comments, ...contracts]));
  finds(t, deadPaths([page("src/shard/exchange.ts, `shard/exchange.ts`, docs/lint.md, test/chaos/, https://x.org/a/b.md", "src/shard/session.ts", "`test/none/`", "shard/none.ts")]), [2, 3, 4]);
  const module = parseModule("src/x.ts", 'const a = "docs/none.md"; // docs/lint.md\n/** docs/none.md */\nlet b;');
  finds(t, deadPaths([commentsOf(module)]), [2]);
  t.end();
});

void t.test("functions, scripts and commands that pages name exist", (t) => {
  const { scripts } = JSON.parse(read("package.json")) as PackageFile;
  const commands = importsOf(readModule("src/main.ts")).map(({ specifier }) => specifier.replace(/^.*\/|\.js$/g, ""));
  holds(t, unknownFunctions(pages, sources));
  holds(t, unknownCommands(pages, Object.keys(scripts), commands));
  finds(t, unknownFunctions([page("`Exchange.start()` `replyOf()`", "`Exchange.run()`", "`none()`")], sources), [2, 3]);
  finds(t, unknownCommands([page("npm run build; `lintel up`", "npm run none", "npx lintel none")], ["build"], ["up"]), [2, 3]);
  t.end();
});

void t.test("metrics that pages name exist", (t) => {
  holds(t, unknownMetrics(pages, sources));
  finds(t, unknownMetrics([page("`lintel_ready`, `lintel_request_duration_seconds_bucket{language=\"x\"}`", "`lintel_readiness`", "rate(lintel_none_total)")], sources), [2, 3]);
  t.end();
});

void t.test("docs/architecture.md shows the folders and imports that are held", (t) => {
  const rows = [...read("docs/architecture.md").matchAll(/^\| `src\/([^`]+)` \| [^|]+ \| ([^|]+) \|$/gm)];
  const shown = rows.map(([, folder = "", imports = ""]) => [folder, imports === "nothing" ? [] : imports.split(", ")]);
  t.same(shown, Object.entries(mayImport));
  t.end();
});
