/**
 * Workers that answer anything at all, behind a real balancer: every request gets a report or a typed problem in time, the
 * balancer neither ends nor grows, and serves again once the workers do. LINTEL_FUZZ_ROUNDS=50 for a long run.
 */
import { request } from "node:http";
import { SaxesParser } from "saxes";
import t from "tap";
import { delay } from "../../src/base/clock.js";
import { randomBelow, seededRandom, type Random } from "../../src/base/random.js";
import { formats, type FormatName } from "../../src/formats/formats.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { pick } from "./mutations.js";
import { residentBytes } from "./resident-bytes.js";
import { reportBytesMax, startRogueWorker } from "./rogue-worker.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20_240_618);
const rounds = Number(process.env["LINTEL_FUZZ_ROUNDS"] ?? 1);
const requestsPerRound = 320;
const lanes = 8;
const identity = { language: "json", version: "1" };
/** Deadlines of a second, on a busy machine. */
const answerMsMax = 15_000;
t.setTimeout(60_000 + rounds * 30_000);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

function lint(port: number, format: FormatName, source: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const path = `/v1/lint/json?format=${format}&filename=a.json`;
    const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", timeout: answerMsMax }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${answerMsMax} ms`)));
    outgoing.end(source);
  });
}

const codes: Readonly<Record<number, readonly string[]>> = {
  422: ["rejected", "analysis-killed", "poison-input"],
  502: ["contract", "worker-failed"],
  503: ["no-worker", "overloaded"],
  504: ["deadline"],
};

/** "" for an answer that is one. */
function faultOf(format: FormatName, { status, headers, body }: Answer): string {
  if ("x-injected" in headers || "x" in headers) return `headers of the worker's making: ${JSON.stringify(headers)}`;
  const text = body.toString("utf8");
  if (status === 200) return faultOfDocument(format, text);
  const expected = codes[status];
  if (expected === undefined || headers["content-type"] !== "application/problem+json") return `${status}: ${text.slice(0, 200)}`;
  const { code } = JSON.parse(text) as { code: string };
  return expected.includes(code) ? "" : `${status} ${code}`;
}

/** JSON goes through as it came; everything else was rendered from it. */
function faultOfDocument(format: FormatName, text: string): string {
  try {
    if (format === "sarif" || format === "rdjson" || format === "gitlab") JSON.parse(text);
    if (format === "checkstyle") new SaxesParser().write(text).close();
    return "";
  } catch (error) {
    return `not ${format}: ${String(error)}: ${text.slice(0, 200)}`;
  }
}

async function sendRound(port: number, random: Random, round: number): Promise<{ readonly faults: string[]; readonly statuses: Map<number, number> }> {
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  const lane = async (index: number): Promise<void> => {
    for (let count = 0; count < requestsPerRound / lanes; count++) {
      const format = pick(random, formats).name;
      // No two are alike: none is taken for poison because of another one.
      const source = `{"${round} ${index} ${count}": ${"1".repeat(1 + randomBelow(random, 40))}}`;
      const answer = await lint(port, format, source).catch((error: unknown) => String(error));
      const fault = typeof answer === "string" ? answer : faultOf(format, answer);
      if (fault !== "") faults.push(fault);
      if (typeof answer === "string") continue;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      // All connections may have been cut: they are opened again in a moment.
      if (answer.status === 503) await delay(25);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
  return { faults, statuses };
}

void t.test(`workers that answer anything (seed ${seed})`, async (t) => {
  const workers = await Promise.all([1, 2, 3, 4, 5, 6].map((index) => startRogueWorker(seed + index, identity)));
  t.teardown(() => Promise.all(workers.map((worker) => worker.stop())));
  const balancer = await BalancerProcess.start({
    shards: 1,
    limits: { attemptTimeoutMs: 200, deadlineMs: 1_000, reportBytesMax },
    languages: { json: [{ version: "1", weight: 1, workers: workers.map(({ address }) => address) }] },
  });
  t.teardown(() => balancer.stop());
  const pid = balancer.child?.pid ?? 0;
  const random = seededRandom(seed);
  await sendRound(balancer.port, random, 0);
  const before = residentBytes(pid);
  for (let round = 1; round <= rounds; round++) {
    const { faults, statuses } = await sendRound(balancer.port, random, round);
    t.comment(`round ${round}: ${[...statuses].sort().map(([status, count]) => `${count} x ${status}`).join(", ")}; ${Math.round(residentBytes(pid) / 2 ** 20)} MiB`);
    t.same(faults.slice(0, 3), []);
    t.ok((statuses.get(200) ?? 0) > requestsPerRound / 20, "some answers are good");
    t.ok((statuses.get(502) ?? 0) > requestsPerRound / 20, "and some are not");
  }
  const growth = residentBytes(pid) - before;
  t.ok(growth < 64 * 2 ** 20, `grew by ${Math.round(growth / 2 ** 20)} MiB`);
  const { shards } = await balancer.status();
  t.same(shards.map(({ restarts }) => restarts), [0], "no shard was restarted");
  t.equal(await balancer.metric("lintel_requests_total", { code: "500" }), 0);
  for (const worker of workers) worker.repent();
  await until(async () => (await lint(balancer.port, "json", "{}")).status === 200, 30_000, () => "an honest worker to be used");
});
