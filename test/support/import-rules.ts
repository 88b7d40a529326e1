/**
 * Who may import whom. The table is the rule: a folder of src/ may import the folders in its line and no other.
 * Every rule here is a function from modules to sentences "file:line: what is wrong and what holds".
 */
import { importsOf, type Import, type SourceModule } from "./source-module.js";

/**
 * From the bottom up: a folder stands below everything that imports it, which is what keeps the imports going one way. What
 * begins with "src/" is a single module: the only one of its folder that may be imported here.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  formats: ["base"],
  snapshot: ["base"],
  // Names of all metrics, and what a scrape gets; not where the numbers come from.
  metrics: ["base", "snapshot"],
  http2: ["base"],
  balancing: ["base", "snapshot"],
  upstream: ["base", "snapshot", "http2", "balancing"],
  shard: ["base", "formats", "snapshot", "balancing", "upstream"],
  // gRPC for everything but the hot path: definitions from proto/, TLS, tokens; no service's meaning.
  rpc: ["base"],
  // The API server's client: requests, list and watch, leases; not what the objects are for.
  kubernetes: ["base"],
  // Yields snapshots and knows no shard.
  "manager-link": ["base", "snapshot", "rpc", "kubernetes"],
  balancer: ["base", "snapshot", "metrics", "manager-link", "balancing", "shard"],
  // A worker knows the contract in proto/ and the report; of balancers nothing.
  linter: ["base", "formats", "rpc"],
  manager: ["base", "snapshot", "metrics", "rpc", "kubernetes", "src/linter/analyzers/builtin-versions.ts"],
  standalone: ["base", "snapshot", "manager-link", "manager", "src/linter/analyzers/builtin-versions.ts"],
  client: ["base", "formats", "rpc"],
  commands: ["base", "formats", "snapshot", "metrics", "rpc", "kubernetes", "manager-link", "balancer", "linter", "manager", "standalone", "client"],
  // The map: commands, each loaded when it is asked for.
  "main.ts": ["commands"],
};

/** Packages that would pull a decision out of its place if they were imported anywhere else. */
export const packageHomes: Readonly<Record<string, readonly string[]>> = {
  "uWebSockets.js": ["shard"],
  "@grpc/grpc-js": ["linter", "rpc", "manager", "manager-link", "client"],
  "@grpc/proto-loader": ["rpc"],
  piscina: ["linter"],
  "prom-client": ["metrics"],
  "hdr-histogram-js": ["balancer"],
  zod: ["snapshot", "linter", "manager"],
  commander: ["commands"],
};

/** Pure: they decide or translate, and everything they work on is handed to them. */
const pureFolders = ["balancing", "http2"];
const ioModules = /^node:(child_process|cluster|crypto|dgram|dns|fs|http|http2|https|inspector|net|os|perf_hooks|process|readline|repl|stream|timers|tls|tty|worker_threads)\b/;

export function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Imports point one way. */
export function importsAgainstTheOrder(modules: readonly SourceModule[]): string[] {
  return eachImport(modules, (module, { target, specifier }) => {
    if (target === undefined) return undefined;
    const from = folderOf(module.path);
    const to = folderOf(target);
    if (!target.startsWith("src/")) return `src/ imports ${specifier}: only what is in src/ is part of the program`;
    if (from === to) return undefined;
    const allowed = mayImport[from];
    if (allowed === undefined) return `src/${from} has no line in the table of test/support/import-rules.ts: decide what it may import`;
    if (allowed.includes(to) || allowed.includes(target)) return undefined;
    return `src/${from} may not import ${target} (imports point one way: src/${from} may import ${allowed.join(", ") || "no other folder"})`;
  });
}

/** Every folder may only import what stands above its own line. */
export function tableOutOfOrder(table: Readonly<Record<string, readonly string[]>>): string[] {
  const order = Object.keys(table);
  return order.flatMap((folder, index) =>
    (table[folder] ?? [])
      .map((allowed) => (allowed.startsWith("src/") ? folderOf(allowed) : allowed))
      .filter((allowed) => order.indexOf(allowed) < 0 || order.indexOf(allowed) >= index)
      .map((allowed) => `${folder}: ${allowed} must stand above it`),
  );
}

export function packagesOutOfPlace(modules: readonly SourceModule[]): string[] {
  return eachImport(modules, (module, { packageName }) => {
    const homes = packageName === undefined ? undefined : packageHomes[packageName];
    if (packageName === undefined || homes === undefined || homes.includes(folderOf(module.path))) return undefined;
    return `${packageName} is imported in ${homes.map((home) => `src/${home}`).join(" and ")} only`;
  });
}

export function impureImports(modules: readonly SourceModule[]): string[] {
  return eachImport(modules, (module, { specifier, packageName }) => {
    const folder = folderOf(module.path);
    if (!pureFolders.includes(folder) || (packageName === undefined && !ioModules.test(specifier))) return undefined;
    return `src/${folder} is pure and may not import ${specifier}: no packages, no sockets, no files, no time of its own`;
  });
}

/** What pages may have of src/: it runs in browsers as it is, or is types alone. */
const inBrowsers = ["src/formats/format-name.ts", "src/formats/parse-report.ts", "src/formats/report.ts", "src/balancer/dashboard/picture.ts"];

/** A page imports its own folder of web/, web/base, and of src/ what is known to run in browsers. */
export function importsOutOfThePage(modules: readonly SourceModule[]): string[] {
  return eachImport(modules, (module, { target, specifier }) => {
    if (specifier.startsWith("node:")) return `${specifier} is not there in a browser`;
    if (target === undefined || inBrowsers.includes(target) || target.startsWith("web/base/") || (target.startsWith("web/") && folderOf(target) === folderOf(module.path))) return undefined;
    return `web/${folderOf(module.path)} may not import ${target}: only its own folder, web/base, and ${inBrowsers.join(", ")}`;
  });
}

/** Relative imports that name no module, which the compiler lets pass where only a type is meant. */
export function importsOfNothing(modules: readonly SourceModule[]): string[] {
  const known = new Set(modules.map((module) => module.path));
  return eachImport(modules, (_module, { target, specifier }) => (target === undefined || known.has(target) ? undefined : `there is no ${specifier}`));
}

/**
 * Modules that load each other. What is imported as a type is erased and loads nothing, so two modules of one folder may
 * name each other's types.
 */
export function importCycles(modules: readonly SourceModule[]): string[] {
  const edges = new Map(modules.map((module) => [module.path, importsOf(module).filter(({ target, typeOnly }) => target !== undefined && !typeOnly)]));
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (finished.has(path)) return;
    for (const { target = "", line } of edges.get(path) ?? []) {
      const start = [...trail, path].indexOf(target);
      if (start < 0) visit(target, [...trail, path]);
      else cycles.push(`${path}:${line}: an import cycle: ${[...[...trail, path].slice(start), target].join(" -> ")}`);
    }
    finished.add(path);
  };
  for (const module of modules) visit(module.path, []);
  return cycles;
}

function eachImport(modules: readonly SourceModule[], fault: (module: SourceModule, one: Import) => string | undefined): string[] {
  return modules.flatMap((module) =>
    importsOf(module).flatMap((one) => {
      const sentence = fault(module, one);
      return sentence === undefined ? [] : [`${module.path}:${one.line}: ${sentence}`];
    }),
  );
}
