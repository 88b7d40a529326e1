// The store in a file: durable, compared before it is swapped, held by one manager or shared by several that say so.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { systemClock } from "../../../src/base/clock.js";
import { FileStore, type FileStoreOptions } from "../../../src/manager/store/file-store.js";
import { textOf } from "../../../src/manager/store/stored-text.js";
import { emptyConfiguration, type StoredConfiguration } from "../../../src/manager/stored-configuration.js";
import { recordingLogger } from "../../support/recording-logger.js";
import { folderWith } from "../../support/run-lintel.js";
import { configured, registerChange } from "../../support/stored-configurations.js";
import { waitUntil } from "../../support/wait-until.js";

const first = configured(registerChange("python", "1", { weight: 1, workers: ["10.0.0.5:7070"] }));
const second = configured(registerChange("python", "1", { weight: 1, workers: ["10.0.0.5:7070"] }), { kind: "drain", workerId: "10.0.0.5:7070", drained: true });

/** A folder of the test's own, and stores in it that are closed with it. */
function place(t: Test) {
  const folder = folderWith({});
  const path = join(folder.path, "manager.json");
  const log = recordingLogger();
  const opened: FileStore[] = [];
  t.teardown(async () => {
    for (const store of opened) await store.close();
    folder.remove();
  });
  const open = async (given: Partial<FileStoreOptions> = {}): Promise<FileStore> => {
    const store = await FileStore.open({ path, shared: false, clock: systemClock, logger: log.logger, ...given });
    opened.push(store);
    return store;
  };
  return { folder: folder.path, path, open, log };
}

void t.test("what is written is read again, by the next manager too, and only its user may read the file", async (t) => {
  const { folder, path, open } = place(t);
  const store = await open();
  t.same(await store.read(), emptyConfiguration, "nothing yet");
  t.same(await store.write(0, first), { kind: "written" });
  t.same(await store.read(), first);
  t.equal(readFileSync(path, "utf8"), textOf(first));
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(readdirSync(folder), ["manager.json"], "nothing is left beside it");
  await store.close();
  t.same(await (await open()).read(), first);
});

void t.test("a write that is not based on what is there changes nothing and says what is there", async (t) => {
  const { open } = place(t);
  const store = await open();
  await store.write(0, first);
  t.same(await store.write(0, first), { kind: "conflict", current: first });
  t.same(await store.write(7, { ...first, revision: 8 }), { kind: "conflict", current: first });
  t.same(await store.write(1, second), { kind: "written" });
  t.throws(() => store.write(1, first), /one revision further/, "a bug of the caller");
});

void t.test("many writers in several stores of one file: each revision is one writer's", async (t) => {
  const { open } = place(t);
  const stores = [await open({ shared: true }), await open({ shared: true }), await open({ shared: true })];
  const won = new Map<number, string>();
  const writer = async (store: FileStore, name: string): Promise<void> => {
    let current = await store.read();
    for (let own = 0; own < 15; ) {
      const revision = current.revision + 1;
      const next: StoredConfiguration = { ...current, revision, drained: [...current.drained, `${name}-${own}`] };
      const outcome = await store.write(current.revision, next);
      if (outcome.kind === "written") {
        t.notOk(won.has(revision), `revision ${revision} is written once`);
        won.set(revision, name);
        own += 1;
        current = next;
      } else if (outcome.kind === "conflict") current = outcome.current;
      else throw new Error(outcome.reason);
    }
  };
  await Promise.all(stores.map((store, index) => writer(store, `w${index}`)));
  const { revision, drained } = await stores[0]!.read();
  t.equal(revision, 45);
  t.equal(new Set(drained).size, 45, "and none is lost");
});

void t.test("one manager holds the store; a second one is told whose it is, unless both share", async (t) => {
  const { path, open, folder } = place(t);
  const alone = await open();
  const held = { name: "UserError", exitCode: 2, message: `the store file:${path} is held by the manager with process id ${process.pid}; stop it, choose another store, or start both with --shared-store` };
  await t.rejects(open(), held);
  await t.rejects(open({ shared: true }), held);
  mkdirSync(join(folder, "b"));
  symlinkSync(path, join(folder, "b", "link.json"));
  await alone.write(0, first);
  await t.rejects(open({ path: join(folder, "b", "link.json") }), /is held by the manager/, "by whatever path");
  await open({ path: join(folder, "other.json") });
  await alone.close();
  const shared = await open({ shared: true });
  await open({ shared: true });
  await t.rejects(open(), { exitCode: 2, message: `the store file:${path} is shared by the manager with process id ${process.pid}; stop it, or start this one with --shared-store, too` });
  t.same(await shared.read(), first);
});

