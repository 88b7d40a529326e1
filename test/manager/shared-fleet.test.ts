// Several managers of one store answer for each other's balancers: what each knows, carried in files.
import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { defaultFleetFilesTimes, FleetFiles } from "../../src/manager/fleet-files.js";
import type { BalancerState, BarrierState, FleetView } from "../../src/manager/fleet-view.js";
import { type FleetExchange, type HeardReport, SharedFleet } from "../../src/manager/shared-fleet.js";
import { ManualClock } from "../support/manual-clock.js";
import { recordingLogger } from "../support/recording-logger.js";
import { folderWith } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

/** The balancers that follow one manager, as a test says. */
class Own implements FleetView {
  private states: readonly BalancerState[] = [];
  private readonly listeners: (() => void)[] = [];

  has(...states: readonly BalancerState[]): void {
    this.states = states;
    for (const listener of this.listeners) listener();
  }

  barrier(revision: number): BarrierState {
    const laggards = this.states.filter(({ acked }) => acked < revision).map(({ balancer, shards }) => ({ balancer, shardRevisions: shards, reason: "own" }));
    return { revision, open: laggards.length === 0, laggards };
  }

  balancers = (): readonly BalancerState[] => this.states;
  waiting = (): readonly never[] => [];

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }
}

function state(balancer: string, acked: number, given: Partial<BalancerState> = {}): BalancerState {
  return { balancer, instance: `process of ${balancer}`, connected: true, stale: false, acked, ackedUnixMs: 1, shards: [acked], ready: true, reason: "", program: "0.1.0", ...given };
}

async function managerIn(t: Test, directory: string, manager: string, times = defaultFleetFilesTimes): Promise<{ own: Own; files: FleetFiles; all: SharedFleet; changes: () => number }> {
  const own = new Own();
  const files = new FleetFiles({ directory, manager, clock: systemClock, logger: recordingLogger().logger, times });
  const all = new SharedFleet(own, files, { silentMs: 60_000, forgottenMs: 120_000 }, systemClock);
  let changes = 0;
  files.onChange(() => changes++);
  t.teardown(() => files.close());
  await files.start();
  return { own, files, all, changes: () => changes };
}

void t.test("a balancer of another manager keeps the barrier closed, until that manager says that it has the revision, or is gone", async (t) => {
  const folder = folderWith({});
  t.teardown(folder.remove);
  const directory = join(folder.path, "store.fleet");
  const [a, b] = [await managerIn(t, directory, "a"), await managerIn(t, directory, "b")];
  a.own.has(state("b1", 7));
  b.own.has(state("b2", 6));
  await waitUntil("a to hear of b2", () => a.all.balancers().length === 2);
  t.same(a.all.balancers().map(({ balancer }) => balancer), ["b1", "b2"]);
  t.same(a.all.barrier(7), { revision: 7, open: false, laggards: [{ balancer: "b2", shardRevisions: [6], reason: "the change is on its way" }] });
  await waitUntil("b to hear of b1", () => b.all.balancers().length === 2);
  t.match(b.all.barrier(7), { open: false, laggards: [{ balancer: "b2", reason: "own" }] }, "and b says the same");
  b.own.has(state("b2", 7));
  await waitUntil("the barrier to open", () => a.all.barrier(7).open && b.all.barrier(7).open);
  b.own.has(state("b2", 7), state("b3", 0));
  await waitUntil("a to hear of b3", () => !a.all.barrier(7).open);
  await b.files.close();
  await waitUntil("b's word to be gone with it", () => a.all.balancers().length === 1);
  t.ok(a.all.barrier(7).open);
  t.same(readdirSync(directory), ["a.json"], "nothing of it is left");
});

void t.test("a heartbeat alone is no change, and what a manager left long ago says nothing and is removed", async (t) => {
  const folder = folderWith({ "store.fleet/dead.json": `7\n${JSON.stringify({ balancers: [state("ghost", 1)], waiting: [] })}`, "store.fleet/torn.json": '3\n{"balancers":', "store.fleet/dead.json.new": "" });
  t.teardown(folder.remove);
  const directory = join(folder.path, "store.fleet");
  const longAgo = systemClock.wallMs() / 1_000 - 3_600;
  for (const name of ["dead.json", "dead.json.new"]) utimesSync(join(directory, name), longAgo, longAgo);
  const times = { settleMs: 1, heartbeatMs: 5, removedMs: 60_000 };
  const a = await managerIn(t, directory, "a", times);
  t.same(a.all.balancers(), [], "no ghost, and nothing that cannot be read");
  await waitUntil("what was left to be removed", () => !readdirSync(directory).some((name) => name.startsWith("dead")));
  const b = await managerIn(t, directory, "b", times);
  b.own.has(state("b1", 1));
  const heardMs = (): number => a.files.others().find(({ manager }) => manager === "b")?.heardMs ?? 0;
  const heartbeats = async (sinceMs: number): Promise<void> => waitUntil("some heartbeats", () => heardMs() > sinceMs + 50);
  await waitUntil("a to hear of b1", () => a.all.balancers().length === 1);
  await heartbeats(heardMs());
  const changes = a.changes();
  await heartbeats(heardMs());
  t.equal(a.changes(), changes, "nobody is told of heartbeats");
  t.ok(changes > 0, "and of what b said they were");
  writeFileSync(join(directory, "b.json"), "not\nJSON");
  await waitUntil("it to write again", () => a.all.balancers().length === 1);
});

void t.test("of a balancer that left a killed manager, what it told its next one counts", (t) => {
  const clock = new ManualClock();
  let listener = (): void => undefined;
  let reports: readonly HeardReport[] = [];
  const exchange: FleetExchange = { tell: () => undefined, others: () => reports, onChange: (given) => (listener = given) };
  const all = new SharedFleet(new Own(), exchange, { silentMs: 100, forgottenMs: 1_000 }, clock);
  const killed = { manager: "killed", heardMs: 0, balancers: [state("b1", 5)], waiting: [] };
  const next = { manager: "next", heardMs: 0, balancers: [state("b1", 6)], waiting: [] };
  for (const order of [[killed, next], [next, killed]]) {
    reports = order;
    listener();
    t.ok(all.barrier(6).open, `whoever is read first (${order.map(({ manager }) => manager).join(", ")})`);
    t.match(all.balancers(), [{ balancer: "b1", acked: 6 }]);
  }
  reports = [killed];
  clock.pass(200);
  t.match(all.barrier(5).laggards, [{ balancer: "b1", reason: "its manager killed was not heard for 0 s" }], "one that only the killed one knew may serve anything");
  clock.pass(1_000);
  t.ok(all.barrier(6).open, "and is forgotten");
  t.end();
});
