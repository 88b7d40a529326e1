/** The administrator's first day with `lintel up`, as the README tells it. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import t from "tap";
import type { Report } from "../../src/formats/report.js";
import { seriesNames } from "../../src/metrics/definitions.js";
import { readScrape } from "../support/metric-names.js";
import { folderWith, runLintel } from "../support/run-lintel.js";
import { startUp, type Service } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";

async function lint(service: Service, path: string, source: string): Promise<{ status: number; headers: Headers; report: Report }> {
  const response = await fetch(`${service.url}/v1/lint/${path}`, { method: "POST", body: source, headers: { connection: "close" } });
  return { status: response.status, headers: response.headers, report: (await response.json()) as Report };
}

void t.test("without a file every built-in linter serves, a process each", async (t) => {
  const service = await startUp(t);
  const faulty = [
    ["python", "import os\n", "F401"],
    ["javascript", "let a = b;\n", "no-undef"],
    ["typescript", "let a: any = 1;\n", "@typescript-eslint/no-explicit-any"],
    ["css", "a { colr: red }\n", "property-no-unknown"],
    ["json", '{"a": }\n', "ValueExpected"],
    ["yaml", "a: [1\n", ""],
  ] as const;
  for (const [language, source, rule] of faulty) {
    const { status, report, headers } = await lint(service, language, source);
    t.equal(status, 200, language);
    t.ok(report.diagnostics.some((one) => one.rule.includes(rule)), `${language} finds ${rule}`);
    t.equal(headers.get("lintel-version"), (headers.get("lintel-linter") ?? "").split(" ")[1], `${language} serves the linter's own version`);
  }
  t.equal(childrenOf(service.pid).length, faulty.length, "a process each");
});

const twoVersions = (weight: number): string =>
  ["1.0", "2.0"]
    .map((version, index) => `      - { version: "${version}", weight: ${index === 0 ? 90 : weight}, run: { builtin: json } }`)
    .join("\n");
const config = (weight: number): string => `languages:\n  json:\n    versions:\n${twoVersions(weight)}\n`;

void t.test("a second version with weight 10 gets a tenth; weights change while requests run", async (t) => {
  const service = await startUp(t, { config: config(10) });
  for (let count = 0; count < 200; count++) await lint(service, "json", "{}");
  // |n - N w| < 1 + k w: k = 2 versions, w = 0.1, N = 200.
  const second = await service.metric("lintel_requests_total", 'version="2.0"');
  t.ok(Math.abs(second - 20) < 1.2, `${second} of 200 requests`);
  const { series, faults } = readScrape(await (await fetch(`${service.adminUrl}/metrics`, { headers: { connection: "close" } })).text());
  t.same(faults, [], "/metrics shows what the registry has");
  // Without TLS there is no certificate.
  t.same(seriesNames().filter((name) => !series.has(name)), ["lintel_tls_certificate_expires_timestamp_seconds"], "and all of it");

  writeFileSync(service.configPath, config(0));
  await waitUntil("the changed file to be active", async () => ((await service.status()) as { revision: number }).revision === 2);
  const before = await service.metric("lintel_requests_total", 'version="2.0"');
  for (let count = 0; count < 50; count++) await lint(service, "json", "{}");
  t.equal(await service.metric("lintel_requests_total", 'version="2.0"'), before, "weight 0 gets nothing");
});

void t.test("a broken file is refused with its place, the old one goes on serving, and a mended one is taken", async (t) => {
  const service = await startUp(t, { config: config(10) });
  const good = readFileSync(service.configPath, "utf8");
  writeFileSync(service.configPath, good.replace("weight", "weigth"));
  const refused = await runLintel(["admin", "reload", "--admin", service.adminUrl]);
  t.equal(refused.code, 1);
  t.match(refused.stderr, /lintel\.yaml:4:\d+: .*weigth.*did you mean "weight"/);
  t.equal((await lint(service, "json", "{}")).status, 200, "the old configuration serves");

  writeFileSync(service.configPath, good.replace("weight: 10", "weight: 20"));
  const applied = await runLintel(["admin", "reload", "--admin", service.adminUrl]);
  t.equal(applied.code, 0, applied.stderr);
  t.match(applied.stdout, /revision 2|nothing changed/);
  t.match(await service.status(), { revision: 2 });
});

void t.test("SIGHUP reloads; a worker that stays keeps its process", async (t) => {
  const service = await startUp(t, { config: config(10) });
  const worker = async (): Promise<string | null> => (await lint(service, "json?version=1.0", "{}")).headers.get("lintel-worker");
  // Users are let in when a language has a usable version; this is about one of the two.
  await waitUntil("version 1.0 to be usable", async () => (await worker()) !== null);
  const before = await worker();
  writeFileSync(service.configPath, config(30));
  service.kill("SIGHUP");
  await waitUntil("the reload", async () => ((await service.status()) as { revision: number }).revision === 2);
  t.equal(await worker(), before);
  t.equal(await service.metric("lintel_worker_failures_total"), 0, "no attempt failed on the way");
});

void t.test("a worker process that is killed comes back", async (t) => {
  const service = await startUp(t, { config: "languages: { json: { versions: [{ version: '1', run: { builtin: json } }] } }" });
  const [pid] = childrenOf(service.pid);
  process.kill(pid!, "SIGKILL");
  const replaced = (): boolean => childrenOf(service.pid).length === 1 && childrenOf(service.pid)[0] !== pid;
  await waitUntil("another process to serve", async () => replaced() && (await lint(service, "json", "{}")).status === 200);
  t.match(service.stderr(), /a worker process ended; starting it again/);
});

/** The process ids of a process's children, as Linux tells them. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

void t.test("what cannot start says so in one sentence and exits with 2", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const folder = folderWith({ "bad.yaml": "languages: 3\n" });
  t.teardown(() => folder.remove());
  const cases = [
    [["up", "--listen", `127.0.0.1:${port}`, "--admin", "127.0.0.1:0"], /^lintel: cannot listen on 127\.0\.0\.1:\d+: the port is in use by another program; choose another one with --listen\n$/],
    [["up", "--config", `${folder.path}/none.yaml`], /none\.yaml.*\n$/],
    [["up", "--config", `${folder.path}/bad.yaml`], /bad\.yaml:1:\d+: languages: .*\n$/],
    [["up", "--listen", "nonsense"], /^lintel: --listen nonsense: expected an address such as 127\.0\.0\.1:8080; the port is missing\n$/],
    [["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manager", `127.0.0.1:${port}`], /^lintel: the manager cannot listen on 127\.0\.0\.1:\d+: the port is in use; choose another one with --manager\n$/],
    [["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manager", "0.0.0.0:0"], /^lintel: --manager 0\.0\.0\.0:0: the manager of `lintel up` only listens on loopback/],
    [["up", "--admin", "0.0.0.0:0", "--listen", "127.0.0.1:0"], /^lintel: the admin port may only listen on loopback/],
  ] as const;
  for (const [args, expected] of cases) {
    const { code, stderr } = await runLintel(args);
    t.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    t.match(stderr, expected);
    t.equal(stderr.trim().split("\n").length, 1, "one sentence");
  }
});
