/**
 * What package.json declares, against what is imported and what docs/dependencies.md says. Every rule is a function to
 * sentences "file:line: what is wrong and what holds".
 */
import ts from "typescript";
import { importsOf, walk, type SourceModule } from "./source-module.js";

export interface PackageFile {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

/** A package that is imported must be declared: what another package happens to bring may go with its next release. */
export function undeclaredPackages(modules: readonly SourceModule[], declared: readonly string[]): string[] {
  return modules.flatMap((module) =>
    importsOf(module)
      .filter(({ packageName }) => packageName !== undefined && !declared.includes(packageName))
      .map(({ packageName = "", line }) => {
        const where = module.path.startsWith("src/") ? "dependencies" : "dependencies or devDependencies";
        return `${module.path}:${line}: ${packageName} is not among the ${where} of package.json`;
      }),
  );
}

/**
 * Used is what is imported, or read from by its path. `peersOf` names what a package wants beside it: that is declared without being
 * imported.
 */
export function unusedPackages(declared: readonly string[], modules: readonly SourceModule[], peersOf: (name: string) => readonly string[]): string[] {
  const imported = new Set(modules.flatMap(importsOf).map(({ packageName }) => packageName));
  const texts = modules.flatMap(textsOf);
  const used = declared.filter((name) => imported.has(name) || texts.some((text) => text.includes(`${name}/`)));
  const peers = new Set(used.flatMap(peersOf));
  return declared
    .filter((name) => !used.includes(name) && !peers.has(name))
    .map((name) => `package.json:1: nothing imports ${name}: a package that no longer earns its place is removed`);
}

/** Every declared package has one line, `| name | version | what it earns |`, with its version, and no other package has one. */
export function packagesWithoutTheirLine(page: string, declared: Readonly<Record<string, string>>): string[] {
  const path = "docs/dependencies.md";
  const listed = new Map<string, string>();
  const faults: string[] = [];
  page.split("\n").forEach((line, index) => {
    const [, name = "", version = "", earns = ""] = /^\| (\S+) \| (\S+) \| (.*) \|$/.exec(line) ?? [];
    if (name === "" || name === "package") return;
    if (listed.has(name)) faults.push(`${path}:${index + 1}: ${name} has a second line`);
    if (earns.trim() === "") faults.push(`${path}:${index + 1}: ${name} must say what it earns`);
    if (declared[name] === undefined) faults.push(`${path}:${index + 1}: ${name} is not in package.json`);
    else if (versionOf(declared[name]) !== version) faults.push(`${path}:${index + 1}: ${name} is ${versionOf(declared[name])} in package.json, here ${version}`);
    listed.set(name, version);
  });
  const missing = Object.keys(declared).filter((name) => !listed.has(name));
  return [...faults, ...missing.map((name) => `${path}:1: ${name} has no line: | ${name} | ${versionOf(declared[name] ?? "")} | what it earns |`)];
}

/** "npm:uws-pack@20.0.8" -> "20.0.8" */
function versionOf(range: string): string {
  return range.replace(/^npm:.*@/, "");
}

function textsOf(module: SourceModule): string[] {
  const texts: string[] = [];
  walk(module, (node) => {
    if (ts.isStringLiteralLike(node)) texts.push(node.text);
  });
  return texts;
}
