/** docs/openapi.json: up to date, valid, and true of the service in every status and problem it describes. */
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import t, { type Test } from "tap";
import { openapiText } from "../../src/shard/openapi.js";
import { problemBody, replyOf } from "../../src/shard/problem.js";
import { problemKinds, problemSamples } from "../../src/shard/problem-samples.js";
import { headBytesMax } from "../../src/shard/head-limit.js";
import { startGrpcJsWorker } from "../interop/grpc-js-worker.js";
import { startBalancerWith, versionOf } from "../support/balancer-in-process.js";
import { startLightWorker } from "../support/light-workers.js";
import { ask, connect, type RawReply, type RawRequest } from "../support/raw-http.js";
import { startUp, type Service } from "../support/service.js";
import { DescribedInterface } from "./described-interface.js";

const repositoryText = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

void t.test("the document is what the code says, and valid OpenAPI 3.1", async (t) => {
  const reportSchema = JSON.parse(repositoryText("docs/report.schema.json")) as Parameters<typeof openapiText>[0]["reportSchema"];
  const { version } = JSON.parse(repositoryText("package.json")) as { version: string };
  t.equal(repositoryText("docs/openapi.json"), openapiText({ reportSchema, version }), "run: node scripts/openapi.mjs");
  const validator = new Validator();
  t.match(await validator.validate(JSON.parse(repositoryText("docs/openapi.json")) as Record<string, unknown>), { valid: true });
  t.equal(validator.version, "3.1");
  t.same(new DescribedInterface().exampleFaults(), []);
  for (const kind of problemKinds) {
    const reply = replyOf(problemSamples[kind]);
    t.same([kind, reply.code, reply.retryable], [kind, kind, ["request-timeout", "rate-limited", "no-worker", "overloaded", "worker-failed", "contract", "deadline", "internal"].includes(kind)]);
    t.match(JSON.parse(problemBody(reply, "id")), { type: `urn:lintel:problem:${kind}`, status: Number(reply.status.slice(0, 3)) });
  }
});

/** `fragile` crashes on "die" and lasts longer than it may on "loop"; `lying` answers what is no report. */
const program = `["/bin/sh", "-c", "read -r word; case $word in die) kill -9 $$;; loop) sleep 9;; nap) sleep 1;; esac; exit 0"]`;
const config = (lyingPort: number): string => `
http: { bodyBytesMax: 1KiB }
limits: { requestTimeoutMs: 500ms, attemptTimeoutMs: 5s, inFlightPerWorkerMax: 1 }
languages:
  json:
    versions:
      - { version: "1.0", weight: 1, run: { builtin: json, workers: 1, threads: 1 } }
      - { version: "absent", weight: 0, workers: ["127.0.0.1:1"] }
  alone: { extensions: [.alone], versions: [{ version: "1", weight: 1, run: { command: ${program}, report: lines, workers: 1, threads: 1 } }] }
  fragile: { extensions: [.fragile], versions: [{ version: "1", weight: 1, run: { command: ${program}, report: lines, workers: 2, threads: 1 } }] }
  python: { extensions: [.lie], versions: [{ version: "1.2.3", weight: 1, workers: ["127.0.0.1:${lyingPort}"] }] }
`;

interface Bench {
  readonly service: Service;
  readonly described: DescribedInterface;
  /** Sends the request and fails unless the reply has this status and code and is as described. */
  readonly expect: (status: number, code: string, request: RawRequest) => Promise<RawReply>;
}

