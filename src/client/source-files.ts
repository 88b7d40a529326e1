/**
 * From what was named on the command line to the files to lint. A file that is named is always taken; a
 * folder is walked, and what in it is not worth sending is left out, each with its reason.
 */
import ignore, { type Ignore } from "ignore";
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { codeOf } from "../base/errors.js";
import { unnamedFile } from "../formats/file-report.js";
import { IgnoreRules, patternPath } from "./ignore-rules.js";
import type { LanguageList } from "./language-list.js";

export interface SourceFile {
  /** Absolute, or `unnamedFile` for stdin. */
  readonly path: string;
  /** As it is shown: relative to the working folder when it is inside, with "/". */
  readonly name: string;
  readonly language: string;
  /** Named by the user, not found in a folder. */
  readonly named: boolean;
}

export type SkipReason = "ignored" | "excluded" | "no linter for it" | "too large" | "binary" | "dot folder" | "node_modules" | "symbolic link" | "not a file";

export interface Skipped {
  readonly name: string;
  readonly reason: SkipReason;
}

export interface Failed {
  readonly name: string;
  /** One sentence without the file's name. */
  readonly message: string;
}

export interface SourceFiles {
  /** Each once, sorted by name (by UTF-16 code units: the same everywhere). */
  readonly files: readonly SourceFile[];
  readonly skipped: readonly Skipped[];
  readonly failed: readonly Failed[];
}

export interface FindOptions {
  readonly cwd: string;
  readonly languages: LanguageList;
  /** Lint everything named as this; in folders, only its files. */
  readonly language?: string;
  /** The name of what comes on stdin. */
  readonly stdinFilename?: string;
  /** Patterns as in `.gitignore`, relative to `cwd`. They leave out named files too. */
  readonly exclude: readonly string[];
  readonly gitignore: boolean;
  /** Larger files in folders are left out: they are data or generated. */
  readonly bytesMax: number;
}

/** The service's own default limit on a source (design: `bodyBytesMax`). */
export const walkedBytesMax = 1024 * 1024;

/** Rejects only for what the file system should never do. */
export async function findSourceFiles(named: readonly string[], options: FindOptions): Promise<SourceFiles> {
  const finder = new Finder(options);
  for (const path of named) await finder.take(path);
  return finder.result();
}

class Finder {
  readonly #options: FindOptions;
  readonly #excluded: Ignore;
  readonly #files = new Map<string, SourceFile>();
  readonly #skipped: Skipped[] = [];
  readonly #failed: Failed[] = [];

  constructor(options: FindOptions) {
    this.#options = options;
    this.#excluded = ignore().add([...options.exclude]);
  }

  result(): SourceFiles {
    const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0);
    return { files: [...this.#files.values()].sort(byName), skipped: this.#skipped.sort(byName), failed: this.#failed.sort(byName) };
  }

  async take(given: string): Promise<void> {
    if (given === unnamedFile) {
      this.#takeNamed(unnamedFile, this.#options.stdinFilename ?? unnamedFile);
      return;
    }
    const path = resolve(this.#options.cwd, given);
    const name = this.#nameOf(path);
    try {
      const isFolder = (await stat(path)).isDirectory();
      if (this.#isExcluded(path, isFolder, path)) this.#skip(path, "excluded");
      else if (isFolder) await this.#walk(path);
      else this.#takeNamed(path, name);
    } catch (error) {
      this.#failed.push({ name, message: readFailure(error) });
    }
  }

  /** A language that was asked for holds for whatever was named; else the name must tell. */
  #takeNamed(path: string, name: string): void {
    const { languages } = this.#options;
    const language = this.#options.language ?? languages.of(name)?.language;
    if (language !== undefined) this.#files.set(path, { path, name, language, named: true });
    else if (name === unnamedFile) this.#failed.push({ name, message: "the language of standard input is not known; add --language or --stdin-filename" });
    else this.#failed.push({ name, message: `no language here has this extension; the languages are: ${languages.describe()}; --language chooses one` });
  }

  async #walk(root: string): Promise<void> {
    const waiting = [{ folder: root, above: this.#options.gitignore ? await IgnoreRules.around(root) : IgnoreRules.none }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const rules = this.#options.gitignore && next.folder !== root ? await next.above.enter(next.folder) : next.above;
      let entries: Dirent[];
      try {
        entries = await readdir(next.folder, { withFileTypes: true });
      } catch (error) {
        this.#failed.push({ name: this.#nameOf(next.folder), message: readFailure(error) });
        continue;
      }
      for (const entry of entries) {
        const path = join(next.folder, entry.name);
        const reason = this.#reasonToSkip(entry, path, root, rules);
        if (reason !== undefined) this.#skip(path, reason);
        else if (entry.isDirectory()) waiting.push({ folder: path, above: rules });
        else await this.#takeFound(path);
      }
    }
  }

  /** What needs no look at the file itself. */
  #reasonToSkip(entry: Dirent, path: string, root: string, rules: IgnoreRules): SkipReason | undefined {
    const isFolder = entry.isDirectory();
    // A link leads to what is linted where it lies, or out of the folder, or round in circles.
    if (entry.isSymbolicLink()) return "symbolic link";
    if (isFolder && entry.name === "node_modules") return "node_modules";
    if (isFolder && entry.name.startsWith(".")) return "dot folder";
    if (this.#isExcluded(path, isFolder, root)) return "excluded";
    if (rules.ignores(path, isFolder)) return "ignored";
    if (isFolder) return undefined;
    if (!entry.isFile()) return "not a file";
    const language = this.#options.languages.of(entry.name)?.language;
    if (language === undefined || (this.#options.language !== undefined && language !== this.#options.language)) return "no linter for it";
    return undefined;
  }

  async #takeFound(path: string): Promise<void> {
    const name = this.#nameOf(path);
    const language = this.#options.languages.of(name)?.language;
    if (language === undefined || this.#files.has(path)) return;
    try {
      if ((await stat(path)).size > this.#options.bytesMax) this.#skip(path, "too large");
      else this.#files.set(path, { path, name, language, named: false });
    } catch (error) {
      this.#failed.push({ name, message: readFailure(error) });
    }
  }

  #skip(path: string, reason: SkipReason): void {
    this.#skipped.push({ name: this.#nameOf(path), reason });
  }

  /** Patterns are relative to the working folder; outside of it, to the folder that was named. */
  #isExcluded(path: string, isFolder: boolean, root: string): boolean {
    const { cwd } = this.#options;
    const base = [cwd, root].find((folder) => isInside(folder, path)) ?? dirname(path);
    return path !== cwd && this.#excluded.ignores(patternPath(base, path, isFolder));
  }

  #nameOf(path: string): string {
    const { cwd } = this.#options;
    const inner = path === cwd ? "." : isInside(cwd, path) ? relative(cwd, path) : path;
    return inner.split(sep).join("/");
  }
}

function isInside(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Why a path could not be read, for people. */
export function readFailure(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no such file or folder";
    case "EACCES":
    case "EPERM":
      return "it may not be read (permission denied)";
    default:
      return `it cannot be read (${codeOf(error)})`;
  }
}
