/** One real worker process after the other, spoken to over real gRPC. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { status } from "@grpc/grpc-js";
import t from "tap";
import { mainFile, startLinter, until, type LinterProcess } from "../support/linter-process.js";

/** ESLint reads this comment from the source; the expression takes for ever on the identifier. */
const endless = `/* eslint id-match: ["error", "^(a+)+$"] */\nvar ${"a".repeat(40)}_ = 1;\n`;
/** Takes about a second, and ends. */
const slow = "[1,2,3];\n".repeat(30_000);
/** A tree of some hundred megabytes. */
const greedy = "a=[b,c,d,e,f];".repeat(60_000);

async function withLinter(args: readonly string[], use: (worker: LinterProcess) => Promise<void>): Promise<void> {
  // One thread starts in half the time of two.
  const worker = await startLinter(...args, ...(args.includes("--threads") ? [] : ["--threads", "1"]));
  try {
    await use(worker);
  } finally {
    await worker.stop();
  }
}

void t.test("health: serving for the names it has, not found for others, and a Watch that says so too", (t) =>
  withLinter(["json"], async ({ client }) => {
    t.strictSame(await client.check(), { status: "SERVING" });
    t.strictSame(await client.check("lintel.v1.Linter"), { status: "SERVING" });
    await t.rejects(client.check("other"), { code: status.NOT_FOUND });
    const known = client.watch();
    const unknown = client.watch("other");
    await until("both have answered", () => known.statuses.length > 0 && unknown.statuses.length > 0);
    t.strictSame(known.statuses, ["SERVING"]);
    t.strictSame(unknown.statuses, ["SERVICE_UNKNOWN"]);
  }),
);

void t.test("what cannot be analysed is refused with a sentence for the user", (t) =>
  withLinter(["javascript", "--source-bytes-max", "100KiB"], async ({ client }) => {
    const refused = async (source: string | Uint8Array, options: unknown, expected: RegExp): Promise<void> => {
      const { code, details, queueDepth } = await client.failure({ source, options });
      t.equal(code, status.INVALID_ARGUMENT, details);
      t.match(details, expected);
      t.equal(queueDepth, "0");
    };
    await refused(Buffer.from([0x61, 0xff, 0x62]), undefined, /not valid UTF-8 at byte 2/);
    await refused(Buffer.from([0x61, 0xe2, 0x82]), undefined, /ends within a character/);
    await refused("x".repeat(102_401), undefined, /102401 bytes; this linter takes at most 102400/);
    await refused("", "{", /not valid JSON/);
    await refused("", [], /must be a JSON object/);
    await refused("", { plugins: {} }, /no option "plugins"/);
    await refused("", { rules: { "no-such-rule": 2 } }, /no rule "no-such-rule"/);
    await refused("", { rules: { eqeqeq: 7 } }, /"rules.eqeqeq"/);
    await refused("", { rules: { eqeqeq: [2, "sometimes"] } }, /eqeqeq/);
    const { code } = await client.failure({ source: "x".repeat(900_000) });
    t.equal(code, status.INVALID_ARGUMENT, "also when it is far too large");
  }),
);

void t.test("an analysis that never ends is killed, and the others never notice", (t) =>
  withLinter(["javascript", "--threads", "2", "--analysis-timeout-ms", "4000"], async (worker) => {
    const { client } = worker;
    // Both threads are warm when both have answered; from then on nobody waits.
    await Promise.all([client.lint({ source: "a" }), client.lint({ source: "b" })]);
    const hang = { settled: false };
    const hanging = client.failure({ source: endless }).finally(() => (hang.settled = true));
    let served = 0;
    for (; !hang.settled; served++) await client.lint({ source: "undefinedName;" });
    // One that had waited for it would be the only one.
    t.ok(served > 1, `${served} others were served meanwhile: none waited for the endless one`);
    const { code, details } = await hanging;
    t.equal(code, status.ABORTED);
    t.match(details, /took longer than 4000 ms/);
    t.equal((await client.report({ source: "undefinedName;" })).diagnostics.length, 1);
    t.match(worker.log(), /replaced/);
  }),
);

void t.test("an analysis that eats memory is killed, and the worker lives", (t) =>
  withLinter(["javascript", "--analysis-heap-bytes-max", "64MiB", "--analysis-timeout-ms", "20000"], async ({ client, child }) => {
    const { code, details } = await client.failure({ source: greedy });
    t.equal(code, status.ABORTED, details);
    t.match(details, /more than 67108864 bytes of memory/);
    t.equal((await client.report({ source: "undefinedName;" })).diagnostics.length, 1);
    t.equal(child.exitCode, null);
  }),
);

void t.test("a full queue refuses at once; cancelled and expired requests leave it", (t) =>
  withLinter(["javascript", "--threads", "1", "--queue-depth-max", "2", "--analysis-timeout-ms", "4000", ...smallSources], async ({ client }) => {
    const running = client.startLint({ source: endless });
    let hasEnded = false;
    const runningEnded = running.reply.catch((error: unknown) => error as { code: status }).finally(() => (hasEnded = true));
    await until("it runs", async () => (await queueDepthNow(client)) >= 1);
    const waiting = [client.startLint({ source: "a" }), client.startLint({ source: "b" })];
    await until("the queue is full", async () => (await client.failure({ source: "c" }, { deadline: Date.now() + 50 })).code === status.RESOURCE_EXHAUSTED);
    const refused = await client.failure({ source: "c" });
    t.equal(refused.code, status.RESOURCE_EXHAUSTED);
    t.equal(refused.queueDepth, "3");
    t.notOk(hasEnded, "at once, while the one that runs still does");

    waiting[0]!.call.cancel();
    await t.rejects(waiting[0]!.reply, { code: status.CANCELLED });
    await until("the worker has heard of the cancel", async () => (await queueDepthNow(client)) === 2);
    const deadlineMs = 300;
    const expired = await client.failure({ source: "d" }, { deadline: new Date(Date.now() + deadlineMs) });
    t.equal(expired.code, status.DEADLINE_EXCEEDED);
    const accepted = client.lint({ source: "undefinedName;" });
    t.equal((await runningEnded as { code: status }).code, status.ABORTED);
    t.ok((await accepted).report.length > 0, "the place of the cancelled and of the expired was free again");
    t.ok((await waiting[1]!.reply).report.length > 0);
  }),
);

