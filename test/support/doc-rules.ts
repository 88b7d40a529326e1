/**
 * What documentation says of this repository, against the repository: links, paths, functions, npm scripts and commands
 * that it names must exist. Every rule is a function to sentences "file:line: what is wrong".
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { repositoryRoot, walk, type SourceModule } from "./source-module.js";

export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** Links to other places of the repository: the file must be there, and so must the heading behind "#". */
export function deadLinks(pages: readonly Page[]): string[] {
  return eachMatch(pages, /\]\(([^)\s]+)\)/g, (page, [, link = ""]) => {
    if (/^[a-z]+:/.test(link)) return undefined;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? page.path : normalize(join(dirname(page.path), file));
    if (!existsSync(join(repositoryRoot, target))) return `the link leads to ${target}, which is not there`;
    if (anchor === undefined || headingsOf(target).includes(anchor)) return undefined;
    return `the link leads to #${anchor}, which is no heading of ${target}`;
  });
}

/** "src/shard/exchange.ts", "shard/exchange.ts", "docs/lint.md", "test/chaos/": what looks like a path of ours must be one. Links have their own rule. */
export function deadPaths(pages: readonly Page[]): string[] {
  const prose = pages.map(({ path, text }) => ({ path, text: text.replace(/^```.*?^```$|\]\([^)]*\)/gms, (hidden) => hidden.replace(/./g, " ")) }));
  return eachMatch(prose, pathPattern(), (page, [path]) => {
    const isThere = ["", "src", "test", dirname(page.path)].some((folder) => existsSync(join(repositoryRoot, folder, path)));
    return isThere ? undefined : `there is no ${path}`;
  });
}

/** Code spans like `Exchange.start()` or `choose()`: a function of that name must be in src/. */
export function unknownFunctions(pages: readonly Page[], modules: readonly SourceModule[]): string[] {
  const names = new Set<string>();
  for (const module of modules) {
    walk(module, (node) => {
      if ((ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node)) && node.name !== undefined) {
        names.add(node.name.getText());
        if (ts.isClassDeclaration(node.parent)) names.add(`${node.parent.name?.text ?? ""}.${node.name.getText()}`);
      }
    });
  }
  return eachMatch(pages, /`(\w+(?:\.\w+)?)\(\)`/g, (_page, [, name = ""]) => (names.has(name) ? undefined : `there is no function ${name}`));
}

/** `npm run X`, `npx lintel X`, `lintel X`: scripts and commands that are there. */
export function unknownCommands(pages: readonly Page[], scripts: readonly string[], commands: readonly string[]): string[] {
  return [
    ...eachMatch(pages, /npm run (?:--silent )?([\w:-]+)/g, (_page, [, name = ""]) => (scripts.includes(name) ? undefined : `package.json has no script ${name}`)),
    ...eachMatch(pages, /(?:npx |`)lintel ([a-z]+)\b/g, (_page, [, name = ""]) => (commands.includes(name) ? undefined : `there is no command lintel ${name}`)),
  ];
}

/** `lintel_requests_total`: a metric of that name must be in src/; a histogram has three. */
export function unknownMetrics(pages: readonly Page[], modules: readonly SourceModule[]): string[] {
  const names = new Set(modules.flatMap(({ source }) => [...source.text.matchAll(/"(lintel_[a-z_]+)"/g)].map(([, name]) => name)));
  return eachMatch(pages, /\blintel(?:_[a-z]+)+\b/g, (_page, [name]) => (names.has(name.replace(/_(?:bucket|sum|count)$/, "")) || names.has(name) ? undefined : `there is no metric ${name}`));
}

/** The comments of a module as a page, its code left blank so that lines stay where they are. */
export function commentsOf({ path, source }: SourceModule): Page {
  const { text } = source;
  let revealed = "";
  const reveal = (ranges: readonly ts.CommentRange[] | undefined): void => {
    for (const { pos, end } of ranges ?? []) {
      if (pos < revealed.length) continue;
      revealed += text.slice(revealed.length, pos).replace(/./g, " ") + text.slice(pos, end);
    }
  };
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(source);
    for (const child of children) visit(child);
    if (children.length > 0) return;
    reveal(ts.getLeadingCommentRanges(text, node.pos));
    reveal(ts.getTrailingCommentRanges(text, node.end));
  };
  visit(source);
  return { path, text: revealed };
}

function pathPattern(): RegExp {
  const file = String.raw`(?:[\w-]+\/)+[\w.-]+\.(?:ts|mjs|md|proto)\b|docs\/(?:[\w-]+\/)*[\w-]+(?:\.\w+)+`;
  const folder = String.raw`(?:src|test|docs|scripts|proto|bench)\/(?:[\w-]+\/)*`;
  return new RegExp(String.raw`(?<![\w/.:@-])(?:${file}|${folder}(?![\w.*{/-]))`, "g");
}

/** As GitHub makes them from headings. */
function headingsOf(path: string): string[] {
  const text = readFileSync(join(repositoryRoot, path), "utf8");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-"));
}

function eachMatch(pages: readonly Page[], pattern: RegExp, fault: (page: Page, match: RegExpMatchArray & { 0: string }) => string | undefined): string[] {
  return pages.flatMap((page) =>
    [...page.text.matchAll(pattern)].flatMap((match) => {
      const sentence = fault(page, match);
      const line = page.text.slice(0, match.index).split("\n").length;
      return sentence === undefined ? [] : [`${page.path}:${line}: ${sentence}`];
    }),
  );
}
