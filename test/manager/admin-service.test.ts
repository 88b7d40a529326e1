// The admin service over real gRPC on loopback: what administrators are told.
import t, { type Test } from "tap";
import { Metadata, status } from "@grpc/grpc-js";
import type { WorkerSeen } from "../../src/manager/admin-status.js";
import type { ChangeKinds, StatusReplyMessage } from "../../src/rpc/admin-messages.js";
import { startAdminServer } from "../support/admin-server.js";
import { AdminCaller } from "../support/manager-process.js";
import { waitUntil } from "../support/wait-until.js";

async function service(t: Test, workers: readonly WorkerSeen[] = []) {
  const server = await startAdminServer(t, { workers });
  const caller = new AdminCaller(server.address);
  t.teardown(() => caller.close());
  return { ...server, caller };
}

const registerPython = (version: string, weight: number): ChangeKinds => ({
  register: { language: "python", version, weight, builtin: "python", replicas: 2, workers: [], extensions: [] },
});

void t.test("changes of every kind, and what is said of them", async (t) => {
  const { caller } = await service(t);
  t.match(await caller.change(registerPython("1", 100)), { revision: 1, changed: true, differences: ["python: added", "python 1: added with weight 100", "python 1: run by builtin python, 2 workers"], warnings: [] });
  await caller.change({ register: { language: "python", version: "2", weight: 0, command: { argv: ["lint2", "-"], report: "lines" }, replicas: 0, workers: [], extensions: [] } });
  await caller.change({ register: { language: "shell", version: "1", weight: 1, replicas: 0, workers: ["10.0.0.5:7070"], extensions: [".zsh"] } });
  t.match(await caller.change({ weights: { language: "python", weights: [{ version: "1", weight: 99 }, { version: "2", weight: 1 }] } }, { reason: "canary" }), { revision: 4, differences: ["python 1: weight 100 -> 99", "python 2: weight 0 -> 1"] });
  t.match(await caller.change({ scale: { language: "python", version: "1", replicas: 3 } }), { differences: ["python 1: replicas 2 -> 3"] });
  t.match(await caller.change({ drain: { workerId: "10.0.0.5:7070", drained: true } }), { differences: ["worker 10.0.0.5:7070: drained"], warnings: [/^every worker of shell 1 is drained/] });
  t.match(await caller.change({ undo: { revision: 0 } }, { dryRun: true }), { revision: 6, changed: true, differences: ["worker 10.0.0.5:7070: no longer drained"] });
  t.match(await caller.change({ undo: { revision: 4 } }), { revision: 7, differences: ["python 1: weight 99 -> 100", "python 2: weight 1 -> 0", "python 1: replicas 3 -> 2", "worker 10.0.0.5:7070: no longer drained"] });
  t.match(await caller.change({ unregister: { language: "python", version: "2" } }), { revision: 8, differences: ["python 2: removed"] });
  const yaml = 'languages: { css: { versions: [{ version: "16", run: { builtin: css } }, { version: "17", weight: 0 }] } }';
  t.match(await caller.change({ replace: { yaml, fileName: "lintel.yaml" } }), { revision: 9, warnings: [/^lintel\.yaml:1:.*: version "17" has neither workers nor run/, /^css 17 has no workers until/] });
  const { entries } = await caller.history(2);
  t.match(entries, [{ revision: 9, what: "replace languages: css", who: "somebody on this machine" }, { revision: 8, what: "unregister python 2" }]);
  t.match((await caller.history()).entries.find(({ revision }) => revision === 4), { reason: "canary", what: "weights python 1=99 2=1" });
});

void t.test("whoever asks is told who the manager takes them for", async (t) => {
  const { caller } = await service(t);
  t.same(await caller.who(), { who: "somebody on this machine", role: "admin", mayOperate: true, proof: "none" });
});

void t.test("refusals are gRPC statuses with a sentence", async (t) => {
  const { caller } = await service(t);
  await caller.change(registerPython("1", 100));
  await t.rejects(caller.change({ unregister: { language: "python", version: "1" } }), { code: status.FAILED_PRECONDITION, details: /^python 1 still has weight 100/ });
  await t.rejects(caller.change({ weights: { language: "pyton", weights: [] } }), { code: status.INVALID_ARGUMENT, details: /did you mean "python"/ });
  await t.rejects(caller.change({ weights: { language: "python", weights: [] } }, { ifRevision: 7 }), { code: status.ABORTED, details: "there is no revision 7 yet; the newest is 1" });
  await t.rejects(caller.change({}), { code: status.INVALID_ARGUMENT, details: /^the request names no change/ });
  await t.rejects(caller.change({ undo: { revision: 0 } }, { requestId: "x".repeat(129) }), { code: status.INVALID_ARGUMENT, details: /^the request id has 129 characters/ });
  const problems = await caller.change({ replace: { yaml: "languages:\n  python: {}\n", fileName: "" } }).then(() => "", (thrown: unknown) => (thrown as { details: string }).details);
  t.match(problems, /^configuration:2:3: languages\.python\.versions: missing/);
  t.equal((await caller.status()).revision, 1, "nothing was changed");
});

