/** Real source files of this checkout's dependencies, as input for loads. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadFile } from "./open-load.js";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** Up to `count` JSON files of 200 bytes to 20 KB, in a fixed order, as requests to lint them as `language`. */
export function realJsonFiles(count: number, language = "json"): LoadFile[] {
  const files: LoadFile[] = [];
  for (const name of readdirSync(modules).sort()) {
    const path = join(modules, name, "package.json");
    try {
      const { size } = statSync(path);
      if (size < 200 || size > 20_000) continue;
      files.push({ path: `/v1/lint/${language}?filename=${name}.json`, source: readFileSync(path) });
    } catch {
      continue;
    }
    if (files.length === count) break;
  }
  return files;
}
