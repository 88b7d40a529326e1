/** Configuration files for tests. */
import { readFileSync } from "node:fs";

export const repository = new URL("../../../", import.meta.url);

/** A file of the repository, by its path from the root. */
export function repositoryText(path: string): string {
  return readFileSync(new URL(path, repository), "utf8");
}

/** A valid file with one python worker for each port. */
export function pythonFile(...ports: readonly number[]): string {
  const workers = ports.map((port) => `"127.0.0.1:${port}"`).join(", ");
  return `languages:\n  python:\n    versions:\n      - version: "1"\n        workers: [${workers}]\n`;
}

/** A valid file that uses every key. */
export const fullFile = `
$schema: docs/lintel.schema.json
http: { listen: "[::]:8080", tls: { cert: /etc/lintel/tls.crt, key: /etc/lintel/tls.key }, apiKeys: /etc/lintel/keys, bodyBytesMax: 64KiB, page: false, rateLimit: { requests: 600, periodMs: 2m, burst: 20 }, trustedProxies: ["10.0.0.0/8", "fd00::1"], proxyProtocol: { listen: "[::]:8081", from: ["10.1.0.0/16"] }, cors: { origins: ["https://example.org"] } }
admin: { listen: "127.0.0.1:0" }
accessLog: { path: /var/log/lintel/access.jsonl, sample: 0.25, errors: false }
shards: 3
limits:
  deadlineMs: 5s
  attemptTimeoutMs: 500
  attemptsMax: 2
  requestTimeoutMs: 1.5m
  inFlightPerShardMax: 10
  inFlightPerWorkerMax: 5
  bodyBytesHeldPerShardMax: 100000
  replyBytesHeldPerShardMax: 2MiB
  reportBytesMax: 1 MiB
  connectTimeoutMs: 100ms
  handoverTimeoutMs: 2s
  connectionsPerShardMax: 16
  drainQuietMs: 0
  drainTimeoutMs: 1s
languages:
  python:
    extensions: [.PY]
    spill: false
    versions:
      - version: "0.17.3"
        weight: 90
        workers: ["10.0.0.5:7070", "[FD00:0::5]:7070"]
      - version: "0.18.0"
        weight: 0
        run: { builtin: python, workers: 2, threads: 4, environment: { LANG: C } }
  shell:
    versions:
      - version: "0.9.0"
        run: { command: [shellcheck, "-"], report: shellcheck }
  c++:
    versions:
      - { version: 1.0.0-rc.1+x, workers: ["tidy.example:1"] }
`;
