/**
 * YAML (so JSON too) into plain data that knows where in the file each part stands. Every text ends in
 * data or in problems, whatever it contains. Must not know what the settings mean.
 */
import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Parser, type YAMLError, type YAMLMap } from "yaml";
import { type PathStep, type Problem, quote, renderPath } from "./problem.js";

/** One value of the file. Offsets count UTF-16 units from its start. */
export interface Located {
  /** Plain data, as JSON would have it. */
  readonly value: unknown;
  readonly offset: number;
  /** Where its key stands, when it has one. */
  readonly keyOffset?: number;
  /** A scalar as the file spells it: 0.90 is the number 0.9. */
  readonly source?: string;
  readonly children: ReadonlyMap<PathStep, Located>;
}

export interface YamlLimits {
  /** Aliases can make a small file stand for billions of values. Ten thousand workers are about 20,000. */
  readonly valuesMax: number;
  /** The deepest setting stands at 8. */
  readonly depthMax: number;
}

export const defaultYamlLimits: YamlLimits = { valuesMax: 200_000, depthMax: 64 };

export class YamlSource {
  private readonly lines = new LineCounter();

  constructor(
    readonly text: string,
    readonly file: string,
    private readonly limits: YamlLimits = defaultYamlLimits,
  ) {
    this.lines.lineStarts.push(0);
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.lines.lineStarts.push(at + 1);
  }

  /** The file's content, or why it has none. Never throws. */
  read(): { readonly kind: "read"; readonly root: Located; readonly problems: readonly Problem[] } | { readonly kind: "unreadable"; readonly problems: readonly Problem[] } {
    const nul = this.text.indexOf("\0");
    if (nul !== -1) return this.unreadable(nul, "a NUL byte; a configuration file is UTF-8 text");
    const tooDeep = deeperThan(this.text, this.limits.depthMax);
    if (tooDeep !== undefined) return this.unreadable(tooDeep, `nested more than ${this.limits.depthMax} levels deep`);
    const document = parseDocument(this.text, { prettyErrors: false, uniqueKeys: false });
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) return { kind: "unreadable", problems: faults.map((fault) => this.problem([], fault.pos[0], explainSyntax(fault))) };
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
      return this.unreadable(0, "the file is empty; it needs at least one setting, such as languages");
    }
    const walk = new Walk(this, document, this.limits);
    const root = walk.visit(document.contents, [], undefined);
    return walk.aborted ? { kind: "unreadable", problems: walk.problems } : { kind: "read", root, problems: walk.problems };
  }

  /** A problem at a place in the file. The place is always on a line that exists. */
  problem(path: readonly PathStep[], offset: number, message: string, details: Pick<Problem, "found" | "expected" | "suggestion"> = {}): Problem {
    const { line, col } = this.lines.linePos(Math.max(0, Math.min(offset, this.text.length - 1)));
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path: renderPath(path), message, ...details };
  }

  private unreadable(offset: number, message: string): { readonly kind: "unreadable"; readonly problems: readonly Problem[] } {
    return { kind: "unreadable", problems: [this.problem([], offset, message)] };
  }
}

/**
 * Where the first value stands that is nested deeper than `depthMax`. To be asked before the document is
 * composed: the composer is recursive, and V8 aborts the whole process when it compiles a regular
 * expression with the stack almost used up (seen with 20,000 opening brackets). The parser is not.
 */
