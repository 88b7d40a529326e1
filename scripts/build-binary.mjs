// Makes one executable file of everything: node itself, the program and its dependencies, the native HTTP server (Node's single executable
// application). The same sources and the same node give the same bytes. Needs the compiled dist/ (npm run build) and strip (binutils).
//
//   npm run build:binary [-- OUTPUT]      default dist/lintel
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { inject } from "postject";
import protobuf from "protobufjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);
const output = resolve(process.argv[2] ?? join(root, "dist/lintel"));
const work = mkdtempSync(join(tmpdir(), "lintel-binary-"));
/** Node's mark for where the blob goes. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
/** Tried, and done without where they are not there. */
const absentPackages = ["@napi-rs/nice", "jiti", "jiti/package.json", "source-map-support"];
/** Only written down, in code that ajv would make for a file of its own. */
const writtenDown = ["ajv/dist/runtime/equal"];
const linterPackages = ["stylelint", "yaml", "eslint", "jsonc-parser", "typescript-eslint", "@astral-sh/ruff-wasm-nodejs"];

/** The network threads know the analyzers' names and never load one. */
const withoutAnalyzers = {
  name: "without analyzers",
  setup(builder) {
    builder.onResolve({ filter: /^\.\// }, ({ path, importer, kind }) =>
      kind === "dynamic-import" && importer.endsWith(join("linter", "analyzers", "registry.js")) ? { path, namespace: "no-analyzer" } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: "no-analyzer" }, () => ({ contents: 'throw new Error("only analysis threads load analyzers")' }));
  },
};

/** What loads a file at run time has it as an asset instead. Each replacement must find its place exactly once. */
const partsInsideOneFile = {
  name: "parts inside one file",
  setup(builder) {
    builder.onResolve({ filter: /^uWebSockets\.js$/ }, () => ({ path: "uWebSockets.js", namespace: "addon" }));
    builder.onLoad({ filter: /.*/, namespace: "addon" }, () => ({
      contents: "const addon = { exports: {} }; process.dlopen(addon, process.env.LINTEL_ADDON); module.exports = addon.exports;",
    }));
    replaceIn(builder, /ruff-wasm-nodejs[/\\].*\.js$/, [["require('fs').readFileSync(wasmPath)", 'new Uint8Array(require("node:sea").getRawAsset("ruff.wasm"))']]);
    replaceIn(builder, /piscina[/\\]dist[/\\]worker_pool[/\\]index\.js$/, [
      ["new node_worker_threads_1.Worker(filename, workerOpts)", 'new node_worker_threads_1.Worker(require("node:sea").getAsset("linter/analysis-thread.cjs", "utf8"), { ...workerOpts, eval: true })'],
    ]);
    replaceIn(builder, /stylelint[/\\]lib[/\\]utils[/\\]FileCache\.mjs$/, [["JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))", JSON.stringify({ version: versionOf("stylelint") })]]);
    // Their tables are read by a `require` of their own, which a bundler does not see.
    replaceIn(builder, /stylelint[/\\]lib[/\\](lintPostcssResult|rules[/\\](declaration-property-value|function)-no-unknown[/\\]index|utils[/\\]mathMLTags)\.mjs$/, [["const require = createRequire(import.meta.url);", ""]]);
    replaceIn(builder, /piscina[/\\]dist[/\\]worker\.js$/, [
      ["await Promise.resolve(`${filename}`).then(s => __importStar(require(s)))", `require(${JSON.stringify(join(root, "dist/src/linter/analysis-thread.js"))})`],
    ]);
  },
};