void t.test("every status and problem that is described is answered, and nothing else", async (t) => {
  const liar = await startGrpcJsWorker((_call, callback) => callback(null, { report: Buffer.from("no report"), queueDepth: 0 }));
  t.teardown(() => liar.server.forceShutdown());
  const service = await startUp(t, { config: config(liar.port) });
  const described = new DescribedInterface();
  const expect = async (status: number, code: string, request: RawRequest): Promise<RawReply> => {
    const reply = await ask(service, request);
    judge(t, described, request, reply, status, code);
    return reply;
  };
  const bench: Bench = { service, described, expect };

  await documents(bench);
  for (const lintOf of [(language: string, query = "") => `/v1/lint/${language}?${query}`, (language: string, query = "") => `/v1/lint?filename=x.${language === "python" ? "lie" : language}&${query}`]) {
    await t.test(lintOf("json"), async (t) => {
      await reports(bench, lintOf);
      await refusals(bench, lintOf);
      await failures(t, bench, lintOf);
    });
  }
  await beforeTheRequest(bench);
  await limited(t, described);
  await keyed(t, described);

  // What cannot be brought about from outside: a mistake of the balancer's own.
  const missing = described.described().filter((one) => !described.seen.has(one) && !one.endsWith(" 500 internal"));
  t.same(missing, [], "described, but not brought about");
  t.ok(described.seen.has("GET * 404 not-found") && described.seen.has("PUT /v1/lint 405 method-not-allowed"));
});

type LintPath = (language: string, query?: string) => string;

function judge(t: Test, described: DescribedInterface, request: RawRequest, reply: RawReply, status: number, code: string): void {
  const actual = reply.headers["content-type"] === "application/problem+json" && request.method !== "HEAD" ? (reply.json() as { code: string }).code : "";
  t.same([request.path.slice(0, 80), reply.status, actual], [request.path.slice(0, 80), status, code], reply.text.slice(0, 300));
  t.same(described.faultsOf(request, reply), []);
}

async function documents({ expect }: Bench): Promise<void> {
  for (const path of ["/", "/v1/languages", "/openapi.json"]) {
    for (const method of ["GET", "HEAD"]) await expect(200, "", { method, path, headers: { Origin: "https://example.org" } });
    await expect(405, "method-not-allowed", { method: "POST", path, body: "x" });
  }
  for (const method of ["GET", "HEAD"]) {
    await expect(200, "", { method, path: "/", headers: { Accept: "text/html", "Accept-Encoding": method === "HEAD" ? "br" : "" } });
    await expect(304, "", { method, path: "/", headers: { Accept: "text/html", "If-None-Match": "*" } });
  }
  for (const path of ["/", "/v1/languages", "/openapi.json", "/v1/lint", "/v1/lint/json"]) await expect(204, "", { method: "OPTIONS", path, headers: { Origin: "https://example.org" } });
  await expect(404, "not-found", { path: "/nothing" });
  await expect(405, "method-not-allowed", { method: "PUT", path: "/v1/lint", body: "x" });
  await expect(405, "method-not-allowed", { path: "/v1/lint/json" });
}

async function reports({ expect }: Bench, path: LintPath): Promise<void> {
  for (const format of ["json", "sarif", "text", "rdjson", "gitlab", "checkstyle", "github"]) await expect(200, "", { method: "POST", path: path("json", `format=${format}`), body: "{" });
  await expect(200, "", { method: "POST", path: path("json"), body: "{}", headers: { Origin: "https://example.org", "X-Request-Id": "mine" } });
}

async function refusals({ expect }: Bench, path: LintPath): Promise<void> {
  const post = { method: "POST", body: "{}" };
  await expect(400, "malformed-request", { ...post, path: path("json", "options=[]") });
  await expect(400, "malformed-request", { ...post, path: path("json"), headers: { "Lintel-Deadline-Ms": "soon" } });
  await expect(400, "unknown-format", { ...post, path: path("json", "format=html") });
  await expect(404, "unknown-language", { ...post, path: path("rust") });
  await expect(404, "unknown-version", { ...post, path: path("json", "version=2") });
  await expect(406, "not-acceptable", { ...post, path: path("json"), headers: { Accept: "image/png" } });
  await expect(408, "request-timeout", { ...post, path: path("json"), headers: { "Content-Length": "10" } });
  await expect(413, "body-too-large", { ...post, path: path("json"), body: Buffer.alloc(1_025, 32) });
  await expect(413, "body-too-large", { ...post, path: path("json"), body: Buffer.alloc(20_000, 32) });
  await expect(415, "unsupported-encoding", { ...post, path: path("json"), headers: { "Content-Encoding": "gzip" } });
  await expect(422, "rejected", { ...post, path: path("json"), body: Buffer.from([0xff]) });
  for (const [status, request] of [[431, { path: `${path("json")}${"x".repeat(headBytesMax)}`, method: "POST" }], [505, { path: path("json"), method: "POST", version: "1.0" }]] as const) {
    await expect(status, "", request);
  }
}

