// Compiles everything into dist/ and marks the build's time, so that scripts/setup.mjs knows when to build again.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const root = fileURLToPath(new URL("..", import.meta.url));
removeOrphans("dist");
// The compiler believes its notes and does not look whether the output is still there.
if (!existsSync(join(root, "dist/src/main.js"))) rmSync(join(root, "dist/.tsbuildinfo"), { force: true });
const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", root], { stdio: "inherit" });
if (tsc.status !== 0) process.exit(1);
chmodSync(join(root, "dist/src/main.js"), 0o755);
const now = new Date();
utimesSync(join(root, "dist/.tsbuildinfo"), now, now);

/** A test whose source was deleted must not go on running from dist/. */
function removeOrphans(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(folder, entry.name);
    if (entry.isDirectory()) removeOrphans(inner);
    else if (/\.js(\.map)?$/.test(entry.name) && !existsSync(join(root, inner.slice("dist/".length).replace(/\.js(\.map)?$/, ".ts")))) {
      rmSync(join(root, inner));
    }
  }
}
