// One change at a time, durable before anybody hears of it; what happens when others write, and when something fails.
import { readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { FileAuditLog, noAuditLog } from "../../src/manager/audit-log.js";
import type { Store } from "../../src/manager/store/store.js";
import { configurationFrom } from "../../src/manager/store/stored-text.js";
import { emptyConfiguration, type StoredConfiguration } from "../../src/manager/stored-configuration.js";
import { ask, managerFolder } from "../support/manager-in-process.js";
import { registerChange, weightsChange } from "../support/stored-configurations.js";
import { waitUntil } from "../support/wait-until.js";

const builtin = { source: { kind: "builtin", builtin: "python" } } as const;
const registerPython = registerChange("python", "1", { weight: 1, ...builtin });

void t.test("a change is durable when it is heard of, and a manager that comes back has it", async (t) => {
  const { open, storePath } = managerFolder(t);
  const manager = await open();
  const heard: number[] = [];
  manager.onConfiguration((configuration) => {
    heard.push(configuration.revision);
    t.same(configurationFrom(readFileSync(storePath, "utf8"), "the store"), configuration, "on the disk already");
  });
  t.match(await ask(manager, registerPython), { kind: "done", revision: 1, changed: true, differences: ["python: added", "python 1: added with weight 1", "python 1: run by builtin python, 1 worker"] });
  t.match(await ask(manager, weightsChange("python", { "1": 2 })), { kind: "done", revision: 2 });
  t.match(await ask(manager, weightsChange("python", { "1": 2 })), { kind: "done", revision: 2, changed: false, differences: [] });
  t.match(await ask(manager, weightsChange("pyton", { "1": 2 })), { kind: "refused", why: "invalid" });
  t.match(await ask(manager, { kind: "undo", revision: 0 }, { dryRun: true }), { kind: "done", revision: 2, changed: true, differences: ["python 1: weight 2 -> 1"] }, "a dry run says what would be");
  t.same(heard, [1, 2]);
  const again = await open();
  t.same(again.current, manager.current);
});

void t.test("a change based on an older revision is refused with what changed meanwhile", async (t) => {
  const { open } = managerFolder(t);
  const [one, other] = [await open(), await open()];
  await ask(one, registerPython);
  t.match(await ask(other, weightsChange("python", { "1": 5 }), { ifRevision: 1, who: "bob" }), { kind: "done", revision: 2 }, "also when the other manager wrote it");
  t.match(await ask(one, weightsChange("python", { "1": 7 }), { ifRevision: 1 }), {
    kind: "refused",
    why: "conflict",
    message: "the configuration is at revision 2, not 1 any more; since then: 2 by bob: weights python 1=5. Look at it with `lintel admin status`, then try again with --if-revision 2",
  });
  t.match(await ask(one, weightsChange("python", { "1": 7 }), { ifRevision: 9 }), { kind: "refused", why: "conflict", message: "there is no revision 9 yet; the newest is 2" });
  t.equal(one.current.revision, 2);
});

void t.test("a repeated request is answered with what the first did, at any manager, also after a restart", async (t) => {
  const { open } = managerFolder(t);
  const [one, other] = [await open(), await open()];
  await ask(one, registerPython);
  const weights = weightsChange("python", { "1": 5 });
  const first = await ask(one, weights, { requestId: "r1" });
  t.match(first, { kind: "done", revision: 2, changed: true, differences: ["python 1: weight 1 -> 5"] });
  await ask(one, weightsChange("python", { "1": 6 }));
  t.same(await ask(one, weights, { requestId: "r1" }), first);
  t.same(await ask(other, weights, { requestId: "r1", ifRevision: 1 }), first, "and nobody else's change between is held against it");
  t.same(await ask(await open(), weights, { requestId: "r1" }), first);
  t.match(await ask(one, weightsChange("python", { "1": 9 }), { requestId: "r1" }), { kind: "refused", why: "invalid", message: "the request id r1 was used for another change (revision 2: weights python 1=5); give every change an id of its own" });
  t.equal(one.current.revision, 3);
  const both = await Promise.all([ask(one, weights, { requestId: "r2" }), ask(other, weights, { requestId: "r2" })]);
  t.same(both.map((outcome) => outcome.kind === "done" && outcome.revision), [4, 4], "twice at once, too");
});

void t.test("two managers with interleaved writers lose nothing", async (t) => {
  const { open } = managerFolder(t);
  const managers = [await open(), await open()];
  const versions = Array.from({ length: 40 }, (_, index) => `1.${index}`);
  const outcomes = await Promise.all(versions.map((version, index) => ask(managers[index % 2]!, registerChange("python", version, { workers: [`10.0.0.1:${7000 + index}`] }))));
  t.same(outcomes.map((outcome) => (outcome.kind === "done" ? outcome.revision : outcome.message)).sort((a, b) => Number(a) - Number(b)), Array.from({ length: 40 }, (_, index) => index + 1), "forty changes, forty revisions");
  for (const manager of managers) {
    await waitUntil("both managers to have all", () => manager.current.revision === 40);
    t.same(manager.current.languages[0]?.versions.map(({ version }) => version).sort(), versions.sort());
  }
});

void t.test("a manager hears of what the other one changed", async (t) => {
  const { open } = managerFolder(t);
  const [one, other] = [await open(), await open()];
  const heard: number[] = [];
  other.onConfiguration(({ revision }) => heard.push(revision));
  await ask(one, registerPython);
  await waitUntil("the other one to hear", () => other.current.revision === 1);
  t.same(heard, [1]);
});

void t.test("the platform is asked before a change is stored, of what is new to it alone", async (t) => {
  const { open } = managerFolder(t);
  const asked: string[] = [];
  let sentence = "";
  const platform = { refusalOf: ({ version }: { version: string }) => (asked.push(version), Promise.resolve(sentence)) };
  const manager = await open({ platform });
  await ask(manager, registerPython);
  await ask(manager, weightsChange("python", { "1": 3 }));
  t.same(asked, ["1"]);
  sentence = "this machine has no such program; install it";
  t.match(await ask(manager, registerChange("python", "2", builtin)), { kind: "refused", why: "invalid", message: "python 2 cannot be run: this machine has no such program; install it" });
  t.equal(manager.current.revision, 2);
  await ask(manager, { kind: "replace", languages: [] });
  t.match(await ask(manager, { kind: "undo", revision: 0 }), { kind: "done", revision: 4, changed: true, warnings: ["python 1 cannot be run: this machine has no such program; install it"] }, "an undo is never refused for it");
});

void t.test("a platform that does not answer, or cannot, keeps one change back and no other", async (t) => {
  const { open } = managerFolder(t);
  const platform = { refusalOf: ({ version }: { version: string }) => (version === "1" ? new Promise<string>(() => undefined) : Promise.reject(new Error("no connection"))) };
  const manager = await open({ platform }, { platformTimeoutMs: 20 });
  // A manager's own timers do not keep a process alive.
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(alive));
  t.match(await ask(manager, registerPython), { kind: "refused", why: "unavailable", message: "the platform did not say within 20 ms whether it can run python 1; nothing was changed, try again" });
  t.match(await ask(manager, registerChange("python", "2", builtin)), { kind: "refused", why: "unavailable", message: /whether it can run python 2: no connection; nothing was changed/ });
  t.match(await ask(manager, registerChange("python", "3", { workers: ["h:1"] })), { kind: "done", revision: 1 });
});