function deeperThan(text: string, depthMax: number): number | undefined {
  const rest = Array.from(new Parser().parse(text), (token) => ({ token, depth: 0 }));
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { token, depth } = next;
    if (depth > depthMax) return token.offset;
    if (token.type === "document" && token.value !== undefined) rest.push({ token: token.value, depth });
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      if (key) rest.push({ token: key, depth: depth + 1 });
      if (value) rest.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

function explainSyntax(fault: YAMLError): string {
  if (fault.code === "MULTIPLE_DOCS") return "a second document starts here; a configuration file holds one (remove the --- line)";
  if (fault.code === "TAG_RESOLVE_FAILED") return `${fault.message.toLowerCase().replace("unresolved tag: ", "unknown tag ")}; only plain values are understood`;
  return `not valid YAML: ${fault.message.charAt(0).toLowerCase()}${fault.message.slice(1)}`;
}

/** Turns nodes into located plain data, with bounds on what aliases can do. */
class Walk {
  readonly problems: Problem[] = [];
  /** Too much, or circular: the data is not to be used. */
  aborted = false;
  private values = 0;
  private readonly open = new Set<Node>();

  constructor(
    private readonly source: YamlSource,
    private readonly document: Document.Parsed,
    private readonly limits: YamlLimits,
  ) {}

  visit(node: unknown, path: readonly PathStep[], keyOffset: number | undefined): Located {
    const resolved = isAlias(node) ? this.resolve(node, path) : (node as Node | null);
    const offset = (node as Node | null)?.range?.[0] ?? keyOffset ?? 0;
    const place = keyOffset === undefined ? { offset } : { offset, keyOffset };
    this.values += 1;
    if (this.values > this.limits.valuesMax) this.abort([], offset, `more than ${this.limits.valuesMax} values; aliases multiply what they stand for`);
    else if (path.length > this.limits.depthMax) this.abort([], offset, `nested more than ${this.limits.depthMax} levels deep`);
    if (this.aborted || resolved === null) return { value: null, ...place, children: new Map() };
    if (isScalar(resolved)) {
      const source = resolved.source === undefined ? {} : { source: resolved.source };
      return { value: resolved.value, ...place, ...source, children: new Map() };
    }
    this.open.add(resolved);
    const children = isMap(resolved) ? this.mapChildren(resolved, path) : this.listChildren(resolved, path);
    this.open.delete(resolved);
    return { value: plain(isMap(resolved), children), ...place, children };
  }

  private listChildren(node: Node, path: readonly PathStep[]): Map<PathStep, Located> {
    const children = new Map<PathStep, Located>();
    if (!isSeq(node)) return children;
    for (const [index, item] of node.items.entries()) {
      if (this.aborted) break;
      children.set(index, this.visit(item, [...path, index], undefined));
    }
    return children;
  }

  private mapChildren(node: YAMLMap, path: readonly PathStep[]): Map<PathStep, Located> {
    const children = new Map<PathStep, Located>();
    for (const pair of node.items) {
      if (this.aborted) break;
      const keyNode = isAlias(pair.key) ? this.resolve(pair.key, path) : pair.key;
      const keyOffset = (pair.key as Node | null)?.range?.[0] ?? node.range?.[0] ?? 0;
      const key = isScalar(keyNode) ? String(keyNode.value) : undefined;
      if (key === undefined || key === "__proto__") {
        this.problems.push(this.source.problem(path, keyOffset, key === undefined ? "a key must be plain text" : `a key cannot be called ${quote(key)}`));
        continue;
      }
      const earlier = children.get(key)?.keyOffset;
      if (earlier !== undefined) {
        const { line } = this.source.problem([], earlier, "");
        this.problems.push(this.source.problem([...path, key], keyOffset, `the key ${quote(key)} is given twice, first on line ${line}; remove one of them`));
        continue;
      }
      children.set(key, this.visit(pair.value, [...path, key], keyOffset));
    }
    return children;
  }

  private resolve(alias: Alias, path: readonly PathStep[]): Node | null {
    const target = alias.resolve(this.document) ?? null;
    const offset = alias.range?.[0] ?? 0;
    if (target === null) this.abort(path, offset, `the alias *${alias.source} has no anchor &${alias.source} before it`);
    else if (this.open.has(target)) this.abort(path, offset, `the alias *${alias.source} contains itself`);
    return this.aborted ? null : target;
  }

  private abort(path: readonly PathStep[], offset: number, message: string): void {
    if (!this.aborted) this.problems.push(this.source.problem(path, offset, message));
    this.aborted = true;
  }
}

function plain(isMapping: boolean, children: ReadonlyMap<PathStep, Located>): unknown {
  if (!isMapping) return Array.from(children.values(), (child) => child.value);
  return Object.fromEntries(Array.from(children, ([key, child]) => [String(key), child.value]));
}
