/**
 * What no single key can show: duplicates, conflicts, settings that defeat each other. Reads the file's plain
 * data, also when other parts of it are wrong, so that all problems are told at once; whatever does not have
 * its type is passed over here, because the schema already said so.
 */
import { formatAddress, isLoopback, parseAddress, throughLoopback } from "./address.js";
import { environmentNamePattern, languageNamePattern } from "./configuration-schema.js";
import { type PathStep, type Problem, quote, renderPath } from "./problem.js";
import { formatSize } from "./quantities.js";
import { locate } from "./schema-problems.js";
import type { Configuration } from "./configuration.js";
import type { Located, YamlSource } from "./yaml-source.js";

/** Who reads the file: a balancer cannot start linters, `lintel up` can. */
export type ConfigurationRole = "balancer" | "up";

/** Places a language's parts in the file. */
interface Place {
  readonly node: Located;
  readonly path: readonly PathStep[];
}

export function crossProblems(root: Located, source: YamlSource, role: ConfigurationRole): Problem[] {
  const check = new CrossCheck(source, role);
  for (const language of entriesAt({ node: root, path: [] }, "languages")) check.language(language);
  return check.problems;
}

class CrossCheck {
  readonly problems: Problem[] = [];
  private readonly extensions = new Map<string, Place>();
  private readonly workers = new Map<string, Place>();

  constructor(
    private readonly source: YamlSource,
    private readonly role: ConfigurationRole,
  ) {}

  language(language: Place): void {
    const name = String(language.path.at(-1));
    if (!languageNamePattern.test(name)) {
      this.report(language, true, `${quote(name)} cannot be a language's name; expected up to 64 lower-case letters, digits and + # . - that start with a letter or digit`);
    }
    for (const extension of itemsAt(language, "extensions")) {
      if (typeof extension.node.value === "string") this.once(this.extensions, extension.node.value.toLowerCase(), extension, "extension");
    }
    const versions = new Map<string, Place>();
    for (const version of itemsAt(language, "versions")) {
      const label = childOf(version, "version");
      if (typeof label?.node.value === "string") this.once(versions, label.node.value, label, "version");
      for (const worker of itemsAt(version, "workers")) this.worker(worker);
      const run = childOf(version, "run");
      if (run !== undefined) this.run(run);
    }
  }

  private worker(worker: Place): void {
    const address = typeof worker.node.value === "string" ? parseAddress(worker.node.value, { portZero: false }) : undefined;
    if (address !== undefined) this.once(this.workers, formatAddress(address), worker, "worker");
  }

  private run(run: Place): void {
    if (this.role === "balancer") {
      this.report(run, true, "a balancer does not start linters; start them elsewhere and list their addresses under workers, or use this file with `lintel up --config`");
    }
    if (typeof run.node.value !== "object" || Array.isArray(run.node.value) || run.node.value === null) return;
    const [builtin, command, report] = ["builtin", "command", "report"].map((key) => childOf(run, key));
    if (builtin === undefined && command === undefined) this.report(run, false, "names nothing to run; expected builtin or command");
    if (builtin !== undefined && command !== undefined) this.report(command, true, "builtin and command exclude each other; remove one of them");
    if (builtin !== undefined && command === undefined && report !== undefined) this.report(report, true, "a built-in linter has one report format; report belongs to command");
    for (const program of command === undefined ? [] : [childOf(command, 0)]) {
      if (program?.node.value === "") this.report(program, false, "found empty text, expected the name or path of a program");
    }
    for (const variable of entriesAt(run, "environment")) {
      const name = String(variable.path.at(-1));
      if (!environmentNamePattern.test(name)) this.report(variable, true, `${quote(name)} cannot be the name of an environment variable; expected letters, digits and _`);
    }
  }

  private once(known: Map<string, Place>, value: string, place: Place, what: string): void {
    const earlier = known.get(value);
    if (earlier === undefined) {
      known.set(value, place);
      return;
    }
    const { line } = this.source.problem([], earlier.node.offset, "");
    this.report(place, false, `the ${what} ${quote(value)} is already at ${renderPath(earlier.path)} on line ${line}; it can only be in one place`);
  }