const smallSources = ["--source-bytes-max", "300KiB"];

/** The depth as a refusal reports it: a source that is too large never waits behind a busy thread. */
async function queueDepthNow(client: LinterProcess["client"]): Promise<number> {
  const { queueDepth } = await client.failure({ source: Buffer.alloc(301 * 1024) });
  return Number(queueDepth);
}

void t.test("a running analysis whose caller has gone is let finish and its answer dropped", (t) =>
  withLinter(["javascript", "--threads", "1", "--analysis-timeout-ms", "20000", ...smallSources], async (worker) => {
    const { client } = worker;
    const { call, reply } = client.startLint({ source: slow });
    await until("it runs", async () => (await queueDepthNow(client)) === 1);
    call.cancel();
    await t.rejects(reply, { code: status.CANCELLED });
    t.equal((await client.report({ source: "undefinedName;" })).diagnostics.length, 1);
    t.notMatch(worker.log(), /replaced/);
  }),
);

void t.test("told to stop it says so, serves on while somebody watches, and exits with 0 when the last one lets go", (t) =>
  withLinter(["json"], async ({ client, child }) => {
    const watch = client.watch();
    await until("the Watch is open", () => watch.statuses.length === 1);
    child.kill("SIGTERM");
    await until("it says that it is leaving", () => watch.statuses.length === 2);
    t.strictSame(watch.statuses, ["SERVING", "NOT_SERVING"]);
    t.strictSame(await client.check(), { status: "NOT_SERVING" });
    t.equal((await client.report({ source: "{" })).diagnostics.length, 1, "new requests are still served");
    const exited = once(child, "exit");
    watch.call.cancel();
    t.strictSame(await exited, [0, null]);
  }),
);

void t.test("without a watcher it finishes what it runs and exits", (t) =>
  withLinter(["javascript", "--threads", "1", "--analysis-timeout-ms", "20000", ...smallSources], async ({ client, child }) => {
    const { reply } = client.startLint({ source: slow });
    await until("it runs", async () => (await queueDepthNow(client)) === 1);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    t.ok((await reply).report.length > 0);
    t.strictSame(await exited, [0, null]);
  }),
);

void t.test("a watcher that never lets go holds it no longer than the drain timeout", (t) =>
  withLinter(["json", "--drain-timeout", "200ms"], async ({ client, child }) => {
    const watch = client.watch();
    await until("the Watch is open", () => watch.statuses.length === 1);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    t.strictSame(await exited, [0, null]);
  }),
);

void t.test("a second signal, not an echo of the first, ends it at once", (t) =>
  withLinter(["json"], async ({ client, child }) => {
    const watch = client.watch();
    await until("the Watch is open", () => watch.statuses.length === 1);
    child.kill("SIGTERM");
    await until("it is leaving", () => watch.statuses.length === 2);
    // One that follows within half a second is taken for an echo of the first.
    await until("it is gone", () => !child.kill("SIGTERM") || child.exitCode !== null);
    t.strictSame([child.exitCode, child.signalCode], [1, null]);
  }),
);

void t.test("it ends when whoever started it is gone", (t) =>
  withLinter(["json"], async ({ child }) => {
    const exited = once(child, "exit");
    child.disconnect();
    t.strictSame(await exited, [0, null]);
  }),
);

void t.test("what an operator can mend is one clear sentence and exit code 2", async (t) => {
  const occupied = createServer().listen(0, "127.0.0.1");
  await once(occupied, "listening");
  const { port } = occupied.address() as { port: number };
  const refused = (args: readonly string[], expected: RegExp): void => {
    const { status: code, stderr } = spawnSync(process.execPath, [mainFile, "linter", ...args], { encoding: "utf8", timeout: 20_000 });
    t.equal(code, 2, stderr);
    t.match(stderr, expected);
    t.equal(stderr.trim().split("\n").length, 1, stderr);
  };
  refused(["json", "--listen", `127.0.0.1:${port}`], new RegExp(`127\\.0\\.0\\.1:${port} .*in use`));
  refused(["cobol"], /no built-in linter for "cobol": there are python, javascript, typescript, css, json, yaml/);
  refused(["cobol", "--", "no-such-program-anywhere"], /"no-such-program-anywhere" cannot be run: it is in no folder of PATH/);
  refused(["json", "--listen", "nowhere"], /HOST:PORT/);
  refused(["json", "--threads", "0"], /--threads is "0".*from 1 to 256/);
  refused(["json", "--drain-timeout", "3x"], /--drain-timeout is "3x".*such as 30s/);
  refused(["json", "--source-bytes-max", "1XB"], /--source-bytes-max/);
  refused(["json", "--report", "xml"], /auto, sarif/);
  refused(["Bad Name"], /cannot be a language's name/);
  occupied.close();
});