void t.test("a killed manager holds nothing, and what it left beside the file is harmless", async (t) => {
  const { path, open, folder } = place(t);
  const modules = (name: string): string => JSON.stringify(new URL(`../../../src/${name}.js`, import.meta.url).href);
  const program = `
    import { FileStore } from ${modules("manager/store/file-store")};
    import { systemClock } from ${modules("base/clock")};
    import { createLogger } from ${modules("base/logger")};
    await FileStore.open({ path: ${JSON.stringify(path)}, shared: false, clock: systemClock, logger: createLogger() });
    process.stdout.write("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  t.equal(await heldBy(open), String(child.pid));
  writeFileSync(`${path}.${child.pid}-1.new`, '{"format":1,"revis');
  child.kill("SIGKILL");
  await waitUntil("the store to be free", async () => (await heldBy(open)) === "");
  t.same(readdirSync(folder), [], "the leftover is gone");
});

async function heldBy(open: () => Promise<FileStore>): Promise<string> {
  try {
    await (await open()).close();
    return "";
  } catch (thrown) {
    return /process id (\w+)/.exec(String(thrown))?.[1] ?? String(thrown);
  }
}

void t.test("a watcher hears of every manager's newest configuration, and never of an older one", async (t) => {
  const { path, open, log } = place(t);
  const [one, other] = [await open({ shared: true, pollMs: 20 }), await open({ shared: true })];
  const heard: number[] = [];
  one.watch(({ revision }) => heard.push(revision));
  await other.write(0, first);
  await waitUntil("the first revision", () => heard.includes(1));
  await one.write(1, second);
  await waitUntil("its own", () => heard.includes(2));
  t.same(heard, [1, 2]);
  writeFileSync(path, textOf(first));
  await waitUntil("the warning", () => log.text().includes("older revision"));
  t.same(heard, [1, 2]);
});

void t.test("a file that makes no sense is refused with its place, and with what to do", async (t) => {
  const { path, open } = place(t);
  const store = await open({ fileBytesMax: 4096 });
  const refusal = async (text: string): Promise<string> => {
    writeFileSync(path, text);
    return store.read().then(() => "read", (thrown: unknown) => (thrown as Error).message);
  };
  const text = textOf(first);
  const broken = (edit: (value: { [key: string]: unknown; languages: Record<string, unknown>[] }) => void): string => {
    const value = JSON.parse(text) as { [key: string]: unknown; languages: Record<string, unknown>[] };
    edit(value);
    return JSON.stringify(value);
  };
  const toDo = "put a backup in its place or mend it with the manager stopped";
  t.equal(await refusal(text.slice(0, -20)), `file:${path} cannot be used: it is no JSON, perhaps cut off; ${toDo}`);
  t.match(await refusal(""), "it is empty");
  t.match(await refusal("[]"), "the whole: found an empty list");
  t.equal(await refusal(broken((value) => (value["format"] = 2))), `file:${path} is in format 2, which this program does not know (it knows 1); use the newer program that wrote it`);
  t.match(await refusal(broken((value) => (value["revision"] = "7"))), 'revision: found "7", invalid input: expected number');
  t.match(await refusal(broken((value) => (value["revision"] = 9))), "the history ends with revision 1, the configuration is at 9");
  t.match(await refusal(broken((value) => (value["extra"] = 1))), "the whole has the unknown key extra");
  t.match(await refusal(broken((value) => (value.languages[0]!["versions"] = [{ version: "1", weight: -1, workers: [] }]))), "languages[0].versions[0].weight: found the number -1");
  t.match(await refusal(broken((value) => value.languages.push(value.languages[0]!))), "the language python is there twice");
  t.match(await refusal(" ".repeat(5000)), /has 5000B, more than the 4KiB that are read/);
  t.equal(await refusal(text), "read", "and a mended one is read");
  t.match(await store.write(1, { ...second, drained: ["x".repeat(5000)] }), { kind: "too-large", reason: /more than file:.* may hold \(4KiB\)/ });
  t.same(await store.read(), first);
});

void t.test("a place that cannot be used is named", async (t) => {
  const { path, folder, open } = place(t);
  const store = await open();
  mkdirSync(path);
  await t.rejects(store.read(), /is not a file/);
  writeFileSync(join(folder, "file"), "");
  await t.rejects(open({ path: join(folder, "file", "x.json") }), /the directory of the store .* cannot be used/);
  await t.rejects(open({ path: "" }), /has no path/);
});

void t.test("what cannot be written is not written, and can be written when the fault has gone", async (t) => {
  const { folder, open } = place(t);
  const store = await open();
  await store.write(0, first);
  renameSync(folder, `${folder}-away`);
  const lost = await store.write(1, second);
  renameSync(`${folder}-away`, folder);
  t.match(lost, { kind: "conflict", current: { revision: 0 } }, "the file seems to be gone");
  t.same(await store.read(), first);
  // Nothing can be created beside a file in a directory that is none, whoever one is.
  const beside = join(folder, `manager.json.${process.pid}-2.new`);
  mkdirSync(beside);
  t.match(await store.write(1, second), { kind: "failed", reason: /cannot be written: EEXIST/ });
  t.same(await store.read(), first);
  t.same(await store.write(1, second), { kind: "written" });
});
