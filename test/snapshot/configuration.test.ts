import t from "tap";
import { type Configuration, defaultConfiguration, parseConfiguration } from "../../src/snapshot/configuration.js";
import { snapshotOf } from "../../src/snapshot/configured-snapshot.js";
import { renderProblem } from "../../src/snapshot/problem.js";
import { changedSettings, settingsOf } from "../../src/snapshot/settings.js";
import { fullFile, pythonFile } from "../support/configuration-files.js";

function valid(text: string): Configuration {
  const result = parseConfiguration(text, "lintel.yaml");
  if (result.kind === "invalid") throw new Error(result.problems.map(renderProblem).join("\n"));
  return result.configuration;
}

function warnings(text: string, role: "up" | "balancer" = "up"): string[] {
  const result = parseConfiguration(text, "l", { role });
  if (result.kind === "invalid") throw new Error(result.problems.map(renderProblem).join("\n"));
  return result.warnings.map(renderProblem);
}

void t.test("a file with every key becomes plain data", (t) => {
  t.same(valid(fullFile), {
    http: { listen: { host: "::", port: 8080 }, tls: { cert: "/etc/lintel/tls.crt", key: "/etc/lintel/tls.key" }, apiKeys: "/etc/lintel/keys", bodyBytesMax: 65_536, page: false, rateLimit: { requests: 600, periodMs: 120_000, burst: 20 }, trustedProxies: ["10.0.0.0/8", "fd00::1"], proxyProtocol: { listen: { host: "::", port: 8081 }, from: ["10.1.0.0/16"] }, cors: { origins: ["https://example.org"] } },
    admin: { listen: { host: "127.0.0.1", port: 0 } },
    accessLog: { path: "/var/log/lintel/access.jsonl", sample: 0.25, errors: false },
    shards: 3,
    limits: {
      deadlineMs: 5_000, attemptTimeoutMs: 500, attemptsMax: 2, requestTimeoutMs: 90_000, inFlightPerShardMax: 10, inFlightPerWorkerMax: 5,
      bodyBytesHeldPerShardMax: 100_000, replyBytesHeldPerShardMax: 2_097_152, reportBytesMax: 1_048_576, connectTimeoutMs: 100, handoverTimeoutMs: 2_000, connectionsPerShardMax: 16, drainQuietMs: 0, drainTimeoutMs: 1_000,
    },
    languages: [
      {
        language: "python", extensions: [".py"], spill: false,
        versions: [
          { version: "0.17.3", weight: 90, workers: [{ id: "10.0.0.5:7070", host: "10.0.0.5", port: 7070 }, { id: "[fd00::5]:7070", host: "fd00::5", port: 7070 }] },
          { version: "0.18.0", weight: 0, workers: [], run: { kind: "builtin", builtin: "python", workers: 2, threads: 4, environment: { LANG: "C" } } },
        ],
      },
      {
        language: "shell", extensions: [".sh", ".bash"], spill: true,
        versions: [{ version: "0.9.0", weight: 1, workers: [], run: { kind: "command", command: ["shellcheck", "-"], report: "shellcheck", workers: 1, environment: {} } }],
      },
      { language: "c++", extensions: [], spill: true, versions: [{ version: "1.0.0-rc.1+x", weight: 1, workers: [{ id: "tidy.example:1", host: "tidy.example", port: 1 }] }] },
    ],
  });
  t.end();
});

void t.test("a configuration can be cloned between threads", (t) => {
  t.same(structuredClone(valid(fullFile)), valid(fullFile));
  t.end();
});

void t.test("JSON is read as well", (t) => {
  const json = { languages: { json: { versions: [{ version: "1", workers: ["h:1"] }] } } };
  t.same(valid(JSON.stringify(json)).languages[0]?.versions, [{ version: "1", weight: 1, workers: [{ id: "h:1", host: "h", port: 1 }] }]);
  t.end();
});

void t.test("aliases and Windows line ends are understood", (t) => {
  const file = 'languages:\r\n  a: { versions: &v [{ version: "1" }] }\r\n  b: { versions: *v }\r\n';
  t.same(valid(file).languages.map(({ versions }) => versions), [[{ version: "1", weight: 1, workers: [] }], [{ version: "1", weight: 1, workers: [] }]]);
  t.end();
});

