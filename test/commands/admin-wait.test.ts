/** `--wait` when the manager that is asked goes away: what was stored is told, and waiting goes on with whoever answers. */
import t, { type Test } from "tap";
import type { ChangeDocument } from "../../src/client/admin-documents.js";
import { type AdminServer, startAdminServer } from "../support/admin-server.js";
import { administratorOf } from "../support/run-admin.js";
import { waitUntil } from "../support/wait-until.js";

const options = { timeout: 60_000 };

/** Resolves when somebody waits at the manager for a barrier. */
function someoneWaits({ fleet }: AdminServer): Promise<void> {
  const barrier = fleet.barrier.bind(fleet);
  let asked = false;
  fleet.barrier = (revision) => {
    asked = true;
    return barrier(revision);
  };
  return waitUntil("somebody to wait", () => asked, 20_000);
}

async function managerWithJson(t: Test): Promise<AdminServer> {
  const server = await startAdminServer(t, {});
  await administratorOf(server.address).does("register", "json", "1.0", "--worker", "10.0.0.5:7070");
  return server;
}

void t.test("the next manager is waited with when the one that stored a change stops", options, async (t) => {
  const [first, next] = [await managerWithJson(t), await startAdminServer(t, {})];
  const waiting = administratorOf(`${first.address},${next.address}`).tries("weights", "json", "1.0=2", "--wait=30s", "-o", "json");
  await someoneWaits(first);
  const handedOn = someoneWaits(next);
  await first.stop();
  await handedOn;
  next.fleet.becomes(2);
  const { code, stdout, stderr } = await waiting;
  t.equal(code, 0, stderr);
  t.match(JSON.parse(stdout), { revision: 2, changed: true, barrier: { revision: 2, open: true } });
});

void t.test("with nobody left to ask, a change is told as stored and not known to be everywhere", options, async (t) => {
  const server = await managerWithJson(t);
  const waiting = administratorOf(server.address).tries("weights", "json", "1.0=2", "--wait=1500ms", "-o", "json");
  await someoneWaits(server);
  await server.stop();
  const { code, stdout, stderr } = await waiting;
  t.equal(code, 4);
  const document = JSON.parse(stdout) as ChangeDocument;
  t.match(document, { revision: 2, changed: true, differences: ["json 1.0: weight 0 -> 2"] });
  t.notOk("barrier" in document, "of a barrier nothing is known");
  t.match(stderr, /^lintel: revision 2 is stored, but whether it is active everywhere is not known: no manager answers at /);
});
