/** The page's files over HTTP, from a real service: what browsers, caches and others get. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import t from "tap";
import { ask, connect } from "../support/raw-http.js";
import { startUp } from "../support/service.js";
import { repositoryRoot } from "../support/source-module.js";
import { problemOf } from "./http-service.js";

const json = 'languages: { json: { versions: [{ version: "1", run: { builtin: json, threads: 1 } }] } }';
const browser = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip, deflate, br" };

void t.test("the page and its files", async (t) => {
  const service = await startUp(t, { config: json });
  const page = await ask(service, { path: "/", headers: browser });
  const html = brotliDecompressSync(page.body).toString();
  const named = [...html.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map((match) => `/${match[1]!}`);

  await t.test("a browser gets the page at /, others the text", async (t) => {
    t.match(page.headers, { "content-type": "text/html; charset=utf-8", "content-encoding": "br", "cache-control": "no-cache", "content-security-policy": /script-src 'self'/ });
    t.match(html, /^<!doctype html>/);
    const text = await ask(service, { path: "/", headers: { Accept: "*/*" } });
    t.match([text.headers["content-type"], text.headers["vary"], text.text], ["text/plain; charset=utf-8", "Accept", /POST a source file/]);
    t.equal((await ask(service, { path: "/", headers: { ...browser, "Accept-Encoding": "" } })).text, html);
  });

  await t.test("everything the page names is there, for ever, in every encoding", async (t) => {
    t.equal(named.length, 5, "script, theme, style, icon, licences");
    for (const path of named) {
      const plain = await ask(service, { path });
      const br = await ask(service, { path, headers: { "Accept-Encoding": "br" } });
      const gzip = await ask(service, { path, headers: { "Accept-Encoding": "gzip" } });
      t.match([path, plain.status, plain.headers["cache-control"]], [path, 200, /immutable/]);
      t.ok(plain.body.equals(br.headers["content-encoding"] === "br" ? brotliDecompressSync(br.body) : br.body));
      t.ok(plain.body.equals(gzip.headers["content-encoding"] === "gzip" ? gunzipSync(gzip.body) : gzip.body));
      const known = await ask(service, { path, headers: { "Accept-Encoding": "br", "If-None-Match": br.headers["etag"]! } });
      t.match([known.status, known.headers["etag"], known.body.length], [304, br.headers["etag"], 0]);
    }
    const types = new Map(named.map((path) => [path.slice(path.lastIndexOf(".")), path]));
    for (const [ending, type] of [[".js", "text/javascript; charset=utf-8"], [".css", "text/css; charset=utf-8"], [".svg", "image/svg+xml"], [".txt", "text/plain; charset=utf-8"]] as const) {
      t.equal((await ask(service, { path: types.get(ending)! })).headers["content-type"], type);
    }
  });

  await t.test("HEAD answers as GET would, without the body, on a connection that stays usable", async (t) => {
    const connection = await connect(service);
    for (const path of ["/", ...named]) {
      const rest = `${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: same\r\nAccept: text/html\r\nAccept-Encoding: br\r\n\r\n`;
      connection.write(`HEAD ${rest}`);
      const head = await connection.reply({ head: true });
      connection.write(`GET ${rest}`);
      const get = await connection.reply();
      t.same([path, head.statusLine, { ...head.headers, date: "" }], [path, get.statusLine, { ...get.headers, date: "" }]);
    }
    connection.close();
  });

  await t.test("other methods and other paths are refused", async (t) => {
    const [path = ""] = named;
    t.match(problemOf(await ask(service, { method: "POST", path, body: "x" })), { status: 405, detail: "Use GET, HEAD, OPTIONS." });
    t.equal((await ask(service, { method: "OPTIONS", path })).headers["allow"], "GET, HEAD, OPTIONS");
    for (const none of ["/assets/", "/assets/none.js", "/index.html", `${path}.br`, "/assets/../index.html", "/assets/..%2findex.html"]) t.match(problemOf(await ask(service, { path: none })), { status: 404 });
  });
});

void t.test("without the page everybody gets the text", async (t) => {
  const service = await startUp(t, { config: `http: { page: false }\n${json}` });
  t.equal((await ask(service, { path: "/", headers: browser })).headers["content-type"], "text/plain; charset=utf-8");
  t.match(problemOf(await ask(service, { path: largestAsset() })), { status: 404 });
});

/** Of the last build, which is the one that is served. */
function largestAsset(): string {
  const folder = join(repositoryRoot, "dist/web/page/assets");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  return `/assets/${scripts.find((name) => name.startsWith("chunk-")) ?? ""}`;
}
