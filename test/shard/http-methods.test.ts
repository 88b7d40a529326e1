/** Paths, methods, documents and what browsers ask. */
import t from "tap";
import { connect } from "../support/raw-http.js";
import { problemOf, startHttpService } from "./http-service.js";

void t.test("documents, methods and paths", async (t) => {
  const service = await startHttpService(t);

  await t.test("GET serves the documents", async (t) => {
    const languages = await service.ask({ path: "/v1/languages" });
    t.equal(languages.status, 200);
    t.equal(languages.headers["content-type"], "application/json");
    t.match(languages.json(), {
      languages: [
        { language: "c++", extensions: [".cpp", ".test.cc"], versions: [{ version: "13", weight: 3 }, { version: "14", weight: 1 }] },
        { language: "json", extensions: [".json", ".jsonc"], versions: [{ version: "1.0", weight: 1, linter: { name: "jsonc-parser" } }] },
        { language: "waiting", extensions: [] },
        { language: "yaml" },
      ],
    });
    const openapi = await service.ask({ path: "/openapi.json" });
    t.match(openapi.json(), { openapi: /^3\.1\./ });
    t.match((await service.ask({ path: "/?from=somewhere" })).text, /POST a source file/);
  });

  await t.test("HEAD answers as GET would, without the body, and leaves the connection usable", async (t) => {
    const connection = await connect(service);
    for (const path of ["/", "/v1/languages", "/openapi.json", "/nothing", "/v1/lint/json"]) {
      connection.write(`HEAD ${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: same\r\n\r\n`);
      const head = await connection.reply({ head: true });
      connection.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: same\r\n\r\n`);
      const get = await connection.reply();
      t.equal(head.statusLine, get.statusLine, path);
      t.same(unhurried(head.headers), unhurried(get.headers), path);
    }
    connection.write("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    t.equal((await connection.reply({ head: true })).status, 200);
    t.equal(await connection.ending(), "end");
    connection.close();
  });

  await t.test("what is not at a path is 404, a method that is not allowed 405 with Allow", async (t) => {
    for (const path of ["/nothing", "/v1", "/v1/lint/", "/v1/lint/json/", "/v1/lint/json/more", "/v1/Lint/json", "/V1/languages", "//v1/languages"]) {
      for (const method of ["GET", "POST", "PUT"]) {
        t.match([path, problemOf(await service.ask({ method, path, ...(method !== "GET" && { body: "{}" }) }))], [path, { status: 404, code: "not-found", retryable: false }]);
      }
    }
    for (const [path, allow, methods] of [
      ["/v1/lint/json", "POST, OPTIONS", ["GET", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE"]],
      ["/v1/lint?filename=x.json", "POST, OPTIONS", ["GET", "PUT"]],
      ["/v1/languages", "GET, HEAD, OPTIONS", ["POST", "PUT", "DELETE"]],
      ["/", "GET, HEAD, OPTIONS", ["POST"]],
    ] as const) {
      for (const method of methods) {
        const reply = await service.ask({ method, path, ...(method !== "GET" && { body: "{}" }) });
        t.match([path, method, problemOf(reply), reply.headers], [path, method, { status: 405, code: "method-not-allowed" }, { allow }]);
      }
    }
  });

  await t.test("OPTIONS says what is allowed", async (t) => {
    for (const [path, allow] of [["/v1/lint/json", "POST, OPTIONS"], ["/v1/lint", "POST, OPTIONS"], ["/v1/languages", "GET, HEAD, OPTIONS"]] as const) {
      const reply = await service.ask({ method: "OPTIONS", path });
      t.same([reply.status, reply.headers["allow"], reply.headers["content-length"]], [204, allow, undefined]);
    }
    t.match(problemOf(await service.ask({ method: "OPTIONS", path: "/nothing" })), { status: 404, code: "not-found" });
  });

  await t.test("pages of any origin may ask, without credentials", async (t) => {
    const preflight = await service.ask({ method: "OPTIONS", path: "/v1/lint/json", headers: { Origin: "https://example.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "lintel-deadline-ms" } });
    t.match(preflight.headers, { "access-control-allow-origin": "*", "access-control-allow-methods": /\bPOST\b/, "access-control-allow-headers": /\bLintel-Deadline-Ms\b/, "access-control-max-age": "86400" });
    for (const reply of [preflight, await service.lint({ headers: { Origin: "https://example.org" } }), await service.lint({ path: "/v1/lint/none", headers: { Origin: "null" } })]) {
      t.equal(reply.headers["access-control-allow-origin"], "*");
      t.match(reply.headers["access-control-expose-headers"], /Lintel-Version.*X-Request-Id/);
      t.notOk(reply.headerNames.includes("Access-Control-Allow-Credentials"));
      t.notOk(reply.headerNames.includes("Vary"));
    }
    t.notOk((await service.lint()).headerNames.some((name) => name.startsWith("Access-Control")));
  });
});

void t.test("with configured origins only their pages may ask, and caches are told", async (t) => {
  const service = await startHttpService(t, { corsOrigins: '["https://one.example", "http://localhost:3000"]' });
  for (const [origin, allowed] of [
    ["https://one.example", "https://one.example"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["https://two.example", undefined],
    ["http://one.example", undefined],
    ["null", undefined],
    ["https://one.example.evil.example", undefined],
  ] as const) {
    for (const method of ["OPTIONS", "POST"]) {
      const reply = await service.lint({ method, headers: { Origin: origin } });
      t.match([origin, method, reply.status], [origin, method, method === "POST" ? 200 : 204]);
      t.equal(reply.headers["access-control-allow-origin"], allowed);
      t.equal(reply.headers["vary"], "Origin");
    }
  }
  t.equal((await service.ask({ path: "/v1/languages" })).headers["vary"], "Origin");
});

/** Headers without what depends on when, and for how long. */
function unhurried(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...headers, date: "", "server-timing": "" };
}
