/** Which version of a dependency is installed: what a worker reports as its linter's version. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundledVersion } from "../../base/program.js";

const require = createRequire(import.meta.url);

/** The version of an npm package that this program can import. */
export function packageVersion(name: string): string {
  const bundled = bundledVersion(name);
  if (bundled !== undefined) return bundled;
  for (let folder = dirname(require.resolve(name)); folder !== dirname(folder); folder = dirname(folder)) {
    const found = versionIn(join(folder, "package.json"), name);
    if (found !== undefined) return found;
  }
  throw new Error(`the package ${name} has no package.json above its main file`);
}

function versionIn(path: string, name: string): string | undefined {
  try {
    const manifest = JSON.parse(readFileSync(path, "utf8")) as { name?: string; version?: string };
    return manifest.name === name ? manifest.version : undefined;
  } catch {
    return undefined;
  }
}
