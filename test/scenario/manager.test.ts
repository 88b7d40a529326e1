/** `lintel manager` as operators run it: with a balancer elsewhere, killed and started again, with tokens. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { identityOf } from "../../src/manager/platform/process-identity.js";
import { startFollower, startManager } from "../support/managed-service.js";
import { readScrape } from "../support/metric-names.js";
import { administratorOf } from "../support/run-admin.js";
import { folderWith, runLintel } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

const lint = async (url: string): Promise<number> => (await fetch(`${url}/v1/lint/json`, { method: "POST", body: "{}", headers: { connection: "close" } })).status;

void t.test("a manager that is killed leaves users served, and its successor takes the workers over", { skip: process.platform !== "linux" && "needs /proc", timeout: 120_000 }, async (t) => {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const store = join(folder.path, "manager.json");
  const first = await startManager(t, store);
  const before = administratorOf(first.address);
  await before.does("register", "json", "1.0", "--builtin", "json", "--weight", "1", "--replicas", "2");
  const balancer = await startFollower(t, first.address, { name: "b1", state: folder.path });
  t.match(await before.asks("status", "--wait"), { revision: 1, balancers: { b1: { acked: 1, shards: [1] } } });
  const pidsOf = ({ workers }: StatusDocument): number[] => Object.values(workers).map(({ pid }) => pid);
  await waitUntil("both workers to listen", async () => Object.values(((await before.asks("workers")) as StatusDocument).workers).every(({ state }) => state === "listening"));
  const pids = pidsOf((await before.asks("workers")) as StatusDocument);

  // They outlive the manager by design, and must not outlive a test that fails.
  t.teardown(() => pids.filter((pid) => identityOf(pid) !== "").forEach((pid) => process.kill(pid, "SIGKILL")));
  first.kill("SIGKILL");
  // Not until its output has ended: its workers have that, too.
  await waitUntil("the manager to be gone", () => identityOf(first.pid) === "");
  const statuses = [];
  for (let count = 0; count < 20; count++) statuses.push(await lint(balancer.url));
  t.same(statuses, Array(20).fill(200), "users notice nothing");

  const second = await startManager(t, store, ["--listen", first.address]);
  const after = administratorOf(second.address);
  t.same(pidsOf((await after.asks("workers")) as StatusDocument), pids, "the same processes");
  t.match(await after.asks("scale", "json", "1.0", "1", "--wait"), { revision: 2, barrier: { open: true } });

  balancer.kill("SIGSTOP");
  const late = await after.tries("weights", "json", "1.0=5", "--wait=300ms", "-o", "json");
  balancer.kill("SIGCONT");
  t.equal(late.code, 4, "stored, and not active everywhere in time");
  t.match(JSON.parse(late.stdout), { revision: 3, changed: true, barrier: { open: false, laggards: { b1: { shards: [2] } } } });
  t.match(late.stderr, /^lintel: revision 3 is stored, but after 300ms not active everywhere:\n {2}b1: shard 0 has 2, /);
  t.match(await after.asks("status", "--wait"), { revision: 3, balancers: { b1: { acked: 3 } } }, "it follows as soon as it can");
  t.equal(await lint(balancer.url), 200);
  await balancer.stop();
  await second.stop();
  t.same(pids.map(identityOf), ["", ""], "no worker is left");
});

void t.test("tokens decide who may do what", { timeout: 60_000 }, async (t) => {
  const folder = folderWith({ tokens: "viewer eve viewer-token-0123456789\noperator olga operator-token-0123456789\n", eve: "viewer-token-0123456789\n", olga: "operator-token-0123456789\n", stranger: "stranger-token-0123456789\n" });
  t.teardown(folder.remove);
  const manager = await startManager(t, join(folder.path, "manager.json"), ["--platform", "none", "--tokens-file", join(folder.path, "tokens"), "--metrics", "127.0.0.1:0"]);
  const metricsPort = /"metrics":(\d+)/.exec(manager.stderr())?.[1] ?? "";
  const scrape = readScrape(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers: { connection: "close" } })).text());
  t.same(scrape.faults, []);
  t.ok(scrape.series.has("lintel_manager_revision"), "its metrics need no token: they are on loopback only");
  const tries = (name: string, ...args: readonly string[]) => administratorOf(manager.address, ["--token-file", join(folder.path, name)]).tries(...args);
  t.equal((await tries("eve", "status")).code, 0);
  const stranger = await tries("stranger", "status");
  t.equal(stranger.code, 6);
  t.match(stranger.stderr, /^lintel: the token is not known here/);
  const eve = await tries("eve", "undo");
  t.equal(eve.code, 6);
  t.match(eve.stderr, /eve has the role viewer, which may not move traffic; it takes the role operator/);
  const olga = await tries("olga", "register", "json", "1.0", "--builtin", "json");
  t.equal(olga.code, 6, "what is run is for administrators to say");
  t.equal((await administratorOf(manager.address).tries("status")).code, 6, "no token is no caller");
});

void t.test("what cannot start says so in one sentence and exits with 2", { timeout: 60_000 }, async (t) => {
  const folder = folderWith({ bad: "nobody\n" });
  t.teardown(folder.remove);
  writeFileSync(join(folder.path, "broken.json"), "{}");
  const store = `file:${join(folder.path, "manager.json")}`;
  for (const [args, expected] of [
    [["--store", "memory"], /^lintel: --store memory: expected file:PATH/],
    [["--store", store, "--listen", "0.0.0.0:0", "--platform", "none"], /^lintel: the manager may only listen on loopback .* it has no TLS/],
    [["--store", store, "--shared-store"], /^lintel: --shared-store: .* add --platform none\n$/],
    [["--store", store, "--tokens-file", join(folder.path, "bad")], /^lintel: .*bad:1: /],
    [["--store", `file:${join(folder.path, "broken.json")}`], /^lintel: .*broken\.json/],
  ] as const) {
    const { code, stderr } = await runLintel(["manager", ...args]);
    t.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    t.match(stderr, expected);
  }
});