async function failures(t: Test, { expect, service, described }: Bench, path: LintPath): Promise<void> {
  const post = { method: "POST" };
  await expect(503, "no-worker", { ...post, path: path("json", "version=absent"), body: "{}" });
  await expect(502, "worker-failed", { ...post, path: path("alone"), body: "die\n" });
  await expect(502, "contract", { ...post, path: path("python", "format=sarif"), body: "x" });
  // Before anything that keeps the one thread busy: it has to be killed within the attempt's time.
  await expect(422, "analysis-killed", { ...post, path: path("alone"), body: "loop\n" });
  await expect(504, "deadline", { ...post, path: path("alone"), body: "nap\n", headers: { "Lintel-Deadline-Ms": "50" } });
  await expect(422, "poison-input", { ...post, path: path("fragile"), body: "die\n" });

  const napping = await connect(service);
  napping.write(`POST ${path("alone")} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnap\n`);
  // One request at once is all that a worker gets here.
  while ((await service.metric("lintel_worker_in_flight", 'language="alone"')) === 0) await new Promise((resolve) => setImmediate(resolve));
  await expect(503, "overloaded", { ...post, path: path("alone"), body: "x\n" });
  judge(t, described, { ...post, path: path("alone") }, await napping.reply(), 200, "");
  napping.close();
}

/** A balancer that limits its clients: its replies say more, and the second one is refused. */
async function limited(t: Test, described: DescribedInterface): Promise<void> {
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [".json"], spill: true, versions: [versionOf([worker.port])] }];
  const { balancer } = await startBalancerWith(languages, 1, {}, { rateLimit: { requests: 1, periodMs: 60_000, burst: 1, trustedProxies: ["127.0.0.1"] } });
  for (const path of ["/v1/lint/json", "/v1/lint?filename=x.json"]) {
    const request = { method: "POST", path, body: "{}", headers: { "X-Forwarded-For": path === "/v1/lint/json" ? "203.0.113.1" : "203.0.113.2" } };
    judge(t, described, request, await ask({ host: "127.0.0.1", port: balancer.port }, request), 200, "");
    judge(t, described, request, await ask({ host: "127.0.0.1", port: balancer.port }, request), 429, "rate-limited");
  }
  await balancer.drain();
  worker.end();
}

/** A balancer that asks for keys. */
async function keyed(t: Test, described: DescribedInterface): Promise<void> {
  const { balancer } = await startBalancerWith([], 1, {}, { apiKeys: [] });
  for (const [path, headers] of [["/v1/lint/json", {}], ["/v1/lint?filename=x.json", { "X-API-Key": "wrong" }]] as const) {
    const request = { method: "POST", path, body: "{}", headers };
    judge(t, described, request, await ask({ host: "127.0.0.1", port: balancer.port }, request), 401, "unauthorized");
  }
  await balancer.drain();
}

async function beforeTheRequest({ expect }: Bench): Promise<void> {
  for (const path of ["/", "/v1/languages", "/openapi.json"]) {
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      await expect(505, "", { method, path, version: "1.0" });
      await expect(431, "", { method, path: `${path}?${"x".repeat(headBytesMax)}` });
    }
  }
  for (const path of ["/v1/lint", "/v1/lint/json"]) {
    await expect(505, "", { method: "OPTIONS", path, version: "1.0" });
    await expect(431, "", { method: "OPTIONS", path: `${path}?${"x".repeat(headBytesMax)}` });
  }
  await expect(400, "", { method: "POST", path: "/v1/lint/json", headers: { "Content-Length": "-1" }, body: "x" });
}
