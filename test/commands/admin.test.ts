/** `lintel admin` against the manager in `lintel up`: no set-up, every verb, its exit codes and its documents. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import t from "tap";
import { parse } from "yaml";
import type { ChangeDocument, HistoryDocument, StatusDocument } from "../../src/client/admin-documents.js";
import { administratorOf } from "../support/run-admin.js";
import { mainPath, runLintel } from "../support/run-lintel.js";
import { startUp } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";

const config = (weight: number): string => `languages: { json: { versions: [{ version: "1.0", weight: ${weight}, run: { builtin: json, threads: 1 } }] } }`;

void t.test("an administrator's commands work on one machine with no set-up", { timeout: 120_000 }, async (t) => {
  const service = await startUp(t, { config: config(100) });
  const { tries, does, asks } = administratorOf(service.manager);

  t.match(await asks("status"), { revision: 1, balancers: { up: { acked: 1, shards: [1], connected: true, ready: true } }, languages: { json: { versions: { "1.0": { weight: 100, share: 1 } } } }, platform: "local", store: "memory" });
  t.match(
    await asks("register", "json", "2.0", "--builtin", "json", "--weight", "1", "--wait", "--reason", "try it"),
    { revision: 2, changed: true, dryRun: false, barrier: { revision: 2, open: true, laggards: {} } } satisfies Partial<ChangeDocument>,
  );
  t.equal((await fetch(`${service.url}/v1/lint/json?version=2.0`, { method: "POST", body: "{}", headers: { connection: "close" } })).headers.get("lintel-version"), "2.0", "what is active everywhere answers");

  const dry = await does("weights", "json", "1.0=50", "2.0=50", "--dry-run");
  t.equal(dry, "~ json 1.0: weight 100 -> 50\n~ json 2.0: weight 1 -> 50\nnothing was changed (--dry-run); revision 2 is the newest\n");
  const conflict = await tries("weights", "json", "--wait", "1.0=50", "2.0=50", "--if-revision", "1");
  t.equal(conflict.code, 3);
  t.match(conflict.stderr, /^lintel: the configuration is at revision 2, not 1 any more; .*register json 2\.0/);
  const refused = await tries("unregister", "json", "1.0");
  t.equal(refused.code, 1);
  t.match(refused.stderr, /still has weight 100 .*move it first: `lintel admin weights json/);
  t.equal((await tries("weights", "jsn", "1.0=1")).code, 2);

  await does("workers", "drain", "json-1.0-1", "--wait");
  t.match(await does("workers"), /^json-1\.0-1 +json +1\.0 +127\.0\.0\.1:\d+ +drained/m);
  await does("undo", "--wait", "--reason", "not that one");
  const history = parse(await does("history", "-o", "yaml")) as HistoryDocument;
  t.match(history.entries, [{ revision: 4, what: "undo", reason: "not that one" }, { revision: 3, what: "drain json-1.0-1" }, { revision: 2, reason: "try it" }, { revision: 1, who: /^file:.*lintel\.yaml$/ }]);
});

void t.test("status --watch shows every change as it comes, and ends with its reader", { timeout: 120_000 }, async (t) => {
  const service = await startUp(t, { config: config(100) });
  const watch = spawn(process.execPath, [mainPath, "admin", "status", "--watch", "-o", "json", "--manager", service.manager], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => watch.kill("SIGKILL"));
  let text = "";
  watch.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const newest = (): number => (JSON.parse(text.split("\n").at(-2) ?? '{"revision":0}') as StatusDocument).revision;
  await waitUntil("the status", () => newest() === 1);
  await administratorOf(service.manager).does("weights", "json", "1.0=7");
  await waitUntil("the change", () => newest() === 2);
  const ended = once(watch, "exit");
  watch.stdout.destroy();
  await administratorOf(service.manager).does("weights", "json", "1.0=8");
  await administratorOf(service.manager).does("weights", "json", "1.0=9");
  t.same(await ended, [0, null]);
});

void t.test("the file and the administrators change the same configuration, and undo knows both", { timeout: 120_000 }, async (t) => {
  const service = await startUp(t, { config: config(100) });
  const { does, asks } = administratorOf(service.manager);
  const weight = async (): Promise<number | undefined> => ((await asks("versions")) as StatusDocument).languages["json"]?.versions["1.0"]?.weight;
  await does("weights", "json", "1.0=7");
  writeFileSync(service.configPath, config(50));
  await waitUntil("the file's change to be active", async () => ((await service.status()) as { revision: number }).revision === 3);
  t.equal(await weight(), 50);
  await does("undo");
  t.equal(await weight(), 7, "what an administrator made of the file before it changed");
});

void t.test("with --state what administrators changed outlives a restart, until the file says something else", { timeout: 120_000 }, async (t) => {
  const state = t.testdir();
  const first = await startUp(t, { config: config(100), args: ["--state", state] });
  await administratorOf(first.manager).does("weights", "json", "1.0=7", "--wait");
  await first.stop();
  const restarted = await startUp(t, { args: ["--state", state, "--config", first.configPath] });
  const { asks } = administratorOf(restarted.manager);
  t.match(await asks("status"), { revision: 2, languages: { json: { versions: { "1.0": { weight: 7 } } } } });
  writeFileSync(first.configPath, config(9));
  await waitUntil("the file's change to be active", async () => ((await restarted.status()) as { revision: number }).revision === 3);
  t.match(await asks("versions"), { revision: 3, languages: { json: { versions: { "1.0": { weight: 9 } } } } });
});

void t.test("what became of a reload, in a sentence and an exit code", async (t) => {
  const asked: string[] = [];
  const answers = [{ kind: "applied", revision: 3, warnings: [], late: "up: no acknowledgement for 5.0 s" }, { kind: "planned", revision: 3, differences: ["json 1: weight 3 -> 4"] }, { kind: "conflict", revision: 3, reason: "the configuration is at revision 3, not 2" }];
  const port = createHttpServer(({ url = "" }, response) => {
    asked.push(url);
    const answer = answers.shift();
    // The last one is kept waiting.
    if (answer !== undefined) response.end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  t.teardown(() => {
    port.closeAllConnections();
    port.close();
  });
  await once(port, "listening");
  const address = port.address();
  const reload = (...flags: readonly string[]) => runLintel(["admin", "reload", "--admin", `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`, ...flags]);
  t.match(await reload(), { code: 4, stdout: "", stderr: "lintel: revision 3 is stored, but not active everywhere yet: up: no acknowledgement for 5.0 s\n" });
  t.match(await reload("--dry-run"), { code: 0, stdout: "~ json 1: weight 3 -> 4\nnothing was changed (--dry-run); revision 3 is the newest\n" });
  t.match(await reload("--if-revision", "2", "--reason", "a b"), { code: 3, stderr: "lintel: the configuration is at revision 3, not 2\n" });
  t.match(await reload("--wait=200ms"), { code: 4, stderr: /^lintel: after 200ms not active everywhere; `lintel admin status` shows/ });
  t.same(asked, ["/reload", "/reload?dryRun=true", "/reload?ifRevision=2&reason=a+b", "/reload"]);
});

void t.test("nobody at the address, or no manager, is one clear sentence", async (t) => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const address = free.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await new Promise((resolve) => free.close(resolve));
  const { code, stderr } = await administratorOf(`127.0.0.1:${port},127.0.0.1:${port}`).tries("status");
  t.equal(code, 1);
  t.match(stderr, /^lintel: none of the managers answers \(127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+\) \(connect ECONNREFUSED 127\.0\.0\.1:\d+\); is one running, and is this its --manager address\?\n$/);
  t.match((await administratorOf("nonsense").tries("status")).stderr, /^lintel: --manager nonsense: expected HOST:PORT, such as 127\.0\.0\.1:9900; the port is missing\n$/);
  for (const [args, expected] of [
    [["scale", "json", "1", "many"], /^lintel: the number of replicas is "many", but must be a whole number from 0 to/],
    [["weights", "json", "1.0"], /^lintel: "1\.0": expected VERSION=WEIGHT, such as 0\.18\.0=10\n$/],
    [["undo", "--wait=soon"], /^lintel: --wait=soon: expected a duration/],
  ] as const) {
    const wrong = await administratorOf("127.0.0.1:9").tries(...args);
    t.equal(wrong.code, 2, args.join(" "));
    t.match(wrong.stderr, expected);
  }
});