try {
  const assets = { "package.json": join(root, "package.json"), "docs/openapi.json": join(root, "docs/openapi.json") };
  // In camelCase already: who reads a description does not change its names (src/rpc/service-definition.ts).
  for (const file of ["admin.proto", "link.proto", "linter.proto"]) {
    assets[`proto/${file}.json`] = asset(`${file}.json`, JSON.stringify(protobuf.parse(readFileSync(join(root, "proto/lintel/v1", file), "utf8"), { keepCase: false }).root.toJSON({ keepComments: false })));
  }
  assets["versions.json"] = asset("versions.json", JSON.stringify(Object.fromEntries(linterPackages.map((name) => [name, versionOf(name)]))));
  assets["ruff.wasm"] = join(dirname(require.resolve("@astral-sh/ruff-wasm-nodejs")), "ruff_wasm_bg.wasm");
  assets["addon.node"] = join(dirname(fileURLToPath(import.meta.resolve("uWebSockets.js"))), `bin/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`);
  const built = readdirSync(join(root, "dist/web"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const builtPaths = built.map((entry) => relative(join(root, "dist"), join(entry.parentPath, entry.name))).sort();
  for (const path of builtPaths) assets[path] = join(root, "dist", path);
  assets["built-files.json"] = asset("built-files.json", JSON.stringify(builtPaths));
  assets["shard/thread.cjs"] = await bundle("dist/src/shard/thread.js", "thread.cjs");
  assets["balancer/proxy-door/thread.cjs"] = await bundle("dist/src/balancer/proxy-door/thread.js", "proxy-door.cjs");
  // piscina's own thread, with our handler already in it.
  assets["linter/analysis-thread.cjs"] = await bundle("node_modules/piscina/dist/worker.js", "analysis.cjs");
  const main = await bundle("dist/src/main.js", "main.cjs", [withoutAnalyzers]);

  // The blob holds the path of its main script as it is written here.
  const configuration = asset("sea.json", JSON.stringify({ main: basename(main), output: "blob", disableExperimentalSEAWarning: true, useCodeCache: false, assets }));
  execFileSync(process.execPath, ["--experimental-sea-config", configuration], { cwd: work, stdio: "pipe" });
  mkdirSync(dirname(output), { recursive: true });
  const executable = join(work, "lintel");
  copyFileSync(process.execPath, executable);
  // Before the blob goes in: afterwards it would be torn out.
  execFileSync("strip", [executable]);
  await inject(executable, "NODE_SEA_BLOB", readFileSync(join(work, "blob")), { sentinelFuse: fuse });
  chmodSync(executable, 0o755);
  copyFileSync(executable, output);
  process.stdout.write(`${relative(process.cwd(), output)}: ${(statSync(output).size / 1e6).toFixed(0)} MB\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function asset(name, text) {
  const path = join(work, name);
  writeFileSync(path, text);
  return path;
}

function versionOf(name) {
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      if (manifest.name === name) return manifest.version;
    } catch {
      // Not in this folder.
    }
  }
}

/** One CommonJS file with everything in it but Node's own modules. */
async function bundle(entry, name, without = []) {
  const outfile = join(work, name);
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: "node",
    target: `node${process.versions.node.split(".")[0]}`,
    format: "cjs",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "error",
    absWorkingDir: root,
    // Relative paths would be of the machine that made it.
    define: { "import.meta.url": "__programUrl" },
    banner: { js: 'const __programUrl = require("node:url").pathToFileURL(process.execPath).href;' },
    // The builds of these two that load no file of their own at run time.
    alias: { "css-tree": join(root, "node_modules/css-tree/cjs/index.cjs"), "jsonc-parser": join(root, "node_modules/jsonc-parser/lib/esm/main.js") },
    external: absentPackages,
    plugins: [...without, partsInsideOneFile],
  });
  refuseOutsidePackages(outfile);
  return outfile;
}

/** Where the file runs there are no packages beside it; here there are, and what is missing inside would not be noticed. */
function refuseOutsidePackages(bundled) {
  const wanted = [...readFileSync(bundled, "utf8").matchAll(/\brequire\d*\("([^"./][^"]*)"\)/g)].map(([, specifier]) => specifier);
  const outside = [...new Set(wanted)].filter((specifier) => !isBuiltin(specifier) && ![...absentPackages, ...writtenDown].includes(specifier));
  if (outside.length > 0) throw new Error(`${basename(bundled)} would look for ${outside.join(", ")} when it runs`);
}

function replaceIn(builder, filter, replacements) {
  builder.onLoad({ filter }, ({ path }) => {
    let contents = readFileSync(path, "utf8");
    for (const [before, after] of replacements) {
      if (contents.split(before).length !== 2) throw new Error(`${path}: expected exactly one ${before}`);
      contents = contents.replace(before, () => after);
    }
    return { contents, loader: "js" };
  });
}
