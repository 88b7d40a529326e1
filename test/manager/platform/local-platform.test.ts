/** The local platform with real workers: what should run runs, what ends comes back, and a killed manager leaves nothing lost. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { systemClock } from "../../../src/base/clock.js";
import { createLogger } from "../../../src/base/logger.js";
import { defaultLocalPlatformOptions, LocalPlatform, type LocalPlatformOptions } from "../../../src/manager/platform/local-platform.js";
import type { PlatformWorker, WantedVersion } from "../../../src/manager/platform/platform.js";
import { identityOf } from "../../../src/manager/platform/process-identity.js";
import { folderWith } from "../../support/run-lintel.js";
import { waitUntil } from "../../support/wait-until.js";

const silent = createLogger({ level: "error", format: "json", write: (line) => process.stderr.write(line) });
const bound = 30_000;

function json(version: string, workers: number, environment: Readonly<Record<string, string>> = {}): WantedVersion {
  return { language: "json", version, source: { kind: "run", run: { kind: "builtin", builtin: "json", workers, threads: 1, environment } } };
}

function platformFor(t: Test, options: Partial<LocalPlatformOptions> = {}): LocalPlatform {
  const platform = new LocalPlatform({ ...defaultLocalPlatformOptions, program: "1", ...options }, systemClock, silent);
  t.teardown(() => platform.close());
  return platform;
}

const listening = (workers: readonly PlatformWorker[]): PlatformWorker[] => workers.filter(({ endpoint }) => endpoint !== undefined);
const ids = (workers: readonly PlatformWorker[]): string[] => workers.map(({ id }) => id).sort();

async function untilListening(platform: LocalPlatform, expected: readonly string[]): Promise<void> {
  await waitUntil(`these alone to be there, listening: ${expected.join(" ")}`, () => ids(platform.workers()).join() === expected.join() && listening(platform.workers()).length === expected.length, bound);
}

function isAlive(pid: number): boolean {
  return identityOf(pid) !== "";
}

void t.test("what is wanted runs, up and down, and ids stay", async (t) => {
  const platform = platformFor(t);
  platform.want([json("1.0", 1)]);
  t.match(platform.workers(), [{ id: "json-1.0-1", language: "json", version: "1.0", state: "starting", restarts: 0 }]);
  await untilListening(platform, ["json-1.0-1"]);
  const [first] = platform.workers();
  t.match(first, { state: "listening", reason: "", endpoint: { id: "json-1.0-1", host: "127.0.0.1" } });

  platform.want([json("1.0", 2)]);
  await untilListening(platform, ["json-1.0-1", "json-1.0-2"]);
  t.equal(platform.workers().find(({ id }) => id === first?.id)?.pid, first?.pid, "scaling touches no other worker");
  const second = platform.workers().find(({ id }) => id === "json-1.0-2");

  platform.want([json("1.0", 1)]);
  t.match(platform.workers().find(({ id }) => id === "json-1.0-2"), { state: "leaving", reason: /not wanted any more/, pid: second?.pid });
  t.equal(listening(platform.workers()).length, 1, "who leaves has no endpoint any more");
  await untilListening(platform, ["json-1.0-1"]);
  t.equal(platform.workers()[0]?.pid, first?.pid);
  t.notOk(isAlive(second?.pid ?? 0), "it left by itself");
});

void t.test("a worker that is killed comes back under its id, and another is not touched", async (t) => {
  const platform = platformFor(t);
  platform.want([json("1.0", 1)]);
  await untilListening(platform, ["json-1.0-1"]);
  const { pid = 0 } = platform.workers()[0] ?? {};
  const states: string[] = [];
  platform.onChange(() => states.push(...platform.workers().map(({ state }) => state)));
  process.kill(pid, "SIGKILL");
  await waitUntil("another process", () => (platform.workers()[0]?.endpoint !== undefined && platform.workers()[0]?.pid !== pid), bound);
  t.same(states, ["pausing", "starting", "listening"]);
  t.match(platform.workers(), [{ id: "json-1.0-1", restarts: 1 }]);
});

void t.test("what cannot start is tried again after a growing pause, and says why", async (t) => {
  const pauses: number[] = [];
  const platform = platformFor(t, { worker: { ...defaultLocalPlatformOptions.worker, restartDelayMs: 4, restartDelayMaxMs: 10 } });
  const broken: WantedVersion = { language: "none", version: "1", source: { kind: "run", run: { kind: "command", command: ["/no/such/program"], report: "auto", workers: 1, environment: {} } } };
  platform.onChange(() => {
    const [worker] = platform.workers();
    const pause = /again after (\d+)ms$/.exec(worker?.state === "pausing" ? worker.reason : "");
    if (pause !== null) pauses.push(Number(pause[1]));
  });
  platform.want([broken]);
  await waitUntil("four tries", () => pauses.length >= 4, bound);
  t.same(pauses.slice(0, 4), [4, 8, 10, 10]);
  t.match(platform.workers()[0]?.reason, /The program "\/no\/such\/program" cannot be run/);
});

void t.test("a version that is to run something else is replaced when its successor listens", async (t) => {
  const platform = platformFor(t);
  platform.want([json("1.0", 1)]);
  await untilListening(platform, ["json-1.0-1"]);
  const { pid: before = 0 } = platform.workers()[0] ?? {};
  let gap = false;
  platform.onChange(() => (gap ||= listening(platform.workers()).length !== 1));
  platform.want([json("1.0", 1, { EXAMPLE: "1" })]);
  t.match(platform.workers(), [{ id: "json-1.0-1", state: "listening", pid: before, reason: /its replacement is starting/ }]);
  await waitUntil("the successor", () => platform.workers()[0]?.pid !== before && !isAlive(before), bound);
  t.notOk(gap, "in every moment one of the two could be used");
});

void t.test("what it cannot run is refused in a sentence that says what to do", async (t) => {
  const platform = platformFor(t);
  t.match(await platform.refusalOf({ language: "go", version: "1", source: { kind: "image", image: "example.org/go:1", workers: 1 } }), /cannot run the image example\.org\/go:1; give --command or --builtin/);
  const command = (program: string): WantedVersion => ({ language: "go", version: "1", source: { kind: "run", run: { kind: "command", command: [program], report: "auto", workers: 1, environment: {} } } });
  t.match(await platform.refusalOf(command("no-such-program")), /"no-such-program" cannot be run .* in no folder of its PATH; install it/);
  t.match(await platform.refusalOf(command("/etc/passwd")), /there is no executable file of that name/);
  t.equal(await platform.refusalOf(command("sh")), "");
  t.equal(await platform.refusalOf(json("1", 1)), "");
});

const processPath = fileURLToPath(new URL("../../support/platform-process.js", import.meta.url));

/** A manager that is killed once its workers listen; resolves with them. */
async function killedManager(t: Test, stateFile: string, wanted: readonly WantedVersion[], expected: readonly string[]): Promise<readonly PlatformWorker[]> {
  const manager = spawn(process.execPath, [processPath, stateFile, "1", JSON.stringify(wanted)], { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, LINTEL_LOG_LEVEL: "error" } });
  t.teardown(() => manager.kill("SIGKILL"));
  let workers: readonly PlatformWorker[] = [];
  /** Of every process the end of its channel to the manager, as long as it has one. */
  const channels = new Map<number, string>();
  let text = "";
  manager.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      workers = JSON.parse(line) as PlatformWorker[];
      for (const { pid, state } of workers) if (state === "starting" && !channels.has(pid)) channels.set(pid, channelOf(pid));
    }
  });
  // Written down and told to stay, in this order; with the channel gone they are on their own.
  await waitUntil("its workers to listen", () => listening(workers).length === expected.length && ids(readKept(stateFile)).join() === [...expected].sort().join(), bound);
  await waitUntil("them to be told to stay", () => workers.every(({ pid }) => channelOf(pid) === "" || channelOf(pid) !== channels.get(pid)), bound);
  t.teardown(() => workers.forEach(({ pid }) => isAlive(pid) && process.kill(pid, "SIGKILL")));
  await kill(manager);
  return workers;
}

