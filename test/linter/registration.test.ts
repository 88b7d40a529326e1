import t from "tap";
import { ManagerActor } from "../support/link-actors.js";
import { startProgram, startWorker } from "../support/service.js";
import { runLintel } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

/** A manager whose clock goes with the world's. */
async function startManager(t: { teardown(callback: () => void): unknown }, port = 0): Promise<ManagerActor> {
  const manager = new ManagerActor();
  await manager.start(port);
  const ticking = setInterval(() => manager.clock.pass(50), 50);
  t.teardown(() => {
    clearInterval(ticking);
    manager.stop();
  });
  return manager;
}

const idsAt = (manager: ManagerActor): string[] => manager.registered().map(({ language, version, id }) => `${language} ${version} ${id}`);

void t.test("a worker registers at every manager, again at one that comes back, and is gone when it says so or falls silent", async (t) => {
  const [one, other] = await Promise.all([startManager(t), startManager(t)]);
  const start = (version: string) => startWorker(t, "json", ["--as-version", version, "--manager", `${one.address},${other.address}`]);
  const [first, second] = await Promise.all([start("1"), start("2")]);
  const all = [`json 1 ${first.address}`, `json 2 ${second.address}`].sort();
  for (const manager of [one, other]) await waitUntil("both to be registered", () => idsAt(manager).sort().join() === all.join());

  await first.stop();
  for (const manager of [one, other]) await waitUntil("the one that left to be gone at once", () => idsAt(manager).join() === `json 2 ${second.address}`, 2_500);

  const port = Number(one.address.split(":")[1]);
  one.stop();
  const again = await startManager(t, port);
  await waitUntil("the other to be back", () => idsAt(again).join() === `json 2 ${second.address}`);

  second.kill("SIGSTOP");
  for (const manager of [other, again]) await waitUntil("the silent one to be given up", () => idsAt(manager).length === 0, 20_000);
  second.kill("SIGCONT");
  for (const manager of [other, again]) await waitUntil("it to be back", () => idsAt(manager).length === 1, 20_000);
});

void t.test("a worker that listens everywhere is reached where the manager sees it, or where it says", async (t) => {
  const manager = await startManager(t);
  const anywhere = await startWorker(t, "json", ["--as-version", "1", "--listen", "0.0.0.0:0", "--manager", manager.address]);
  await waitUntil("it to be registered", () => idsAt(manager).join() === `json 1 ${anywhere.address}`);
  await anywhere.stop();
  const ready = /"msg":"registered"/;
  await startProgram(t, ["linter", "json", "--as-version", "1", "--advertise", "worker.example:7070", "--manager", manager.address], ready);
  await waitUntil("the other to be registered", () => idsAt(manager).includes("json 1 worker.example:7070"));
});

void t.test("what cannot work is said before the worker starts", async (t) => {
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [["--manager", "10.0.0.1:9900"], /this worker would listen on 127\.0\.0\.1, which nobody but this machine reaches, while the manager 10\.0\.0\.1:9900 is elsewhere/],
    [["--manager", "nowhere"], /--manager nowhere: expected HOST:PORT, such as 127\.0\.0\.1:9900; the port is missing/],
    [["--advertise", "10.0.0.5:7070"], /--advertise says where balancers reach this worker, but without --manager nobody is told/],
    [["--manager", "127.0.0.1:9900", "--advertise", "x"], /--advertise x: expected HOST:PORT/],
  ];
  for (const [flags, sentence] of refusals) {
    const { code, stderr } = await runLintel(["linter", "json", ...flags]);
    t.equal(code, 2);
    t.match(stderr, sentence);
  }
});
