/** What a request can ask for: language, version, format, options; and the headers it may carry. */
import t from "tap";
import type { RawReply } from "../support/raw-http.js";
import { problemOf, startHttpService } from "./http-service.js";

void t.test("what a request asks for", async (t) => {
  const service = await startHttpService(t);
  const { lint } = service;
  const broken = { body: "{" };

  await t.test("every format by name and by media type", async (t) => {
    const starts: Record<string, readonly [mediaType: string, start: RegExp]> = {
      json: ["application/json", /^\{"language":"json"/],
      sarif: ["application/sarif+json", /"version":"2\.1\.0"/],
      text: ["text/plain; charset=utf-8", /^x\.json:1:2: error /],
      rdjson: ["application/vnd.reviewdog.rdjson+json", /"source":/],
      gitlab: ["application/vnd.gitlab.codequality+json", /^\[\{/],
      checkstyle: ["application/xml", /^<\?xml/],
      github: ["text/plain; charset=utf-8", /^::error file=x\.json/],
    };
    for (const [format, [mediaType, start]] of Object.entries(starts)) {
      const named = await lint({ ...broken, path: `/v1/lint?filename=x.json&format=${format}`, headers: { Accept: "image/png" } });
      t.match([named.status, named.headers["content-type"], named.text], [200, mediaType, start], format);
      if (format === "github") continue;
      const accepted = await lint({ ...broken, path: "/v1/lint?filename=x.json", headers: { Accept: mediaType.split(";")[0]! } });
      t.match([accepted.status, accepted.headers["content-type"], accepted.text], [200, mediaType, start], mediaType);
    }
  });

  await t.test("Accept is weighed; nothing that fits is 406, an unknown name 400", async (t) => {
    const mediaTypeFor = async (accept: string): Promise<string> => {
      const { status, headers } = await lint({ headers: { Accept: accept } });
      return status === 200 ? headers["content-type"]! : String(status);
    };
    for (const [accept, mediaType] of [
      ["*/*", "application/json"],
      ["", "application/json"],
      ["text/html,application/xhtml+xml,*/*;q=0.8", "application/json"],
      ["application/sarif+json;q=0.5, text/plain;q=0.9", "text/plain; charset=utf-8"],
      ["text/plain;q=0.2, application/*;q=0.1", "text/plain; charset=utf-8"],
      ["application/json;q=0, */*", "application/sarif+json"],
      ["TEXT/XML", "application/xml"],
      ["image/png", "406"],
      ["application/json;q=0", "406"],
    ] as const) {
      t.equal(await mediaTypeFor(accept), mediaType, accept);
    }
    t.match(problemOf(await lint({ headers: { Accept: "image/png" } })), { code: "not-acceptable", detail: /json, sarif, text/, retryable: false });
    t.match(problemOf(await lint({ path: "/v1/lint/json?format=Sarif" })), { status: 400, code: "unknown-format", detail: /"Sarif".*json, sarif, text/ });
  });

  await t.test("the language: by path, escaped or not, or by the file's ending", async (t) => {
    const languageOf = async (path: string): Promise<unknown> => ((await lint({ path })).json() as { language?: unknown }).language;
    t.equal(await languageOf("/v1/lint/c++"), "c++");
    t.equal(await languageOf("/v1/lint/c%2B%2B"), "c++");
    t.equal(await languageOf("/v1/lint/%6Ason"), "json");
    t.equal(await languageOf("/v1/lint?filename=src/main.cpp"), "c++");
    t.equal(await languageOf("/v1/lint?filename=A.CPP"), "c++");
    t.equal(await languageOf("/v1/lint?filename=a.test.cc"), "c++");
    t.equal(await languageOf("/v1/lint?filename=C%3A%5Csrc%5Cx.json"), "json");
    t.equal(await languageOf("/v1/lint/json?filename=x.cpp"), "json", "the path decides");
    for (const path of ["/v1/lint/rust", "/v1/lint/JSON", "/v1/lint/%zz", "/v1/lint/c%2B", "/v1/lint?filename=x.rs", "/v1/lint?filename=x.cc", "/v1/lint?filename=json", "/v1/lint?filename=dir.cpp/x", "/v1/lint/%F0%9F%98%80", "/v1/lint/__proto__"]) {
      t.match([path, problemOf(await lint({ path }))], [path, { status: 404, code: "unknown-language", detail: /c\+\+, json, waiting, yaml/ }]);
    }
    t.match(problemOf(await lint({ path: "/v1/lint" })), { status: 400, code: "malformed-request", detail: /filename=/ });
    t.match(problemOf(await lint({ path: "/v1/lint?filename=" })), { status: 400 });
  });

  await t.test("the version: by weight, or the one asked for", async (t) => {
    const counts: Record<string, number> = {};
    for (let index = 0; index < 8; index++) {
      const version = (await lint({ path: "/v1/lint/c++" })).headers["lintel-version"]!;
      counts[version] = (counts[version] ?? 0) + 1;
    }
    t.same(counts, { 13: 6, 14: 2 });
    for (const version of ["13", "14"]) t.equal((await lint({ path: `/v1/lint/c++?version=${version}` })).headers["lintel-version"], version);
    t.match(problemOf(await lint({ path: "/v1/lint/c++?version=15" })), { status: 404, code: "unknown-version", detail: /c\+\+ has no version "15".*13, 14/ });
    t.equal((await lint({ path: "/v1/lint/c++?version=" })).status, 200);
  });

  await t.test("options are a JSON object that the linter understands", async (t) => {
    const withOptions = (options: string): Promise<RawReply> => lint({ body: "a: 1\na: 2\n", path: `/v1/lint/yaml?options=${encodeURIComponent(options)}` });
    t.match((await withOptions("{}")).json(), { summary: { errors: 1 } });
    t.match((await withOptions('{"uniqueKeys":false}')).json(), { summary: { errors: 0 } });
    for (const options of ["[]", "1", "null", "{", '"x"', "{}{}"]) t.match([options, problemOf(await withOptions(options))], [options, { status: 400, code: "malformed-request", detail: /JSON object/ }]);
    t.match(problemOf(await withOptions('{"colour":"red"}')), { status: 422, code: "rejected", detail: /colour/, retryable: false });
    const long = (length: number): string => `{}${" ".repeat(length - 2)}`;
    t.equal((await lint({ path: `/v1/lint/yaml?options=${long(16_384).replaceAll(" ", "+")}` })).status, 200);
    t.match(problemOf(await lint({ path: `/v1/lint/yaml?options=${long(16_385).replaceAll(" ", "+")}` })), { status: 400, detail: /16384 characters/ });
  });

  await t.test("a parameter is what it is after decoding, and nothing else", async (t) => {
    const sarifUri = async (query: string): Promise<string> => JSON.stringify((await lint({ path: `/v1/lint/json?format=sarif&${query}` })).json());
    t.match(await sarifUri("filename=a%26version%3D9.json"), /"a%26version%3D9\.json"|"a&version=9\.json"/);
    t.match(await sarifUri("filename=a+b.json&unknown=1"), /"a%20b\.json"/);
    t.match(await sarifUri("&&filename=%C3%A4.json&"), /"%C3%A4\.json"/);
    t.match(problemOf(await lint({ path: "/v1/lint/json?format=%2573arif" })), { detail: /"%73arif"/ });
    for (const query of ["filename=%", "filename=%zz", "filename=%FF", "format=json&format=sarif", "filename=a%00", "filename=a%0Ab", `filename=${"a".repeat(4_097)}`]) {
      t.match([query, problemOf(await lint({ path: `/v1/lint/json?${query}` }))], [query, { status: 400, code: "malformed-request" }]);
    }
    t.equal((await lint({ path: `/v1/lint/json?filename=${"a".repeat(4_096)}` })).status, 200);
  });
});

void t.test("headers", async (t) => {
  const service = await startHttpService(t);
  const { lint } = service;

  await t.test("a report says how it was made", async (t) => {
    const { headers } = await lint();
    t.match(headers, {
      "lintel-linter": /^jsonc-parser \d/,
      "lintel-version": "1.0",
      "lintel-worker": "json-1.0-1",
      "lintel-attempts": "1",
      "server-timing": /^lint;dur=\d+\.\d\d$/,
      "content-type": "application/json",
    });
    t.notOk("lintel-spilled" in headers);
  });

  await t.test("X-Request-Id is taken over when it is well formed, made up when it is not", async (t) => {
    const idFor = async (id: string): Promise<string> => (await lint({ headers: { "X-Request-Id": id } })).headers["x-request-id"]!;
    for (const id of ["a", "7f3c-42:x.y_Z", "x".repeat(128)]) t.equal(await idFor(id), id);
    for (const id of ["", "x".repeat(129), "a b", "a,b", "ä", "<script>", '"a"']) t.match(await idFor(id), /^[0-9a-f]{8}-0-[0-9a-z]+$/, id);
    const made = await Promise.all(Array.from({ length: 20 }, () => idFor("")));
    t.equal(new Set(made).size, 20, "every one is different");
    t.equal(problemOf(await lint({ path: "/v1/lint/none", headers: { "X-Request-Id": "mine" } })).requestId, "mine");
  });

  await t.test("Lintel-Deadline-Ms shortens the deadline", async (t) => {
    const startMs = performance.now();
    const late = await lint({ path: "/v1/lint/waiting", body: "20\n", headers: { "Lintel-Deadline-Ms": "150" } });
    const elapsedMs = performance.now() - startMs;
    t.match(problemOf(late), { status: 504, code: "deadline", detail: /150 ms/, retryable: true });
    t.equal(late.headers["lintel-attempts"], "1");
    t.ok(elapsedMs >= 145 && elapsedMs < 5_000, `took ${elapsedMs} ms`);
    t.equal((await lint({ headers: { "Lintel-Deadline-Ms": "999999999" } })).status, 200);
    for (const value of ["0", "-1", "1.5", "1e3", "soon", "9999999999", "10 "]) {
      const reply = await lint({ headers: { "Lintel-Deadline-Ms": value } });
      // Blanks around a value are not part of it (RFC 9110, section 5.5).
      if (value === "10 ") t.not(reply.status, 400);
      else t.match([value, problemOf(reply)], [value, { status: 400, code: "malformed-request", detail: /Lintel-Deadline-Ms/ }]);
    }
  });

  await t.test("an encoded body is 415, plain ones are taken", async (t) => {
    for (const encoding of ["gzip", "br", "identity, gzip"]) t.match(problemOf(await lint({ headers: { "Content-Encoding": encoding } })), { status: 415, code: "unsupported-encoding", detail: /Content-Encoding/ });
    for (const encoding of ["identity", "IDENTITY", ""]) t.equal((await lint({ headers: { "Content-Encoding": encoding } })).status, 200);
    const coded = await lint({ headers: { "Transfer-Encoding": "gzip, chunked" }, body: "2\r\n{}\r\n0\r\n\r\n" });
    t.match(problemOf(coded), { status: 415, code: "unsupported-encoding", detail: /Transfer-Encoding/ });
  });

  await t.test("any Content-Type is taken", async (t) => {
    for (const type of ["application/json", "text/plain; charset=latin1", "multipart/form-data", "nonsense"]) t.equal((await lint({ headers: { "Content-Type": type } })).status, 200);
  });

  await t.test("a trace goes on in the reply, of reports, of problems and of documents; without one there is none", async (t) => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const replies = [
      await lint({ headers: { traceparent } }),
      await lint({ headers: { traceparent }, path: "/v1/lint/json?format=sarif" }),
      await lint({ headers: { traceparent }, path: "/v1/lint/none" }),
      await service.ask({ path: "/v1/languages", headers: { traceparent } }),
    ];
    for (const { status, headers } of replies) {
      t.match(headers["traceparent"], /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/, String(status));
      t.not(headers["traceparent"], traceparent, "a step of its own");
    }
    const { headers, status } = await lint({ headers: { traceparent: "nonsense" } });
    t.match([status, headers["traceparent"]], [200, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/]);
    t.equal((await lint()).headers["traceparent"], undefined);
  });
});
