// API keys on the users' port: who has none or a wrong one is told so, each has an allowance of its own, and the file is read again.
import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { followApiKeys } from "../../src/balancer/api-key-file.js";
import { systemClock } from "../../src/base/clock.js";
import { startBalancerWith, versionOf } from "../support/balancer-in-process.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { quiet } from "../support/link-actors.js";
import { startLightWorker } from "../support/light-workers.js";
import { ask, type RawReply } from "../support/raw-http.js";
import { runLintel } from "../support/run-lintel.js";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const [alices, bobs] = ["alice-0123456789", "bob-0123456789-bob"] as const;

function lintAt(port: number): (headers: Readonly<Record<string, string>>, path?: string) => Promise<RawReply> {
  return (headers, path = "/v1/lint/json") => ask({ host: "127.0.0.1", port }, { method: "POST", path, body: "{}", headers });
}

void t.test("linting needs a key, by either header; what else there is does not", async (t) => {
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [".json"], spill: true, versions: [versionOf([worker.port])] }];
  const apiKeys = [{ name: "alice", sha256: sha256(alices) }, { name: "bob", sha256: sha256(bobs) }];
  const { balancer } = await startBalancerWith(languages, 1, {}, { apiKeys });
  t.teardown(async () => {
    await balancer.drain();
    worker.end();
  });
  const lint = lintAt(balancer.port);

  const none = await lint({});
  t.match(none, { status: 401, headers: { "www-authenticate": 'Bearer realm="lintel"', "content-type": "application/problem+json" } });
  t.match(none.json(), { code: "unauthorized", retryable: false, detail: /needs an API key here: send it as Authorization: Bearer KEY/ });
  for (const headers of [{ Authorization: `Bearer ${alices}` }, { authorization: `bearer  ${alices} ` }, { "X-API-Key": bobs }, { "X-API-Key": bobs, Authorization: "Basic cHJveHk6c2VjcmV0" }]) {
    t.equal((await lint(headers)).status, 200, JSON.stringify(headers));
  }
  for (const headers of [{ Authorization: `Bearer ${alices}x` }, { "X-API-Key": sha256(alices) }, { "X-API-Key": "wrong", Authorization: `Bearer ${alices}` }]) {
    const wrong = await lint(headers);
    t.match(wrong, { status: 401, headers: { "www-authenticate": 'Bearer realm="lintel", error="invalid_token"' } }, JSON.stringify(headers));
    t.notOk(wrong.body.includes(alices), "a key is never shown back");
  }
  t.equal((await lint({ Authorization: `Basic ${Buffer.from(`alice:${alices}`).toString("base64")}` })).status, 401, "another scheme is no key");
  t.equal((await lint({}, "/v1/lint?filename=a.json")).status, 401);
  t.equal((await lint({}, "/v1/lint/none")).status, 401, "and says nothing of what is served");
  for (const path of ["/v1/languages", "/openapi.json", "/"]) t.equal((await ask({ host: "127.0.0.1", port: balancer.port }, { path })).status, 200, path);

  balancer.crashShard(0);
  await until(() => balancer.threadStates()[0]?.restarts === 1 && balancer.notReadyBecause() === "", 10_000, () => "the shard to be back");
  t.equal((await lint({ "X-API-Key": bobs })).status, 200, "a shard that crashed knows them again");
  t.equal((await lint({})).status, 401);
});

void t.test("with keys an allowance is its owner's, wherever they are; who guesses has that of their address", async (t) => {
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [], spill: true, versions: [versionOf([worker.port])] }];
  const apiKeys = [{ name: "alice", sha256: sha256(alices) }, { name: "alice", sha256: sha256("alice-new-0123456789") }, { name: "bob", sha256: sha256(bobs) }];
  const { balancer } = await startBalancerWith(languages, 1, {}, { apiKeys, rateLimit: { requests: 1, periodMs: 3_600_000, burst: 3, trustedProxies: ["127.0.0.0/8"] } });
  t.teardown(async () => {
    await balancer.drain();
    worker.end();
  });
  const lint = lintAt(balancer.port);
  const statuses: number[] = [];
  for (const key of [alices, "alice-new-0123456789", alices, alices]) statuses.push((await lint({ "X-API-Key": key, "X-Forwarded-For": `203.0.113.${statuses.length}` })).status);
  t.same(statuses, [200, 200, 200, 429], "four addresses and two keys are one alice");
  t.equal((await lint({ "X-API-Key": bobs, "X-Forwarded-For": "203.0.113.0" })).status, 200, "bob at the same address is another");
  const guesses: number[] = [];
  for (let count = 0; count < 4; count++) guesses.push((await lint({ "X-API-Key": `guess-${count}`, "X-Forwarded-For": "203.0.113.9" })).status);
  t.same(guesses, [401, 401, 401, 429]);
});

