// Compiles everything into dist/ and marks the build's time, so that scripts/setup.mjs knows when to build again.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { buildWeb } from "./build-web.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
removeOrphans("dist");
// The compiler believes its notes and does not look whether the output is still there.
if (!existsSync(join(root, "dist/src/main.js"))) rmSync(join(root, "dist/.tsbuildinfo"), { force: true });
const compiled = new Promise((resolve) => {
  const tsc = spawn(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", root], { stdio: "inherit" });
  tsc.once("exit", resolve);
});
// Beside it: the compiler has one thread. The pages' types are checked by npm run lint.
const bundled = buildWeb(root).then(
  () => 0,
  (error) => {
    console.error(`web/: ${error instanceof Error ? error.message : error}`);
    return 1;
  },
);
if ((await compiled) !== 0 || (await bundled) !== 0) process.exit(1);
chmodSync(join(root, "dist/src/main.js"), 0o755);
const now = new Date();
utimesSync(join(root, "dist/.tsbuildinfo"), now, now);

/** A test whose source was deleted must not go on running from dist/. */
function removeOrphans(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(folder, entry.name);
    // Cleared by scripts/build-web.mjs.
    if (inner === "dist/web") continue;
    if (entry.isDirectory()) removeOrphans(inner);
    else if (/\.js(\.map)?$/.test(entry.name) && !existsSync(join(root, inner.slice("dist/".length).replace(/\.js(\.map)?$/, ".ts")))) {
      rmSync(join(root, inner));
    }
  }
}
