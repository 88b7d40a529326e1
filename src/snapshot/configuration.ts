/**
 * The configuration file as data: parsed, checked, every default filled in. Must not read files, and not know
 * who uses the data.
 */
import type { Address } from "./address.js";
import { type CommandReportFormat, configurationJsonSchema, configurationSchema, type ParsedFile } from "./configuration-schema.js";
import { type ConfigurationRole, contradictions, crossProblems, warningsOf } from "./cross-checks.js";
import type { Limits } from "./limits.js";
import { type Problem, sortProblems } from "./problem.js";
import { problemsOfIssues } from "./schema-problems.js";
import type { WorkerEndpoint } from "./snapshot.js";
import { type BuiltinLinter, wellKnownExtensions } from "./well-known-languages.js";
import { YamlSource } from "./yaml-source.js";

export interface Configuration {
  readonly http: {
    readonly listen: Address;
    /** Absolute paths; both "" for plain HTTP. */
    readonly tls: { readonly cert: string; readonly key: string };
    /** Absolute path; "" when anybody may lint. */
    readonly apiKeys: string;
    readonly bodyBytesMax: number;
    /** Whether browsers get a page at "/". */
    readonly page: boolean;
    /** `requests` is 0 for no limit. */
    readonly rateLimit: { readonly requests: number; readonly periodMs: number; readonly burst: number };
    /** Networks, as parseNetwork reads them. */
    readonly trustedProxies: readonly string[];
    /** `listen` is undefined for none; `from` is as trustedProxies. */
    readonly proxyProtocol: { readonly listen: Address | undefined; readonly from: readonly string[] };
    readonly cors: { readonly origins: readonly string[] };
  };
  readonly admin: { readonly listen: Address };
  /** `path` is "" for none, "stderr", or absolute. */
  readonly accessLog: { readonly path: string; readonly sample: number; readonly errors: boolean };
  readonly shards: "auto" | number;
  readonly limits: Limits;
  /** In the order of the file. */
  readonly languages: readonly LanguageConfiguration[];
}

export interface LanguageConfiguration {
  readonly language: string;
  /** With their dot, in lower case. */
  readonly extensions: readonly string[];
  readonly spill: boolean;
  readonly versions: readonly VersionConfiguration[];
}

export interface VersionConfiguration {
  readonly version: string;
  readonly weight: number;
  /** Workers that run elsewhere. */
  readonly workers: readonly WorkerEndpoint[];
  /** Workers to start here; only `lintel up` can. */
  readonly run?: RunConfiguration;
}

interface RunCommon {
  /** Worker processes. */
  readonly workers: number;
  /** Analyses each worker runs at once; not given: as many as its share of the cores. */
  readonly threads?: number;
  readonly environment: Readonly<Record<string, string>>;
}

export type RunConfiguration =
  | (RunCommon & { readonly kind: "builtin"; readonly builtin: BuiltinLinter })
  /** `command` has at least the program. */
  | (RunCommon & { readonly kind: "command"; readonly command: readonly string[]; readonly report: CommandReportFormat });

export type ConfigurationResult =
  | { readonly kind: "valid"; readonly configuration: Configuration; readonly warnings: readonly Problem[] }
  /** At least one. */
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

export interface ParseOptions {
  /** A balancer refuses `run`: it starts nothing. "up" when not given. */
  readonly role?: ConfigurationRole;
}

/**
 * Reads a configuration file's text. Tells every problem, in the order of the file, each with its place;
 * `fileName` is only for them. Never throws.
 */
export function parseConfiguration(text: string, fileName: string, options: ParseOptions = {}): ConfigurationResult {
  const source = new YamlSource(text, fileName);
  const yaml = source.read();
  if (yaml.kind === "unreadable") return { kind: "invalid", problems: sortProblems(yaml.problems) };
  const { root } = yaml;
  const parsed = configurationSchema.safeParse(root.value);
  const role = options.role ?? "up";
  const problems = [...yaml.problems, ...crossProblems(root, source, role)];
  if (!parsed.success) problems.push(...problemsOfIssues(parsed.error.issues, root, source, configurationJsonSchema()));
  if (!parsed.success || problems.length > 0) return { kind: "invalid", problems: sortProblems(problems) };
  const configuration = configurationOf(parsed.data);
  const contradicting = contradictions(configuration, root, source);
  if (contradicting.length > 0) return { kind: "invalid", problems: contradicting };
  return { kind: "valid", configuration, warnings: sortProblems(warningsOf(configuration, root, source, role)) };
}

/** What an empty file would mean if it were allowed: every default, and no language. */
export function defaultConfiguration(): Configuration {
  return configurationOf(configurationSchema.parse({}));
}

function configurationOf(file: ParsedFile): Configuration {
  const claimed = new Set(Object.values(file.languages).flatMap((language) => lowerCase(language.extensions ?? [])));
  const languages = Object.entries(file.languages).map(([language, given]): LanguageConfiguration => {
    // A well-known ending that another language claims in the file is that language's.
    const known = Object.hasOwn(wellKnownExtensions, language) ? (wellKnownExtensions[language] ?? []) : [];
    const extensions = given.extensions === undefined ? known.filter((extension) => !claimed.has(extension)) : lowerCase(given.extensions);
    return { language, extensions, spill: given.spill, versions: given.versions.map(versionOf) };
  });
  return { http: httpOf(file.http), admin: file.admin, accessLog: { ...file.accessLog, path: file.accessLog.path ?? "" }, shards: file.shards, limits: file.limits, languages };
}

function httpOf({ listen, tls = { cert: "", key: "" }, apiKeys = "", bodyBytesMax, page, rateLimit, trustedProxies, proxyProtocol, cors }: ParsedFile["http"]): Configuration["http"] {
  return { listen, tls, apiKeys, bodyBytesMax, page, rateLimit: { ...rateLimit, burst: rateLimit.burst ?? Math.max(1, rateLimit.requests) }, trustedProxies, proxyProtocol: proxyProtocol ?? { listen: undefined, from: [] }, cors };
}

type ParsedVersion = ParsedFile["languages"][string]["versions"][number];

function versionOf({ version, weight, workers, run }: ParsedVersion): VersionConfiguration {
  const base = { version, weight, workers };
  return run === undefined ? base : { ...base, run: runOf(run) };
}

function runOf(run: NonNullable<ParsedVersion["run"]>): RunConfiguration {
  const common = { workers: run.workers, environment: run.environment, ...(run.threads === undefined ? {} : { threads: run.threads }) };
  if (run.builtin !== undefined) return { kind: "builtin", builtin: run.builtin, ...common };
  return { kind: "command", command: run.command ?? [], report: run.report ?? "auto", ...common };
}

function lowerCase(words: readonly string[]): string[] {
  return words.map((word) => word.toLowerCase());
}
