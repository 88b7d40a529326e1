/** What is answered to a GET of a page's file: the choice of encoding, entity tags, what caches are told. */
import t from "tap";
import type { PageFile } from "../../src/shard/page-files.js";
import { pageReply, prefersHtml } from "../../src/shard/page-reply.js";

const asset: PageFile = {
  path: "assets/page-ABC.js",
  mediaType: "text/javascript; charset=utf-8",
  immutable: true,
  hash: "0123456789abcdef",
  bodies: { identity: Buffer.from("as it is"), gzip: Buffer.from("gzip"), br: Buffer.from("br") },
};
const index: PageFile = { ...asset, path: "", mediaType: "text/html; charset=utf-8", immutable: false };
const icon: PageFile = { ...asset, path: "assets/icon.svg", bodies: { identity: Buffer.from("as it is") } };

const get = (file: PageFile, acceptEncoding = "", ifNoneMatch = "") => {
  const { status, headers, body } = pageReply(file, { acceptEncoding, ifNoneMatch });
  return { status, headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])), body: body === undefined ? undefined : Buffer.from(body).toString() };
};

void t.test("the smallest encoding that the client takes is chosen", (t) => {
  for (const [accepted, chosen] of [
    ["", undefined],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["GZIP;q=0.5, BR;q=0.1", "br"],
    ["br;q=0, gzip", "gzip"],
    ["br; q=0, *", "gzip"],
    ["*", "br"],
    ["*;q=0", undefined],
    ["identity", undefined],
    ["deflate", undefined],
    ["br;q=nonsense", undefined],
  ] as const) {
    const reply = get(asset, accepted);
    t.same([accepted, reply.headers["content-encoding"], reply.body], [accepted, chosen, chosen ?? "as it is"]);
    t.equal(reply.headers["vary"], "Accept-Encoding");
  }
  t.equal(get(icon, "br, gzip").headers["content-encoding"], undefined, "what did not get smaller is sent as it is");
  t.end();
});

void t.test("entity tags name the content and its encoding, and answer conditional requests", (t) => {
  const tag = get(asset, "br").headers["etag"];
  t.equal(tag, '"0123456789abcdef-br"');
  t.not(get(asset, "gzip").headers["etag"], tag);
  for (const condition of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
    const reply = get(asset, "br", condition);
    t.match([condition, reply], [condition, { status: "304 Not Modified", body: undefined, headers: { etag: tag, "cache-control": /immutable/, vary: "Accept-Encoding" } }]);
    t.notOk("content-type" in reply.headers);
  }
  t.equal(get(asset, "gzip", tag).status, "200 OK");
  t.equal(get(asset, "br", '"other"').status, "200 OK");
  t.end();
});

void t.test("what has a hash in its name may be kept for ever, the page is asked for again", (t) => {
  t.match(get(asset).headers, { "cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff" });
  t.match(get(index).headers, { "cache-control": "no-cache", vary: "Accept, Accept-Encoding" });
  t.end();
});

void t.test("the page may load what its own host serves as files, and nothing else", (t) => {
  const policy = get(index).headers["content-security-policy"] ?? "";
  t.match(policy, /default-src 'none'/);
  t.match(policy, /frame-ancestors 'none'/);
  t.notMatch(policy, /unsafe|data:|blob:|https?:|\*/);
  t.end();
});

void t.test("browsers want HTML, other clients text", (t) => {
  for (const [accept, html] of [
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", true],
    ["text/html", true],
    ["text/plain, text/html;q=0.9", false],
    ["text/html;q=0", false],
    ["", false],
    ["*/*", false],
    ["text/*", false],
    ["application/json", false],
    ["text/plain", false],
    ["text/html, text/plain", false],
  ] as const) {
    t.same([accept, prefersHtml(accept)], [accept, html]);
  }
  t.end();
});
