/**
 * Which paths the `.gitignore` files around them leave out, with git's own meaning: a deeper file decides
 * over a higher one. Rules above the folder that was asked for count up to the repository's root.
 */
import ignore, { type Ignore } from "ignore";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

interface RuleFile {
  readonly folder: string;
  readonly rules: Ignore;
}

export class IgnoreRules {
  /** From the highest folder to the deepest. */
  readonly #files: readonly RuleFile[];

  private constructor(files: readonly RuleFile[]) {
    this.#files = files;
  }

  static readonly none = new IgnoreRules([]);

  /** For walking `folder` (absolute): what is above it, and its own. A folder that was asked for is never ignored itself. */
  static async around(folder: string): Promise<IgnoreRules> {
    const above: RuleFile[] = [];
    let inRepository = await exists(join(folder, ".git"));
    for (let at = folder; !inRepository && dirname(at) !== at; ) {
      at = dirname(at);
      const file = await read(at);
      if (file !== undefined) above.unshift(file);
      inRepository = await exists(join(at, ".git"));
    }
    const rules = new IgnoreRules(inRepository ? above : []);
    return (rules.ignores(folder, true) ? IgnoreRules.none : rules).enter(folder);
  }

  /** These rules and those of `folder`'s own file. */
  async enter(folder: string): Promise<IgnoreRules> {
    const file = await read(folder);
    return file === undefined ? this : new IgnoreRules([...this.#files, file]);
  }

  ignores(path: string, isFolder: boolean): boolean {
    for (let at = this.#files.length - 1; at >= 0; at--) {
      const file = this.#files[at];
      if (file === undefined) continue;
      const { ignored, unignored } = file.rules.test(patternPath(file.folder, path, isFolder));
      if (ignored) return true;
      if (unignored) return false;
    }
    return false;
  }
}

/** `path` as patterns of `folder` see it: relative, with "/", folders with one at the end. */
export function patternPath(folder: string, path: string, isFolder: boolean): string {
  const inner = relative(folder, path).split(sep).join("/");
  return isFolder ? `${inner}/` : inner;
}

async function read(folder: string): Promise<RuleFile | undefined> {
  try {
    return { folder, rules: ignore().add(await readFile(join(folder, ".gitignore"), "utf8")) };
  } catch {
    // None there, or none that can be read: git goes on without it too.
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