void t.test("a well-known ending is its language's unless another claims it", (t) => {
  const file = 'languages:\n  typescript: { versions: [{ version: "1" }] }\n  qt: { extensions: [.TS], versions: [{ version: "1" }] }\n';
  t.same(valid(file).languages.map(({ extensions }) => extensions), [[".tsx", ".mts", ".cts"], [".ts"]]);
  t.same(valid('languages: { constructor: { versions: [{ version: "1" }] } }').languages[0]?.extensions, []);
  t.end();
});

void t.test("defaults are what an empty file would mean", (t) => {
  t.same(defaultConfiguration(), valid("languages: {}"));
  t.equal(defaultConfiguration().http.bodyBytesMax, 1_048_576);
  t.end();
});

void t.test("what works and is likely not meant is a warning", (t) => {
  t.same(warnings(pythonFile(1)), []);
  t.same(warnings("languages: {}", "up"), []);
  t.same(warnings("languages: {}", "balancer"), ["l:1:1: languages: no languages, so a balancer serves nothing; `lintel up` would start the built-in ones"]);
  t.same(warnings('admin: { listen: "0.0.0.0:1" }\nlimits: { deadlineMs: 1s, drainTimeoutMs: 1s }\nlanguages:\n  go:\n    versions:\n    - { version: "1", weight: 0 }\n'), [
    "l:1:10: admin.listen: 0.0.0.0:1 is not a loopback address; a balancer refuses to listen there without authentication",
    "l:2:1: limits.attemptTimeoutMs: longer than limits.deadlineMs, so it never takes effect",
    "l:2:1: limits.drainQuietMs: longer than limits.drainTimeoutMs, so it never takes effect",
    "l:5:5: languages.go.versions: every version has weight 0, so no request for go is answered",
    'l:6:7: languages.go.versions[0]: version "1" has neither workers nor run, so nothing serves it',
  ]);
  t.end();
});

void t.test("a snapshot has the workers that are given by address", (t) => {
  const snapshot = snapshotOf(valid(fullFile), 7, 9);
  t.same({ revision: snapshot.revision, nonce: snapshot.nonce }, { revision: 7, nonce: 9 });
  t.same(snapshot.languages[0], {
    language: "python", extensions: [".py"], spill: false,
    versions: [
      { version: "0.17.3", weight: 90, workers: [{ id: "10.0.0.5:7070", host: "10.0.0.5", port: 7070 }, { id: "[fd00::5]:7070", host: "fd00::5", port: 7070 }] },
      { version: "0.18.0", weight: 0, workers: [] },
    ],
  });
  t.end();
});

void t.test("settings that differ are told as a person would write them", (t) => {
  const before = valid("languages: {}");
  const after = valid('http: { listen: "[::]:80", bodyBytesMax: 2MiB, cors: { origins: [] } }\nshards: 2\nlimits: { deadlineMs: 3s, reportBytesMax: 2000, attemptsMax: 1 }');
  t.same(changedSettings(before, after), [
    { path: "http.listen", before: "127.0.0.1:8080", after: "[::]:80" },
    { path: "http.bodyBytesMax", before: "1MiB", after: "2MiB" },
    { path: "http.cors.origins", before: "*", after: "(none)" },
    { path: "shards", before: "auto", after: "2" },
    { path: "limits.deadlineMs", before: "10s", after: "3s" },
    { path: "limits.attemptsMax", before: "3", after: "1" },
    { path: "limits.reportBytesMax", before: "16MiB", after: "2000B" },
  ]);
  t.same(changedSettings(before, valid(pythonFile(1))), [], "languages are no settings");
  t.end();
});

void t.test("every setting of the file is told", (t) => {
  const { http, admin, accessLog, shards, limits } = defaultConfiguration();
  t.same([...settingsOf(defaultConfiguration()).keys()].sort(), leaves({ http, admin, accessLog, shards, limits }).sort());
  t.end();
});

function leaves(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const path = `${prefix}${key}`;
    return typeof inner === "object" && inner !== null && !Array.isArray(inner) && key !== "listen" ? leaves(inner, `${path}.`) : [path];
  });
}