void t.test("the file is read again when it changes and by a reload; a bad one changes nothing", async (t) => {
  const folder = t.testdir({ keys: `# who may lint\nalice ${alices}\nbob sha256:${sha256(bobs)}\n`, "a.json": "{}\n", key: `${bobs}\n` });
  const file = join(folder, "keys");
  const worker = await startLightWorker("json", "1");
  const balancer = await BalancerProcess.start({ http: { apiKeys: file }, limits: { drainQuietMs: 0 }, languages: { json: [{ version: "1", weight: 1, workers: [worker.id] }] } });
  t.teardown(async () => {
    await balancer.stop();
    worker.end();
  });
  const lint = lintAt(balancer.port);
  const status = async (key: string): Promise<number> => (await lint({ "X-API-Key": key })).status;
  t.same([await status(alices), await status(bobs)], [200, 200]);

  writeFileSync(file, `bob sha256:${sha256(bobs)}\n`);
  // Whoever watches the file may have been quicker: then there is nothing left to apply.
  t.match(await balancer.reload(), { kind: /^(applied|unchanged)$/ });
  t.same([await status(alices), await status(bobs)], [401, 200], "from the answer on");
  writeFileSync(file, `alice ${alices}\nbob ${bobs}\n`);
  await until(async () => (await status(alices)) === 200, 10_000, () => "the watched file to be read");
  writeFileSync(file, "alice short\n");
  t.match(await balancer.reload(), { kind: "refused", problems: [/keys:1: the key has 5 characters, at least 16 are needed.*; the list of API keys before it stays in use$/] });
  t.same([await status(alices), await status(bobs)], [200, 200]);
  for (const key of [alices, bobs]) t.notOk(balancer.log.includes(key), "no key is in the log");

  const lintel = (args: readonly string[], env = {}) => runLintel(["lint", "--url", balancer.url, ...args, join(folder, "a.json")], { env });
  t.match(await lintel(["--api-key-file", join(folder, "key")]), { code: 0 });
  t.match(await lintel([], { LINTEL_API_KEY: alices }), { code: 0 });
  t.match(await lintel([]), { code: 2, stderr: /Linting needs an API key here.*401 unauthorized/ });
});

void t.test("what is wrong with the file is said with its place, and never a key", async (t: Test) => {
  const folder = t.testdir({});
  const file = join(folder, "keys");
  const secret = "not-to-be-shown-0123456789";
  const refusals: readonly (readonly [string, RegExp])[] = [
    ["# nobody\n\n", /lets nobody in; expected lines of NAME KEY/],
    [`a b ${secret}`, /keys:1: expected two words, NAME KEY/],
    [`ok ${secret}\n${"n".repeat(65)} ${secret}`, /keys:2: the first word cannot be a name/],
    ["a sha256:12", /keys:1: what follows sha256: is not 64 hexadecimal digits/],
    [`a ${secret}é`, /keys:1: the key cannot be sent in a header/],
  ];
  for (const [text, message] of refusals) {
    writeFileSync(file, text);
    const thrown: unknown = await followApiKeys(file, systemClock, quiet).catch((error: unknown) => error);
    t.match(thrown, { name: "UserError", exitCode: 2, message });
    t.notOk(String(thrown).includes(secret));
  }
  writeFileSync(file, `a ${secret}\n`);
  chmodSync(file, 0o666);
  await t.rejects(followApiKeys(file, systemClock, quiet), { message: /can be written by everybody; run chmod o-w/ });
});
