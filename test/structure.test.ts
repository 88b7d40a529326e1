// Holds the structure: imports point one way, rooms are small, src/base is the only door. The rules are in
// support/import-rules.ts and support/habit-rules.ts; here they meet this repository, and each a sample that breaks it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { codeLines, emptyFileNames, functionLinesMax, fileLinesMax, longFiles, longFunctions, missingPurposes, otherDoors } from "./support/habit-rules.js";
import { importCycles, importsAgainstTheOrder, importsOfNothing, importsOutOfThePage, impureImports, mayImport, packagesOutOfPlace, tableOutOfOrder } from "./support/import-rules.js";
import { packagesWithoutTheirLine, undeclaredPackages, unusedPackages, type PackageFile } from "./support/package-rules.js";
import { filesBelow, importsOf, parseModule, readModule, readModules, repositoryRoot } from "./support/source-module.js";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const sources = readModules("src");
const tests = readModules("test", "bench");
const pages = readModules("web");
const scripts = [...readModules("scripts"), readModule("eslint.config.js")];

/** One failure for each sentence, so that the file and the line are the first thing one sees. */
function holds(t: Test, faults: readonly string[]): void {
  for (const fault of faults) t.fail(fault, { diagnostic: false });
  if (faults.length === 0) t.pass("holds");
}

/** The rule finds exactly these places in the sample, and would so in the repository. */
function finds(t: Test, faults: readonly string[], places: readonly string[]): void {
  t.same(faults.map((fault) => fault.split(": ")[0]), places, "and the rule finds what breaks it");
}

const sample = (path: string, ...lines: readonly string[]) => parseModule(path, lines.join("\n"));

void t.test("imports point one way", (t) => {
  t.ok(sources.length > 50, "the modules were found");
  holds(t, importsAgainstTheOrder(sources));
  const broken = [
    sample("src/linter/worker.ts", `import { a } from "../base/clock.js";`, `import type { Exchange } from "../shard/exchange.js";`),
    sample("src/standalone/x.ts", `export { v } from "../linter/analyzers/builtin-versions.js";`, `const w = import("../linter/worker.js");`),
    sample("src/base/x.ts", `type S = import("../snapshot/snapshot.js").Snapshot;`),
    sample("src/new-folder/x.ts", `import "../base/clock.js";`),
    sample("src/shard/x.ts", `import "../../test/support/run-lintel.js";`),
  ];
  finds(t, importsAgainstTheOrder(broken), ["src/linter/worker.ts:2", "src/standalone/x.ts:2", "src/base/x.ts:1", "src/new-folder/x.ts:1", "src/shard/x.ts:1"]);
  t.end();
});

void t.test("the table of imports goes from the bottom up, and nothing but commands reaches a shard from above the balancer", (t) => {
  t.same(tableOutOfOrder(mayImport), []);
  t.equal(tableOutOfOrder({ base: ["shard"], shard: ["base", "shard"] }).length, 2, "and a table that does not would be found");
  const knowsShards = Object.keys(mayImport).filter((folder) => mayImport[folder]?.includes("shard"));
  t.same(knowsShards, ["balancer"]);
  t.end();
});

void t.test("packages stay where they belong", (t) => {
  holds(t, packagesOutOfPlace(sources));
  t.ok(sources.some((module) => importsOf(module).some(({ packageName }) => packageName === "uWebSockets.js")), "uWebSockets.js is used at all");
  finds(t, packagesOutOfPlace([sample("src/balancer/x.ts", "", `import * as uWS from "uWebSockets.js";`)]), ["src/balancer/x.ts:2"]);
  t.end();
});

void t.test("pure folders import no package and nothing that reaches the outside", (t) => {
  holds(t, impureImports(sources));
  const broken = [sample("src/balancing/x.ts", `import { connect } from "node:net";`, `import { z } from "zod";`), sample("src/http2/x.ts", `import { Buffer } from "node:buffer";`)];
  finds(t, impureImports(broken), ["src/balancing/x.ts:1", "src/balancing/x.ts:2"]);
  t.end();
});

void t.test("a page takes from src/ only what says what a report is, and knows no other page", (t) => {
  t.ok(pages.length > 10, "the modules were found");
  holds(t, importsOutOfThePage(pages));
  const broken = sample("web/page/x.ts", `import "../../src/shard/reply.js";`, `import "../dashboard/x.js";`, `import "node:fs";`, `import "../base/clock.js";`, `import "../../src/formats/report.js";`);
  finds(t, importsOutOfThePage([broken]), ["web/page/x.ts:1", "web/page/x.ts:2", "web/page/x.ts:3"]);
  t.end();
});

void t.test("no module loads itself by way of others", (t) => {
  holds(t, importCycles([...sources, ...tests, ...pages]));
  const circle = [
    sample("src/shard/a.ts", `import { b } from "./b.js";`),
    sample("src/shard/b.ts", `import { c } from "./c.js";`),
    sample("src/shard/c.ts", `import { a } from "./a.js";`, `import type { b } from "./b.js";`),
  ];
  finds(t, importCycles(circle), ["src/shard/c.ts:1"]);
  t.end();
});

void t.test("every relative import names a module", (t) => {
  holds(t, importsOfNothing([...sources, ...tests, ...pages]));
  finds(t, importsOfNothing([sample("src/shard/a.ts", `import type { b } from "./b.js";`)]), ["src/shard/a.ts:1"]);
  t.end();
});

