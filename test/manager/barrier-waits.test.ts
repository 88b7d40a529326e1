// Waiting for a revision, and watching the status: bounded in number, in time and in how often.
import t from "tap";
import { BarrierWaits } from "../../src/manager/barrier-waits.js";
import type { BarrierState } from "../../src/manager/fleet-view.js";
import { StatusWatches } from "../../src/manager/status-watches.js";
import { SaidFleet } from "../support/admin-server.js";
import { ManualClock } from "../support/manual-clock.js";

void t.test("each wait is answered once: when its barrier opens, or when its time is up", (t) => {
  const [fleet, clock] = [new SaidFleet(), new ManualClock()];
  const waits = new BarrierWaits(fleet, { waitsMax: 3, timeoutMaxMs: 1_000 }, clock);
  const answers: string[] = [];
  const answer = (name: string) => (barrier: BarrierState) => answers.push(`${name} ${barrier.open ? "open" : "closed"}`);
  waits.wait(1, 100, answer("a"));
  waits.wait(2, 100_000, answer("b"));
  const giveUp = waits.wait(1, 100, answer("c"));
  t.equal(waits.wait(1, 100, answer("d")), undefined, "more than three cannot wait");
  giveUp?.();
  fleet.becomes(1);
  fleet.becomes(1);
  t.same(answers, ["a open"], "who gave up is not answered");
  clock.pass(999);
  t.same(answers, ["a open"]);
  clock.pass(1);
  t.same(answers, ["a open", "b closed"], "nobody waits longer than the limit");
  waits.wait(1, 100, answer("e"));
  waits.wait(2, 0, answer("f"));
  t.same(answers.slice(2), ["e open", "f closed"], "at once, when there is nothing to wait for");
  t.end();
});

void t.test("a watcher gets the newest, no more often than the interval, and nothing while it has not taken the last", (t) => {
  const clock = new ManualClock();
  let status = 0;
  const watches = new StatusWatches(() => status, { watchersMax: 2, intervalMs: 250, busyShareMax: 0.1 }, clock);
  const [quick, slow]: [number[], number[]] = [[], []];
  const first = watches.watch((one) => quick.push(one) > 0);
  const second = watches.watch((one) => slow.push(one) < 0);
  t.equal(watches.watch(() => true), undefined, "more than two cannot watch");
  for (status = 1; status < 10; status++) watches.changed();
  clock.pass(0);
  t.same([quick, slow], [[0, 10], [0]], "nine changes are one status");
  for (status = 11; status < 15; status++) watches.changed();
  clock.pass(249);
  t.same(quick, [0, 10], "not so soon");
  clock.pass(1);
  t.same([quick, slow], [[0, 10, 15], [0]]);
  second?.ready();
  clock.pass(250);
  t.same([quick, slow], [[0, 10, 15, 15], [0, 15]], "the slow one gets the newest when it can");
  first?.stop();
  status = 16;
  watches.changed();
  second?.ready();
  clock.pass(250);
  t.same([quick, slow], [[0, 10, 15, 15], [0, 15, 16]]);
  t.end();
});

void t.test("a status that takes long is told less often", (t) => {
  let workedMs = 0;
  const clock = new (class extends ManualClock {
    override nowMs(): number {
      return super.nowMs() + workedMs;
    }
  })();
  const sent: number[] = [];
  const watches = new StatusWatches(() => ((workedMs += 50), clock.nowMs()), { watchersMax: 1, intervalMs: 250, busyShareMax: 0.1 }, clock);
  watches.watch((one) => sent.push(one) > 0);
  watches.changed();
  clock.pass(0);
  watches.changed();
  clock.pass(449);
  t.same(sent, [50, 100]);
  clock.pass(1);
  t.same(sent, [50, 100, 600], "fifty milliseconds in five hundred");
  t.end();
});
