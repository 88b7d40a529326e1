/**
 * The habits of size, naming and opening comments, and the doors to time, chance and output that src/base keeps. Every rule
 * is a function from modules to sentences "file:line: what is wrong and what holds".
 */
import ts from "typescript";
import { lineOf, walk, type SourceModule } from "./source-module.js";

/** All lines of a file: more than this, and it holds two ideas. */
export const fileLinesMax = 350;
/** Lines of a function with code on them, from its name to its closing brace; blank lines, lines with comments alone, and tests within a test do not count. */
export const functionLinesMax = 60;
/** A purpose fits in less than a line, but not in a word or two. */
const purposeCharactersMin = 30;

const emptyNames = /^(utils?|helpers?|misc|miscellaneous|common|shared|stuff|lib|tools?)$/i;
const wellFormedName = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** What only src/base may touch, and which of its modules to use instead. */
const doors: readonly { readonly object: string; readonly property: RegExp; readonly instead: string }[] = [
  { object: "Math", property: /^random$/, instead: "chance comes through base/random.ts" },
  { object: "Date", property: /^now$/, instead: "time comes through base/clock.ts" },
  { object: "performance", property: /^now$/, instead: "time comes through base/clock.ts" },
  { object: "process", property: /^hrtime$/, instead: "time comes through base/clock.ts" },
];
const timers = new Set(["setTimeout", "setInterval", "clearTimeout", "clearInterval"]);
/** Output: a command prints, everything else logs through base/logger.ts or is handed a `write`. */
const printingFolders = /^src\/(base|commands)\//;

export function longFiles(modules: readonly SourceModule[]): string[] {
  return modules.flatMap((module) => {
    const lines = module.source.text.replace(/\n$/, "").split("\n").length;
    return lines <= fileLinesMax ? [] : [`${module.path}:${fileLinesMax}: ${lines} lines, at most ${fileLinesMax}: it holds two ideas, find them`];
  });
}

export function longFunctions(modules: readonly SourceModule[]): string[] {
  return modules.flatMap((module) => {
    const code = codeLines(module);
    const faults: string[] = [];
    walk(module, (node) => {
      if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
      const first = lineOf(module, node);
      const last = module.source.getLineAndCharacterOfPosition(node.end).line + 1;
      const own = new Set<number>();
      for (let line = first; line <= last; line++) if (code.has(line)) own.add(line);
      for (const line of linesOfTestsIn(module, node)) own.delete(line);
      const lines = own.size;
      if (lines > functionLinesMax) faults.push(`${module.path}:${first}: ${nameOf(node)} has ${lines} lines of code, at most ${functionLinesMax}: it holds two ideas, find them`);
    });
    return faults;
  });
}

/** A test that groups tests is as long as what it says itself: theirs are counted as theirs. */
function linesOfTestsIn(module: SourceModule, outer: ts.Node): number[] {
  const lines: number[] = [];
  const visit = (node: ts.Node): void => {
    const { parent } = node;
    const isTest = ts.isFunctionLike(node) && ts.isCallExpression(parent) && ts.isPropertyAccessExpression(parent.expression) && parent.expression.name.text === "test";
    if (!isTest || node === outer) {
      ts.forEachChild(node, visit);
      return;
    }
    const last = module.source.getLineAndCharacterOfPosition(node.end).line + 1;
    for (let line = lineOf(module, node); line <= last; line++) lines.push(line);
  };
  ts.forEachChild(outer, visit);
  return lines;
}

/** The lines on which there is a token; comments are none. */
export function codeLines(module: SourceModule): Set<number> {
  const { source } = module;
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    // Documentation comments hang in the tree, too.
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return;
    const children = node.getChildren(source);
    for (const child of children) visit(child);
    if (children.length > 0 || node.kind === ts.SyntaxKind.EndOfFileToken || node.end === node.getStart(source)) return;
    const last = source.getLineAndCharacterOfPosition(node.end).line + 1;
    for (let line = lineOf(module, node); line <= last; line++) lines.add(line);
  };
  visit(source);
  return lines;
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  if (ts.isConstructorDeclaration(node)) return "the constructor";
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText();
  const [title] = ts.isCallExpression(parent) ? parent.arguments : [];
  return title !== undefined && ts.isStringLiteralLike(title) ? `the function of "${title.text}"` : "a function without a name";
}

/** Every module opens with its purpose, before its imports. */
export function missingPurposes(modules: readonly SourceModule[]): string[] {
  return modules.flatMap((module) => {
    const [opening] = ts.getLeadingCommentRanges(module.source.text, 0) ?? [];
    const text = opening === undefined ? "" : module.source.text.slice(opening.pos, opening.end).replace(/^\/[/*]+|\*\/$/g, "").trim();
    return text.length >= purposeCharactersMin ? [] : [`${module.path}:1: the module must open with a comment that says its purpose, and what it must not know`];
  });
}

/** A file is named for the one idea it exports. */
export function emptyFileNames(paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    path
      .split("/")
      .map((part) => part.replace(/(\.test|\.d)?\.[a-z]+$/, ""))
      .flatMap((part) => {
        if (emptyNames.test(part)) return [`${path}:1: "${part}" names no idea`];
        if (!wellFormedName.test(part) || /\D[2-9]$/.test(part.replace(/^http2$/, ""))) return [`${path}:1: "${part}" is not words in lower case with hyphens`];
        return [];
      }),
  );
}

/** src/base is the only door to chance, to time and its timers; only commands print. */
export function otherDoors(modules: readonly SourceModule[]): string[] {
  return modules
    .filter(({ path }) => !path.startsWith("src/base/"))
    .flatMap((module) => {
      const faults: string[] = [];
      const fault = (node: ts.Node, sentence: string): unknown => faults.push(`${module.path}:${lineOf(module, node)}: ${sentence}`);
      walk(module, (node) => {
        const sentence = faultOfDoor(module, node);
        if (sentence !== undefined) fault(node, sentence);
      });
      return faults;
    });
}

function faultOfDoor({ path }: SourceModule, node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === "Date" && (node.arguments ?? []).length === 0) return "new Date() asks for the time; time comes through base/clock.ts";
  if (ts.isStringLiteral(node) && /^node:(timers|perf_hooks)\b/.test(node.text)) return `${node.text}: time comes through base/clock.ts`;
  if (ts.isIdentifier(node) && timers.has(node.text) && !ts.isPropertyAccessExpression(node.parent)) return `${node.text}: timers come through base/clock.ts`;
  if (!ts.isPropertyAccessExpression(node)) return undefined;
  const object = node.expression.getText().replace(/^globalThis\./, "");
  const property = node.name.text;
  if (object === "globalThis" && timers.has(property)) return `${property}: timers come through base/clock.ts`;
  if (object === "process" && /^std(out|err)$/.test(property) && !printingFolders.test(path)) return `process.${property}: only commands print; the others log through base/logger.ts or are handed a function to write with`;
  const door = doors.find((one) => one.object === object && one.property.test(property));
  return door === undefined ? undefined : `${object}.${property}: ${door.instead}`;
}
