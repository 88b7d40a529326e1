/**
 * The repository's own modules as the compiler parses them, for the tests that hold its structure. Must not
 * know what the rules are.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** The folder of package.json, as seen from dist/test/support. */
export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url));

export interface SourceModule {
  /** From the repository's root: "src/shard/exchange.ts". */
  readonly path: string;
  readonly source: ts.SourceFile;
}

export interface Import {
  /** As written: "./active.js", "node:fs", "zod". */
  readonly specifier: string;
  /** The module's path when it is one of the repository's own, whether or not it exists. */
  readonly target: string | undefined;
  /** The npm package, when it is one. */
  readonly packageName: string | undefined;
  /** Erased by the compiler: nothing is loaded for it. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Every module below the folders, in the order of their paths. A folder that does not exist yet has none. */
export function readModules(...folders: readonly string[]): SourceModule[] {
  return folders.flatMap((folder) => filesBelow(folder, /\.(ts|mjs)$/)).map(readModule);
}

export function readModule(path: string): SourceModule {
  return parseModule(path, readFileSync(join(repositoryRoot, path), "utf8"));
}

export function parseModule(path: string, text: string): SourceModule {
  return { path, source: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** Paths from the repository's root, sorted. */
export function filesBelow(folder: string, name: RegExp): string[] {
  if (!existsSync(join(repositoryRoot, folder))) return [];
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return entry.name === "fixtures" ? [] : filesBelow(path, name);
      return name.test(entry.name) ? [path] : [];
    })
    .sort();
}

/** The line of a node's first character, comments before it left out; counted from 1. */
export function lineOf({ source }: SourceModule, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

/** Calls `visit` for every node of the module, each before its children. */
export function walk({ source }: SourceModule, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, step);
  };
  step(source);
}

/** All ways one module names another: import and export declarations, `import()`, and types by `import("…")`. */
export function importsOf(module: SourceModule): Import[] {
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, node: ts.Node): void => {
    if (specifier !== undefined && ts.isStringLiteral(specifier)) {
      imports.push({ specifier: specifier.text, ...destinationOf(module.path, specifier.text), typeOnly, line: lineOf(module, node) });
    }
  };
  walk(module, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyImport(node.importClause), node);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, node);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false, node);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true, node);
  });
  return imports;
}

/** `import type` only: the compiler's verbatimModuleSyntax keeps the import of a module whose names are all marked `type`. */
function isTypeOnlyImport(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function destinationOf(from: string, specifier: string): Pick<Import, "target" | "packageName"> {
  if (specifier.startsWith(".")) return { target: normalize(join(dirname(from), specifier)).replace(/\.js$/, ".ts"), packageName: undefined };
  if (specifier.startsWith("node:")) return { target: undefined, packageName: undefined };
  const parts = specifier.split("/");
  return { target: undefined, packageName: parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/") };
}
