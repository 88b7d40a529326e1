/**
 * A page's files in memory, as scripts/build-web.mjs made them: read once by the main thread, so that all shards
 * of a process serve the same build for as long as it lives. Must not know requests.
 */
import { createHash } from "node:crypto";
import { assert } from "../base/assert.js";
import { builtFile, builtFiles } from "../base/program.js";

export type Encoding = "br" | "gzip" | "identity";

export interface PageFile {
  /** From the page's own address: "" for the page itself, "assets/page-4KXQ2M.js". */
  readonly path: string;
  readonly mediaType: string;
  /** Whether the path has the content's hash, so that what is at it never changes. */
  readonly immutable: boolean;
  /** Of the content; an entity tag is this and the encoding. */
  readonly hash: string;
  /** `identity` is always there. */
  readonly bodies: Readonly<Partial<Record<Encoding, Uint8Array>>>;
}

const mediaTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** The files of the page in dist/web/NAME; none when it was not built. */
export function readPageFiles(name: string): readonly PageFile[] {
  const folder = `web/${name}`;
  const names = builtFiles(folder);
  if (!names.includes("index.html")) return [];
  return names.filter((one) => !/\.(br|gz)$/.test(one)).map((one) => readPageFile(folder, one));
}

function readPageFile(folder: string, name: string): PageFile {
  const file = `${folder}/${name}`;
  const path = name === "index.html" ? "" : name;
  const mediaType = mediaTypes[file.slice(file.lastIndexOf(".") + 1)];
  assert(mediaType !== undefined, `a page has no files like ${file}`);
  const identity = builtFile(file);
  const gzip = builtFile(`${file}.gz`);
  const br = builtFile(`${file}.br`);
  return {
    path,
    mediaType,
    immutable: path !== "",
    hash: createHash("sha256").update(identity).digest("hex").slice(0, 16),
    bodies: { identity, ...(gzip.length < identity.length && { gzip }), ...(br.length < identity.length && { br }) },
  };
}