void t.test("status tells versions, workers and balancers", async (t) => {
  const seen: WorkerSeen[] = [
    { id: "python-1-1", language: "python", version: "1", state: "listening", sinceUnixMs: 7, restarts: 2, pid: 99, endpoint: { id: "python-1-1", host: "::1", port: 7001 } },
    { id: "python-1-10", language: "python", version: "1", state: "starting", sinceUnixMs: 8 },
    { id: "css-1-1", language: "css", version: "1", state: "leaving", sinceUnixMs: 9 },
    { id: "python-1-2", language: "python", version: "1", state: "pausing", sinceUnixMs: 9, reason: "ended with exit code 1; again in 2 s" },
  ];
  const { caller, fleet, storePath } = await service(t, seen);
  await caller.change(registerPython("1", 100));
  await caller.change({ register: { language: "python", version: "2", weight: 5, image: "lintel-python:2", replicas: 3, workers: [], extensions: [] } });
  await caller.change({ register: { language: "python", version: "3", weight: 0, replicas: 0, workers: ["10.0.0.5:7070"], extensions: [] } });
  await caller.change({ register: { language: "python", version: "4", weight: 0, replicas: 0, workers: [], extensions: [] } });
  await caller.change({ drain: { workerId: "python-1-1", drained: true } });
  fleet.waitingNow = [{ language: "python", version: "1", balancer: "b1", shard: "1", reason: "connecting" }];
  fleet.becomes(5);
  const status = await caller.status();
  t.match(status, {
    revision: 5,
    store: `file:${storePath}`,
    platform: "none",
    languages: [{ language: "python", extensions: [".py", ".pyi"], spill: true }],
    balancers: [{ balancer: "b1", acked: 5, shards: [5, 5], ready: true, program: "0.1.0" }],
  });
  t.same(status.languages[0]?.versions, [
    { version: "1", weight: 100, source: "builtin python", replicas: 2, listening: 0, waiting: "a usable worker on b1 shard 1: connecting" },
    { version: "2", weight: 5, source: "image lintel-python:2", replicas: 3, listening: 0, waiting: "a worker that listens" },
    { version: "3", weight: 0, source: "workers elsewhere", replicas: 0, listening: 1, waiting: "" },
    { version: "4", weight: 0, source: "workers that register themselves", replicas: 0, listening: 0, waiting: "" },
  ]);
  t.match(status.workers, [
    { id: "css-1-1", state: "leaving" },
    { id: "python-1-1", address: "[::1]:7001", state: "drained", restarts: 2, pid: 99, sinceUnixMs: 7 },
    { id: "python-1-2", address: "", state: "pausing", reason: "ended with exit code 1; again in 2 s" },
    { id: "python-1-10", state: "starting" },
    { id: "10.0.0.5:7070", version: "3", state: "elsewhere" },
  ]);
});

void t.test("wait answers when the barrier opens, or with the laggards when time is up", async (t) => {
  const { caller, fleet } = await service(t);
  await caller.change(registerPython("1", 100));
  t.same(await caller.wait(0, 0), { revision: 1, open: false, laggards: [{ balancer: "b1", shardRevisions: [0, 0], reason: "the change is on its way" }] });
  t.match(await caller.wait(1, 30), { open: false, laggards: [{ balancer: "b1" }] });
  const waiting = caller.wait(1, 60_000);
  let answered = false;
  void waiting.then(() => (answered = true));
  await caller.status();
  t.notOk(answered);
  fleet.becomes(1);
  t.same(await waiting, { revision: 1, open: true, laggards: [] });
  t.match(await caller.wait(1, 60_000), { open: true }, "at once, later on");
});

void t.test("watch sends the status at once and after changes, the newest of them", async (t) => {
  const { caller, fleet } = await service(t);
  const stream = caller.watch();
  stream.on("error", () => undefined);
  const seen: StatusReplyMessage[] = [];
  stream.on("data", (reply: StatusReplyMessage) => seen.push(reply));
  await waitUntil("the first", () => seen.length === 1);
  t.equal(seen[0]?.revision, 0);
  await caller.change(registerPython("1", 1));
  for (let weight = 2; weight <= 10; weight++) await caller.change({ weights: { language: "python", weights: [{ version: "1", weight }] } });
  fleet.becomes(10);
  await waitUntil("the newest", () => seen.at(-1)?.revision === 10 && seen.at(-1)?.balancers[0]?.acked === 10);
  t.ok(seen.length < 12, `${seen.length} for eleven changes: not one for each`);
  stream.cancel();
});

void t.test("on a port that asks for no proof, callers say who they are, and it is written down as that", async (t) => {
  const { caller, manager } = await service(t);
  const metadata = new Metadata();
  metadata.set("lintel-user", "alice\u0020smith");
  caller.metadata.merge(metadata);
  await caller.change(registerPython("1", 1));
  t.equal(manager.current.history[0]?.who, "alice?smith (not verified)");
});