  private report(place: Place, atKey: boolean, message: string): void {
    this.problems.push(this.source.problem(place.path, atKey ? (place.node.keyOffset ?? place.node.offset) : place.node.offset, message));
  }
}

function childOf(place: Place, step: PathStep): Place | undefined {
  const node = place.node.children.get(step);
  return node === undefined ? undefined : { node, path: [...place.path, step] };
}

function entriesAt(place: Place, key: string): Place[] {
  const inner = childOf(place, key);
  return inner === undefined ? [] : Array.from(inner.node.children, ([step, node]) => ({ node, path: [...inner.path, step] }));
}

function itemsAt(place: Place, key: string): Place[] {
  return entriesAt(place, key).filter(({ path }) => typeof path.at(-1) === "number");
}

/** Settings that are each right and defeat each other. Refused: nothing good can come of them. */
export function contradictions(configuration: Configuration, root: Located, source: YamlSource): Problem[] {
  return [...proxyProtocolProblems(configuration, root, source), ...bodyBytesProblems(configuration, root, source)];
}

function proxyProtocolProblems({ http: { listen, proxyProtocol } }: Configuration, root: Located, source: YamlSource): Problem[] {
  if (proxyProtocol.listen === undefined || throughLoopback(listen.host) !== undefined) return [];
  const path = ["http", "proxyProtocol"];
  return [source.problem(path, locate(root, path).node.offset, `its connections go on to http.listen from IPv4's loopback, which does not reach ${formatAddress(listen)}; listen on an IPv4 address, 0.0.0.0 or [::]`)];
}

function bodyBytesProblems({ http, limits }: Configuration, root: Located, source: YamlSource): Problem[] {
  if (http.bodyBytesMax <= limits.bodyBytesHeldPerShardMax) return [];
  const path = locate(root, ["http", "bodyBytesMax"]).missing ? ["limits", "bodyBytesHeldPerShardMax"] : ["http", "bodyBytesMax"];
  const message = `a body of http.bodyBytesMax (${formatSize(http.bodyBytesMax)}) does not fit into limits.bodyBytesHeldPerShardMax (${formatSize(limits.bodyBytesHeldPerShardMax)}); raise the second or lower the first`;
  return [source.problem(path, locate(root, path).node.offset, message)];
}

/** What works and is likely not meant. */
export function warningsOf(configuration: Configuration, root: Located, source: YamlSource, role: ConfigurationRole): Problem[] {
  const warnings: Problem[] = [];
  const warn = (path: readonly PathStep[], message: string): void => {
    const { node } = locate(root, path);
    warnings.push(source.problem(path, node.keyOffset ?? node.offset, message));
  };
  const { admin, limits, languages } = configuration;
  if (languages.length === 0 && role === "balancer") warn(["languages"], "no languages, so a balancer serves nothing; `lintel up` would start the built-in ones");
  if (!isLoopback(admin.listen.host)) warn(["admin", "listen"], `${formatAddress(admin.listen)} is not a loopback address; a balancer refuses to listen there without authentication`);
  if (limits.attemptTimeoutMs > limits.deadlineMs) warn(["limits", "attemptTimeoutMs"], "longer than limits.deadlineMs, so it never takes effect");
  if (limits.drainQuietMs > limits.drainTimeoutMs) warn(["limits", "drainQuietMs"], "longer than limits.drainTimeoutMs, so it never takes effect");
  for (const language of languages) {
    const path = ["languages", language.language];
    if (language.versions.every((version) => version.weight === 0)) warn([...path, "versions"], `every version has weight 0, so no request for ${language.language} is answered`);
    for (const [index, version] of language.versions.entries()) {
      if (version.workers.length === 0 && version.run === undefined) warn([...path, "versions", index], `version ${quote(version.version)} has neither workers nor run, so nothing serves it`);
    }
  }
  return warnings;
}
