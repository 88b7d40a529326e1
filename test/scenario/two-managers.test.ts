/** Two managers on one store file, a balancer at each: whichever is asked answers for both. */
import { join } from "node:path";
import t from "tap";
import type { ChangeDocument } from "../../src/client/admin-documents.js";
import { identityOf } from "../../src/manager/platform/process-identity.js";
import { startLightWorker } from "../support/light-workers.js";
import { type ManagerHere, startFollower, startManager } from "../support/managed-service.js";
import { administratorOf } from "../support/run-admin.js";
import { folderWith } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

void t.test("two managers of one store answer for each other's balancers", { skip: process.platform !== "linux" && "needs /proc", timeout: 120_000 }, async (t) => {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const worker = await startLightWorker("json", "1.0");
  t.teardown(() => worker.end());
  const store = join(folder.path, "manager.json");
  const [one, two] = (await Promise.all([1, 2].map(() => startManager(t, store, ["--platform", "none", "--shared-store"])))) as [ManagerHere, ManagerHere];
  const admin = administratorOf(one.address);
  await admin.does("register", "json", "1.0", "--worker", worker.id, "--weight", "1");
  await startFollower(t, one.address, { name: "b1", state: folder.path });
  const far = await startFollower(t, two.address, { name: "b2", state: folder.path });
  t.match(await admin.asks("status", "--wait"), { revision: 1, balancers: { b1: { acked: 1 }, b2: { acked: 1, shards: [1] } } }, "the balancer of the other one is shown");

  // Before any other teardown, which would wait for it.
  t.teardown(() => far.kill("SIGCONT"));
  far.kill("SIGSTOP");
  const late = await admin.tries("weights", "json", "1.0=2", "--wait=500ms", "-o", "json");
  t.equal(late.code, 4, "it does not have the revision, so it is not everywhere");
  t.same(Object.keys((JSON.parse(late.stdout) as ChangeDocument).barrier?.laggards ?? {}), ["b2"]);
  far.kill("SIGCONT");
  t.match(await admin.asks("status", "--wait"), { revision: 2, balancers: { b1: { acked: 2 }, b2: { acked: 2 } } });
  t.match(await administratorOf(two.address).asks("weights", "json", "1.0=3", "--wait"), { revision: 3, barrier: { open: true } }, "and the other way round");

  two.kill("SIGKILL");
  await waitUntil("it to be gone", () => identityOf(two.pid) === "");
  t.equal((await admin.tries("weights", "json", "1.0=4", "--wait=500ms")).code, 4, "a balancer that has lost its only manager serves what it had");
});
