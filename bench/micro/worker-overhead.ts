/**
 * What a worker adds to an analysis: a `lintel linter python` process with one analysis thread, asked through the shard's own client,
 * against the same analyzer called in a loop. Both in turn, so that the machine is the same for both.
 * Run: node dist/bench/micro/worker-overhead.js [rounds] ["few findings"|"many findings"]
 *
 * `alone`: one request at a time, from the call to its reply. `busy`: four at a time, time over answers: what the worker adds
 * while it has work, which is what its capacity is made of.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/base/clock.js";
import { createPythonAnalyzer } from "../../src/linter/analyzers/python.js";
import { reportResponse } from "../../src/linter/report-bytes.js";
import { createHttp2Connector } from "../../src/upstream/http2-connector.js";
import type { Connection } from "../../src/upstream/connection.js";

const rounds = Number(process.argv[2] ?? 15);
const perRound = 200;
const busyCalls = 4;
const timeoutMs = 10_000;

/** About a kilobyte each: clean for the most part, and with some dozens of findings; another name each time. */
const clean = `import os\n\n\ndef total_NUMBER(prices, count):\n    total = 0\n    for price in prices:\n        total = total + price * cuont\n    if total == None:\n        return None\n    return total\n\n\n`;
const modules = "abc argparse ast asyncio base64 bisect calendar cmd codecs copy csv ctypes dataclasses datetime decimal difflib dis email enum fnmatch functools gc glob gzip hashlib heapq hmac html inspect io".split(" ");
const kinds = {
  "few findings": (index: number) => Array.from({ length: 6 }, (_, part) => clean.replace("NUMBER", `${index}_${part}`)).join(""),
  "many findings": (index: number) => `${modules.map((name) => `import ${name} as ${name}_${index}\n`).join("")}x = [${"undefined, ".repeat(20)}]\n`,
};
const kind = (process.argv[3] ?? "many findings") as keyof typeof kinds;
const sources = Array.from({ length: 16 }, (_, index) => Buffer.from(kinds[kind](index)));

const analyzer = createPythonAnalyzer();
const identity = { language: "python", linterName: "ruff", linterVersion: "x" };

async function bare(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const bytes = sources[index % sources.length]!;
    const found = await analyzer.analyze({ bytes, text: bytes.toString("utf8"), filename: "", options: undefined });
    reportResponse(identity, found, 16 * 1024 * 1024);
  }
}

function lint(connection: Connection, index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.lint({ source: sources[index % sources.length]!, filename: "", optionsJson: "", traceparent: "" }, timeoutMs, {
      onReply: () => resolve(),
      onFailure: ({ message }) => reject(new Error(message)),
    });
  });
}

async function through(connection: Connection, count: number, calls: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await lint(connection, next++);
  };
  await Promise.all(Array.from({ length: calls }, one));
}

async function msPerRequest(run: (count: number) => Promise<void>): Promise<number> {
  const startMs = systemClock.nowMs();
  await run(perRound);
  return (systemClock.nowMs() - startMs) / perRound;
}

const worker = fork(fileURLToPath(new URL("../../src/main.js", import.meta.url)), ["linter", "python", "--threads", "1", "--listen", "127.0.0.1:0"], { env: { ...process.env, LINTEL_LOG_LEVEL: "error" } });
const [{ port }] = (await once(worker, "message")) as [{ port: number }];
const connection = await new Promise<Connection>((resolve, reject) => {
  const opened = createHttp2Connector().open(
    { host: "127.0.0.1", port, connectTimeoutMs: 5_000, reportBytesMax: 16 * 1024 * 1024 },
    { onOpen: () => resolve(opened), onDraining: () => undefined, onClosed: (reason) => reject(new Error(reason)) },
  );
});

const runs = { bare, alone: (count: number) => through(connection, count, 1), busy: (count: number) => through(connection, count, busyCalls) };
const found: Record<keyof typeof runs, number[]> = { bare: [], alone: [], busy: [] };
for (const run of Object.values(runs)) await run(3 * perRound);
for (let round = 0; round < rounds; round++) for (const [name, run] of Object.entries(runs)) found[name as keyof typeof runs].push(await msPerRequest(run));

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
process.stdout.write(`${sources[0]!.length} bytes, bare ${median(found.bare).toFixed(3)} ms an analysis\n`);
for (const name of ["alone", "busy"] as const) {
  const ratios = found[name].map((ms, round) => ms / (found.bare[round] ?? NaN));
  process.stdout.write(`${name} ${median(found[name]).toFixed(3)} ms, ${median(ratios).toFixed(3)} of bare (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})\n`);
}
worker.kill();
process.exit(0);
