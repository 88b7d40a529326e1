// Bundles web/ into dist/web/: one folder per page, with what the balancer serves as it is. Every file but index.html has
// its content's hash in its name, and each lies there compressed as well. What has not changed is not compressed again.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";

/** What a browser has to know; the oldest that do are of 2024, as light-dark() in the style sheets asks for. */
const target = ["chrome123", "edge123", "firefox120", "safari17.5"];

/** Pages by their folder in web/. */
const pages = ["page", "dashboard"];

export async function buildWeb(root) {
  await Promise.all(pages.map((page) => buildPage(root, page)));
}

async function buildPage(root, page) {
  const folder = join(root, "dist/web", page);
  const common = { absWorkingDir: root, bundle: true, minify: true, write: false, metafile: true, target, outdir: folder, entryNames: "assets/[name]-[hash]", chunkNames: "assets/[name]-[hash]", legalComments: "none", charset: "utf8", logLevel: "warning" };
  const [scripts, theme] = await Promise.all([
    build({ ...common, entryPoints: { [page]: `web/${page}/main.ts`, [`${page}-style`]: `web/${page}/page.css` }, format: "esm", splitting: true }),
    // A script of its own that needs nothing else: the page waits for it before it is painted.
    build({ ...common, entryPoints: { theme: "web/base/theme.ts" }, format: "iife" }),
  ]);
  const files = new Map();
  for (const { path, contents } of [...scripts.outputFiles, ...theme.outputFiles]) files.set(path.slice(folder.length + 1).replaceAll("\\", "/"), Buffer.from(contents));
  const addHashed = (name, contents) => {
    const hash = createHash("sha256").update(contents).digest("hex").slice(0, 8).toUpperCase();
    const path = `assets/${name.replace(/\./, `-${hash}.`)}`;
    files.set(path, contents);
    return path;
  };
  const entry = (metafile, source) => {
    const [path] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === source) ?? [];
    if (path === undefined) throw new Error(`nothing was made of ${source}`);
    return path.slice(path.indexOf("assets/"));
  };
  const names = {
    script: entry(scripts.metafile, `web/${page}/main.ts`),
    style: entry(scripts.metafile, `web/${page}/page.css`),
    theme: entry(theme.metafile, "web/base/theme.ts"),
    icon: addHashed("icon.svg", readFileSync(join(root, "web/base/icon.svg"))),
    licences: addHashed("licences.txt", licencesOf(root, Object.keys(scripts.metafile.inputs))),
  };
  const html = readFileSync(join(root, "web", page, "index.html"), "utf8").replace(/\{\{(\w+)\}\}/g, (_whole, name) => {
    if (!(name in names)) throw new Error(`web/${page}/index.html asks for {{${name}}}, which is none of ${Object.keys(names).join(", ")}`);
    return names[name];
  });
  await writeFiles(folder, files);
  // Last: it names the others.
  await writeFiles(folder, new Map([["index.html", Buffer.from(html)]]));
  removeOthers(folder, files);
}

/** The licences of the packages a bundle is made of ask to be handed on with it. */
function licencesOf(root, inputs) {
  const packages = new Set(inputs.flatMap((path) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const texts = [...packages].sort().map((path) => {
    const { name, version } = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"));
    const file = readdirSync(join(root, path)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} has no licence to hand on`);
    return `${name} ${version}\n\n${readFileSync(join(root, path, file), "utf8").trim()}\n`;
  });
  return Buffer.from(`This page contains these packages.\n\n${texts.join(`\n${"-".repeat(72)}\n\n`)}`);
}

async function writeFiles(folder, files) {
  await Promise.all(
    [...files].map(async ([name, contents]) => {
      const path = join(folder, name);
      // A name with a hash is there with this very content, or not at all.
      if (name !== "index.html" && existsSync(path) && existsSync(`${path}.br`) && existsSync(`${path}.gz`)) return;
      mkdirSync(dirname(path), { recursive: true });
      const [br, gz] = await Promise.all([
        promisify(brotliCompress)(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } }),
        promisify(gzip)(contents, { level: 9 }),
      ]);
      writeFileSync(`${path}.br`, br);
      writeFileSync(`${path}.gz`, gz);
      writeFileSync(path, contents);
    }),
  );
}

function removeOthers(folder, files) {
  for (const name of readdirSync(join(folder, "assets"))) {
    if (!files.has(`assets/${name.replace(/\.(br|gz)$/, "")}`)) rmSync(join(folder, "assets", name));
  }
}