/** A store that does as its test says. */
function scriptedStore(given: Partial<Store>): Store {
  return { name: "a store", read: () => Promise.resolve(emptyConfiguration), write: () => Promise.resolve({ kind: "written" }), watch: () => undefined, close: () => Promise.resolve(), ...given };
}

void t.test("a write of which nobody knows is looked for in the store", async (t) => {
  const { open } = managerFolder(t);
  let kept: StoredConfiguration = emptyConfiguration;
  const lostReply = scriptedStore({ read: () => Promise.resolve(kept), write: (_basedOn, next) => ((kept = structuredClone(next)), Promise.resolve({ kind: "failed", reason: "the line was cut" })) });
  t.match(await ask(await open({ store: lostReply }), registerPython), { kind: "done", revision: 1, changed: true }, "it was made");
  const lostWrite = scriptedStore({ write: () => Promise.resolve({ kind: "failed", reason: "the line was cut" }) });
  t.match(await ask(await open({ store: lostWrite }), registerPython), { kind: "refused", why: "unavailable", message: "the line was cut; nothing was changed" });
  let reads = 0;
  const gone = scriptedStore({ ...lostWrite, read: () => (++reads > 2 ? Promise.reject(new Error("no answer")) : Promise.resolve(emptyConfiguration)) });
  t.match(await ask(await open({ store: gone }), registerPython), { kind: "refused", why: "unavailable", message: /^the line was cut; whether the change was made is not known/ });
});