void t.test("src/base is the only door to time and chance, and only commands print", (t) => {
  holds(t, otherDoors(sources));
  const broken = sample("src/client/x.ts", "Math.random();", "Date.now();", "performance.now();", "new Date();", "setTimeout(f, 1);", `import "node:timers/promises";`, "process.stdout.write(s);", "new Date(1); clock.setTimeout;");
  finds(t, otherDoors([broken]), [1, 2, 3, 4, 5, 6, 7].map((line) => `src/client/x.ts:${line}`));
  t.end();
});

void t.test(`files have at most ${fileLinesMax} lines`, (t) => {
  holds(t, longFiles([...sources, ...tests, ...pages]));
  finds(t, longFiles([sample("src/base/x.ts", ...Array<string>(fileLinesMax + 1).fill("//"))]), [`src/base/x.ts:${fileLinesMax}`]);
  t.same(longFiles([sample("src/base/x.ts", ...Array<string>(fileLinesMax).fill("//"), "")]), [], "a last line break begins no line");
  t.end();
});

void t.test(`functions have at most ${functionLinesMax} lines of code`, (t) => {
  holds(t, longFunctions([...sources, ...tests, ...pages]));
  const body = (count: number): string[] => Array<string>(count - 2).fill("  x();");
  const at = (count: number) => sample("src/base/x.ts", "/** One. */", "function f() {", "  // why", "", ...body(count), "}");
  t.same(longFunctions([at(functionLinesMax)]), [], "comments and blank lines do not count");
  finds(t, longFunctions([at(functionLinesMax + 1)]), ["src/base/x.ts:2"]);
  t.same([...codeLines(sample("x.ts", "/** Doc. */", "const a = `", "", "`; // why", "/* b", "*/"))], [2, 3, 4], "a line within a template is code");
  t.end();
});

void t.test("every module opens with its purpose", (t) => {
  holds(t, missingPurposes([...sources, ...pages]));
  const broken = [sample("src/base/a.ts", `import "./b.js";`, "/** A comment that is long enough, but late. */"), sample("src/base/b.ts", "/** Clock. */"), sample("src/main.ts", "#!/usr/bin/env node", "/** The map: which command exists. */")];
  finds(t, missingPurposes(broken), ["src/base/a.ts:1", "src/base/b.ts:1"]);
  t.end();
});

void t.test("files are named for an idea", (t) => {
  holds(t, emptyFileNames(["src", "test", "bench", "scripts", "web"].flatMap((folder) => filesBelow(folder, /\.(ts|mjs)$/))));
  finds(t, emptyFileNames(["src/base/utils.ts", "src/helpers/clock.ts", "src/shard/manager2.ts", "src/shard/rootNode.ts", "test/http2/a-b.test.ts"]), [
    "src/base/utils.ts:1",
    "src/helpers/clock.ts:1",
    "src/shard/manager2.ts:1",
    "src/shard/rootNode.ts:1",
  ]);
  t.end();
});

void t.test("src/main.ts loads every command, and every command only there", (t) => {
  const commands = sources.filter(({ path, source }) => path.startsWith("src/commands/") && /^export function define\(/m.test(source.text)).map(({ path }) => path);
  const main = sources.filter(({ path }) => path === "src/main.ts").flatMap(importsOf);
  const loaded = main.map(({ target = "" }) => target).filter((target) => target !== "src/commands/supported-node.ts");
  t.same(loaded.sort(), commands.sort());
  t.end();
});

void t.test("tests mirror src/", (t) => {
  const other = ["support", "fixtures", "scenario", "interop", "chaos", "simulation", "fuzz", "kubernetes", "browser", "systemd", "bench"];
  const folders = new Set(tests.filter(({ path }) => path.startsWith("test/")).flatMap(({ path }) => path.split("/").slice(1, -1).slice(0, 1)));
  for (const folder of folders) t.ok(other.includes(folder) || existsSync(join(repositoryRoot, "src", folder)), `test/${folder} belongs to src/${folder}`);
  t.end();
});

void t.test("packages are declared, used, and accounted for in docs/dependencies.md", (t) => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json")) as PackageFile;
  const forAll = { ...dependencies, ...devDependencies };
  const peersOf = (name: string) => Object.keys((JSON.parse(read(`node_modules/${name}/package.json`)) as { peerDependencies?: object }).peerDependencies ?? {});
  holds(t, undeclaredPackages(sources, Object.keys(dependencies)));
  holds(t, undeclaredPackages([...tests, ...scripts, ...pages], Object.keys(forAll)));
  holds(t, unusedPackages(Object.keys(dependencies), sources, peersOf));
  // The compiler is told of @types/node in tsconfig.json.
  holds(t, unusedPackages(Object.keys(devDependencies).filter((name) => name !== "@types/node"), [...tests, ...scripts, ...pages], peersOf));
  holds(t, packagesWithoutTheirLine(read("docs/dependencies.md"), forAll));

  finds(t, undeclaredPackages([sample("src/base/x.ts", `import "tap";`, `import "@a/b/c";`)], ["@a/b"]), ["src/base/x.ts:1"]);
  const broken = [sample("src/base/x.ts", `import "a";`)];
  finds(t, unusedPackages(["a", "b", "c"], broken, (name) => (name === "a" ? ["b"] : [])), ["package.json:1"]);
  const page = ["| a | 1.0.0 | much |", "| b | 2.0.0 | much |", "| c | 3.0.0 |  |", "| d | 4.0.0 | much |"].join("\n");
  finds(t, packagesWithoutTheirLine(page, { a: "1.0.0", b: "npm:bb@2.0.1", c: "3.0.0", e: "5.0.0" }), [2, 3, 4, 1].map((line) => `docs/dependencies.md:${line}`));
  t.end();
});
