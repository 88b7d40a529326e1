import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { seededRandom } from "../../src/base/random.js";
import { LanguageList } from "../../src/client/language-list.js";
import { LintService, retryAfterMs } from "../../src/client/lint-service.js";
import { folderWith, runLintel } from "../support/run-lintel.js";

function serviceAt(url: string, timeoutMs = 5000): LintService {
  return new LintService({ url: new URL(url), connectionsMax: 2, timeoutMs, userAgent: "test", clock: systemClock, random: seededRandom(1) });
}

/** A TCP server that says `reply` to whoever connects. */
async function rawServer(t: Test, reply: string | undefined): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    if (reply === undefined) socket.destroy();
    else socket.on("data", () => socket.end(reply));
  });
  return listening(t, server, "http");
}

async function listening(t: Test, server: Server, scheme: string): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function complaint(url: string): Promise<string> {
  const service = serviceAt(url);
  try {
    await service.languages();
    return "no complaint";
  } catch (error) {
    return (error as Error).message.replace(/:\d+/, ":PORT");
  } finally {
    service.close();
  }
}

void t.test("what is not a Lintel service is said to be none", async (t) => {
  const none = "http://127.0.0.1:PORT does not answer as a Lintel service does; check --url or LINTEL_URL";
  const http = (body: string, status = "200 OK") => `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
  t.equal(await complaint(await rawServer(t, http("<html>"))), none);
  t.equal(await complaint(await rawServer(t, http('{"languages":[{"name":"x"}]}'))), none);
  t.equal(await complaint(await rawServer(t, http('{"languages":{}}'))), none);
  t.equal(await complaint(await rawServer(t, http("", "404 Not Found"))), "http://127.0.0.1:PORT answered 404 Not Found, not as a Lintel service does; check --url or LINTEL_URL");
  t.equal(await complaint(await rawServer(t, "220 mail.example.org ESMTP\r\n")), "cannot use the service at http://127.0.0.1:PORT: what came back is not HTTP (HPE_INVALID_CONSTANT)");
  t.equal(await complaint(await rawServer(t, undefined)), "cannot use the service at http://127.0.0.1:PORT: the connection ended before the answer (ECONNRESET)");
});

void t.test("credentials in the address are sent and never shown", async (t) => {
  const seen: string[] = [];
  const server = createTcpServer((socket) => {
    socket.on("data", (data) => {
      seen.push(data.toString());
      socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
  });
  const url = (await listening(t, server, "http")).replace("//", "//us%40er:secret@");
  t.equal(await complaint(`${url}/base/`), "http://127.0.0.1:PORT/base/ answered 401 Unauthorized, not as a Lintel service does; check --url or LINTEL_URL");
  t.match(seen[0], `authorization: Basic ${Buffer.from("us@er:secret").toString("base64")}`);
  t.match(seen[0], "GET /base/v1/languages HTTP/1.1");
});

void t.test("a host that does not exist is said so", async (t) => {
  t.match(await complaint("http://does-not-exist.invalid"), /its host cannot be reached \((ENOTFOUND|EAI_AGAIN)\); check --url or LINTEL_URL/);
});

void t.test("an answer sent before the whole body was read still counts", async (t) => {
  const body = JSON.stringify({ title: "t", detail: "The source is too large.", code: "body-too-large", requestId: "r1" });
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.pause();
      socket.end(`HTTP/1.1 413 Content Too Large\r\ncontent-type: application/problem+json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      setTimeout(() => socket.destroy(), 1000);
    });
  });
  const service = serviceAt(await listening(t, server, "http"));
  await t.rejects(service.lint({ language: "x", filename: "", source: Buffer.alloc(8 * 1024 * 1024) }), { message: "The source is too large (413 body-too-large, request r1)" });
  service.close();
});

const noOpenssl = spawnSync("openssl", ["version"]).error !== undefined ? "openssl(1) is not installed" : false;

void t.test("https is spoken to a trusted service, and to no other", { skip: noOpenssl }, async (t) => {
  const folder = folderWith({ "a.py": "x" });
  t.teardown(folder.remove);
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], { cwd: folder.path });
  t.equal(made.status, 0, made.stderr.toString());
  const tls = { key: readFileSync(join(folder.path, "key.pem")), cert: readFileSync(join(folder.path, "cert.pem")) };
  const report = { language: "python", linter: { name: "x", version: "1" }, diagnostics: [], summary: { errors: 0, warnings: 0, infos: 0, hints: 0, fixable: 0 } };
  const server = createHttpsServer(tls, (request, response) => {
    request.resume();
    response.setHeader("connection", "close").end(JSON.stringify(request.method === "GET" ? { languages: [{ language: "python", extensions: [".py"], versions: [] }] } : report));
  });
  const url = await listening(t, server, "https");
  const trusted = await runLintel(["lint", "a.py", "--url", url], { cwd: folder.path, env: { NODE_EXTRA_CA_CERTS: join(folder.path, "cert.pem") } });
  t.same([trusted.code, trusted.stdout, trusted.stderr], [0, "", ""]);
  const refused = await runLintel(["lint", "a.py", "--url", url], { cwd: folder.path });
  t.equal(refused.code, 2);
  t.match(refused.stderr, /no secure connection could be made \((DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN).*check --url or LINTEL_URL\.\n$/);
});

void t.test("Retry-After is seconds or a date", (t) => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  t.equal(retryAfterMs("2", nowMs), 2000);
  t.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:05 GMT", nowMs), 5000);
  t.equal(retryAfterMs("Thu, 01 Jan 2025 00:00:05 GMT", nowMs), 0);
  t.equal(retryAfterMs("soon", nowMs), undefined);
  t.equal(retryAfterMs(undefined, nowMs), undefined);
  t.end();
});

void t.test("the longest extension names the language", (t) => {
  const versions = [{ version: "1" }];
  const list = LanguageList.parse(JSON.stringify({ languages: [{ language: "typescript", extensions: [".ts"], versions }, { language: "declarations", extensions: [".d.TS"], versions }, { language: "none" }] }))!;
  t.equal(list.of("a/x.ts")?.language, "typescript");
  t.equal(list.of("a/x.D.ts")?.language, "declarations");
  t.equal(list.of("X.TS")?.language, "typescript");
  t.equal(list.of("ts"), undefined);
  t.same(list.named("declarations")?.versions, ["1"]);
  t.equal(list.describe(), "typescript (.ts), declarations (.d.ts), none");
  t.equal(new LanguageList([]).describe(), "none yet");
  t.end();
});