void t.test("a store that is never free, or full, is told of", async (t) => {
  const { open } = managerFolder(t);
  const busy = await open({ store: scriptedStore({ write: () => Promise.resolve({ kind: "conflict", current: emptyConfiguration }) }) }, { writeAttemptsMax: 3 });
  t.match(await ask(busy, registerPython), { kind: "refused", why: "unavailable", message: "other managers were faster 3 times in a row; nothing was changed, try again" });
  const full = await open({ store: scriptedStore({ write: () => Promise.resolve({ kind: "too-large", reason: "too much" }) }) });
  t.match(await ask(full, registerPython), { kind: "refused", why: "too-large", message: "too much" });
});

void t.test("an older store in place of the newer is not taken over", async (t) => {
  const { open, storePath } = managerFolder(t);
  const manager = await open();
  await ask(manager, registerPython);
  const older = readFileSync(storePath);
  await ask(manager, weightsChange("python", { "1": 4 }));
  writeFileSync(storePath, older);
  t.match(await ask(manager, weightsChange("python", { "1": 5 })), { kind: "refused", why: "unavailable", message: /went back from revision 2 to 1, perhaps to a backup, and balancers take no older revision/ });
  t.equal(manager.current.revision, 2);
});

void t.test("more changes than can wait are refused at once", async (t) => {
  const { open } = managerFolder(t);
  const manager = await open({}, { waitingMax: 2 });
  const outcomes = await Promise.all([ask(manager, registerPython), ask(manager, weightsChange("python", { "1": 4 })), ask(manager, { kind: "undo", revision: 0 })]);
  t.match(outcomes, [{ kind: "done" }, { kind: "done" }, { kind: "refused", why: "unavailable", message: /^2 changes are waiting/ }]);
  t.match(await ask(manager, { kind: "undo", revision: 0 }), { kind: "done", revision: 3 });
});

void t.test("everything asked for is in the audit log, also what was refused", async (t) => {
  const { open, auditPath } = managerFolder(t);
  const manager = await open();
  await ask(manager, registerPython, { reason: "new", requestId: "r1" });
  await ask(manager, registerPython);
  await ask(manager, { kind: "undo", revision: 0 }, { dryRun: true });
  await ask(manager, { kind: "unregister", language: "python", version: "1" }, { who: "bob" });
  const records = readFileSync(auditPath, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(records, [
    { at: /^\d{4}-\d\d-\d\dT/, who: "alice", what: "register python 1 weight=1 builtin=python", reason: "new", requestId: "r1", outcome: "done", revision: 1, differences: [/added/, /weight 1/, /builtin/] },
    { outcome: "unchanged", revision: 1 },
    { what: "undo", outcome: "dry-run", revision: 1 },
    { who: "bob", what: "unregister python 1", outcome: "refused", revision: 1, message: /still has weight 1/ },
  ]);
});

void t.test("what a killed manager did not record is recorded when it comes back, once", async (t) => {
  const { open, auditPath } = managerFolder(t);
  const manager = await open();
  await ask(manager, registerPython);
  await manager.close();
  // The change is stored, its record only half written.
  const whole = readFileSync(auditPath, "utf8");
  writeFileSync(auditPath, whole.slice(0, 30));
  await (await open()).close();
  await (await open()).close();
  const [half = "", record = "", ...rest] = readFileSync(auditPath, "utf8").trimEnd().split("\n");
  t.equal(half, whole.slice(0, 30));
  t.match(JSON.parse(record), { who: "alice", what: /^register python 1/, outcome: "done", revision: 1, recovered: true });
  t.same(rest, []);
});

void t.test("an audit log that cannot be written is told of, and no change is lost for it", async (t) => {
  const { open, folder, log } = managerFolder(t);
  await t.rejects(FileAuditLog.open(folder), { name: "UserError", message: /the audit log .* cannot be written: .*--audit-log/ });
  const audit = { ...noAuditLog, name: "a full disk", append: () => Promise.reject(new Error("no space left")) };
  const manager = await open({ audit });
  t.match(await ask(manager, registerPython), { kind: "done", revision: 1, warnings: ["the audit log a full disk cannot be written: no space left"] });
  t.match(log(), "the audit log a full disk cannot be written");
});