/** What the channel that Node gives a forked process is; "" when there is none, or another file has its number. */
function channelOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/3`);
  } catch {
    return "";
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

function readKept(stateFile: string): PlatformWorker[] {
  try {
    return (JSON.parse(readFileSync(stateFile, "utf8")) as { workers: PlatformWorker[] }).workers;
  } catch {
    return [];
  }
}

void t.test("after a manager was killed its workers serve on: the next one adopts, replaces or ends them", { skip: process.platform !== "linux" && "needs /proc" }, async (t) => {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const stateFile = join(folder.path, "workers.json");
  const all = ["json-same-1", "json-changed-1", "json-unwanted-1"];
  const left = await killedManager(t, stateFile, [json("same", 1), json("changed", 1), json("unwanted", 1)], all);
  const pidOf = (workers: readonly PlatformWorker[], id: string): number => workers.find((worker) => worker.id === id)?.pid ?? 0;
  for (const id of all) t.ok(isAlive(pidOf(left, id)), `${id} outlives the manager`);

  const platform = platformFor(t, { stateFile, outlive: true });
  t.same(platform.workers(), [], "nothing is touched before it is known what should run");
  platform.want([json("same", 1), json("changed", 1, { EXAMPLE: "1" })]);
  t.same(
    listening(platform.workers()).map(({ id, pid }) => [id, pid]),
    ["json-same-1", "json-changed-1"].map((id) => [id, pidOf(left, id)]),
    "both can be used at once",
  );
  await waitUntil("the changed one to be replaced, the unwanted one to end", () => !isAlive(pidOf(left, "json-changed-1")) && !isAlive(pidOf(left, "json-unwanted-1")), bound);
  await untilListening(platform, ["json-changed-1", "json-same-1"]);
  t.equal(pidOf(platform.workers(), "json-same-1"), pidOf(left, "json-same-1"), "the same process");

  process.kill(pidOf(left, "json-same-1"), "SIGKILL");
  await waitUntil("an adopted worker that ends to be started again", () => listening(platform.workers()).some(({ id, restarts }) => id === "json-same-1" && restarts === 1), bound);
  await platform.close();
  t.same(platform.workers(), []);
  t.same(readKept(stateFile), [], "a manager that stops leaves nothing");
});

void t.test("a number that another process has now is not touched", { skip: process.platform !== "linux" && "needs /proc" }, async (t) => {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const stateFile = join(folder.path, "workers.json");
  const stranger = spawn("sleep", ["1000"]);
  t.teardown(() => kill(stranger));
  const entry = { id: "json-1.0-1", fingerprint: "0", pid: stranger.pid, identity: "of another time", port: 1, leaving: false };
  const oddities = [{ ...entry, pid: 0 }, { ...entry, pid: -1 }, { ...entry, pid: 1 }, { id: "x" }, null, 7];
  writeFileSync(stateFile, JSON.stringify({ format: 1, workers: [entry, { ...entry, id: "json-unwanted-1" }, ...oddities] }));
  const platform = platformFor(t, { stateFile, outlive: true });
  platform.want([]);
  t.same(platform.workers(), []);
  await platform.close();
  t.equal(stranger.exitCode ?? stranger.signalCode, null, "it lives");
  t.equal(identityOf(stranger.pid ?? 0), identityOf(stranger.pid ?? 0));
  t.not(identityOf(stranger.pid ?? 0), identityOf(process.pid));
});

void t.test("without a list, workers end with the program that started them", async (t) => {
  const folder = folderWith({});
  t.teardown(folder.remove);
  // A list that cannot be written: the folder's name is a file's.
  const left: number[] = [];
  const blocked = join(folder.path, "file");
  writeFileSync(blocked, "");
  const manager = spawn(process.execPath, [processPath, join(blocked, "workers.json"), "1", JSON.stringify([json("1", 1)])], { stdio: ["ignore", "pipe", "ignore"] });
  manager.stdout.setEncoding("utf8").on("data", (text: string) => left.push(...[...text.matchAll(/"state":"listening".*?"pid":(\d+)/g)].map(([, pid]) => Number(pid))));
  await waitUntil("a worker to listen", () => left.length > 0, bound);
  await kill(manager);
  await waitUntil("the worker to end", () => !isAlive(left[0] ?? 0), bound);
  t.pass("it is gone");
});
