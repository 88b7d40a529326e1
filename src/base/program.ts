/**
 * Where the program's own parts are: files beside each other in a checkout, or assets inside one executable file
 * (scripts/build-binary.mjs). The only place that knows which of the two this process is. Must not know what the parts do.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { getAsset, getRawAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import type { WorkerOptions } from "node:worker_threads";
import { loadBeside, loadUnnamed } from "./unnamed-addon.js";

const inOneFile = isSea();

/** A text that is part of the program, by its path in the repository: "docs/openapi.json". */
export function programText(path: string): string {
  return inOneFile ? getAsset(path, "utf8") : readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

/** What to start to run this program again with other arguments, in the same way. */
export function ownCommand(args: readonly string[]): readonly [string, ...string[]] {
  if (inOneFile) return [process.execPath, ...args];
  return [process.execPath, ...process.execArgv, fileURLToPath(new URL("../main.js", import.meta.url)), ...args];
}

/** This process's own arguments: those after the program's name, as commands see them. */
export function ownArguments(): readonly string[] {
  return process.argv.slice(2);
}

/** Where the threads of one executable file find the native HTTP server (see scripts/build-binary.mjs). */
const addonVariable = "LINTEL_ADDON";
let addonPath: string | undefined;

/** The first two arguments of `new Worker` for the program's module src/`module`.ts. */
export function threadOf(module: "shard/thread" | "balancer/proxy-door/thread", options: WorkerOptions): [string | URL, WorkerOptions] {
  if (inOneFile) {
    // Not what a predecessor's environment says: that is another process's file.
    addonPath ??= loadAddon(new Uint8Array(getRawAsset("addon.node") as ArrayBuffer));
    process.env[addonVariable] = addonPath;
    return [getAsset(`${module}.cjs`, "utf8"), { ...options, eval: true }];
  }
  return [new URL(`../${module}.js`, import.meta.url), options];
}

function loadAddon(bytes: Uint8Array): string {
  return loadBeside(`${process.execPath}.node`, bytes) ?? loadUnnamed(bytes);
}

/** A file of proto/lintel/v1: itself, or what was read from it when the one file was made. */
export function protoMessages(file: string): { readonly kind: "file"; readonly path: string } | { readonly kind: "description"; readonly description: object } {
  if (inOneFile) return { kind: "description", description: JSON.parse(getAsset(`proto/${file}.json`, "utf8")) as object };
  return { kind: "file", path: fileURLToPath(new URL(`../../../proto/lintel/v1/${file}`, import.meta.url)) };
}

/** The names of the files that the build put into a folder of dist/, such as "web/page", with those in folders of it; none when it was not built. */
export function builtFiles(folder: string): readonly string[] {
  if (inOneFile) return (JSON.parse(getAsset("built-files.json", "utf8")) as string[]).filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  const path = builtPath(folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [relative(path, join(entry.parentPath, entry.name))] : []));
}

export function builtFile(path: string): Uint8Array {
  return inOneFile ? new Uint8Array(getAsset(path)) : readFileSync(builtPath(path));
}

function builtPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The version of an npm package inside one executable file; undefined in a checkout, where the package says it itself. */
export function bundledVersion(name: string): string | undefined {
  if (!inOneFile) return undefined;
  return (JSON.parse(getAsset("versions.json", "utf8")) as Record<string, string | undefined>)[name];
}
