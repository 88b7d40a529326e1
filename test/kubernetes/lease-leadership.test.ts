// One leads at a time, by a real Lease: with holders that let go, that are cut off, and a Lease that somebody deletes.
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { systemRandom } from "../../src/base/random.js";
import { ApiServer } from "../../src/kubernetes/api-server.js";
import { clusterAccess } from "../../src/kubernetes/cluster-access.js";
import { LeaseLeadership } from "../../src/kubernetes/lease-leadership.js";
import { type Lease, leases } from "../../src/kubernetes/objects.js";
import { ControlPlane } from "../support/control-plane.js";
import { recordingLogger } from "../support/recording-logger.js";
import { waitUntil } from "../support/wait-until.js";

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const admin = await plane.api;
const times = { durationMs: 2_000, renewDeadlineMs: 1_400, periodMs: 200 };

/** Those who would lead, and when each did: [from, to) by this process's clock. */
async function contenders(namespace: string, count: number, termsSeen: () => number = () => 0, clockAheadMs: (index: number) => number = () => 0) {
  const periods: { readonly who: string; readonly term: number; readonly fromMs: number; toMs: number }[] = [];
  const all: { readonly who: string; readonly api: ApiServer; readonly leadership: LeaseLeadership }[] = [];
  for (let index = 0; index < count; index++) {
    const who = `manager-${index}`;
    const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + clockAheadMs(index) };
    const api = new ApiServer(await clusterAccess({ kubeconfig: plane.kubeconfig(), environment: {}, clock }), clock);
    const leadership = new LeaseLeadership({ api, namespace, name: "lintel-manager", identity: who, termsSeen, random: systemRandom, logger: recordingLogger().logger, times });
    leadership.onChange(() => {
      const { term } = leadership;
      const last = periods.filter((period) => period.who === who).at(-1);
      if (term !== undefined) periods.push({ who, term, fromMs: systemClock.nowMs(), toMs: Infinity });
      else if (last !== undefined) last.toMs = systemClock.nowMs();
    });
    leadership.start();
    all.push({ who, api, leadership });
  }
  const leader = () => all.find(({ leadership }) => leadership.term !== undefined);
  const stop = async (): Promise<void> => {
    await Promise.all(all.map(({ leadership }) => leadership.close()));
    for (const { api } of all) api.close();
  };
  return { periods, all, leader, stop };
}

function overlaps(periods: readonly { readonly fromMs: number; readonly toMs: number }[]): number {
  return periods.filter((one, index) => periods.some((other, at) => at > index && one.fromMs < other.toMs && other.fromMs < one.toMs)).length;
}

void t.test("one of three leads; when it lets go the next follows at once, with a higher term", async (t) => {
  const { all, leader, periods, stop } = await contenders(await plane.namespace("three"), 3);
  await waitUntil("a leader", () => leader() !== undefined);
  await waitUntil("all to know it", () => all.every(({ leadership }) => leadership.leader === leader()?.who));
  const first = leader()!;
  const term = first.leadership.term ?? 0;
  const atMs = systemClock.nowMs();
  await first.leadership.close();
  await waitUntil("the next", () => leader() !== undefined);
  const tookMs = systemClock.nowMs() - atMs;
  t.comment(`followed after ${tookMs.toFixed(0)} ms`);
  t.ok(tookMs < times.durationMs, "without waiting for the Lease to be over");
  t.equal(leader()?.leadership.term, term + 1);
  t.equal(overlaps(periods), 0);
  await stop();
});

void t.test("a holder that is cut off stops before the next begins, again and again", async (t) => {
  const { all, leader, periods, stop } = await contenders(await plane.namespace("cut-off"), 2);
  for (let round = 0; round < 3; round++) {
    await waitUntil("a leader", () => leader() !== undefined, 20_000);
    const cut = leader()!;
    // Whatever it asks from here on is not answered.
    const get = cut.api.get.bind(cut.api);
    cut.api.get = () => new Promise(() => undefined);
    await waitUntil("the next", () => all.some((other) => other !== cut && other.leadership.term !== undefined), 20_000);
    t.equal(cut.leadership.term, undefined, `round ${round}: the one that was cut off has stopped`);
    cut.api.get = get;
    // The question that was never answered is given up with the old leadership; a new one takes its place.
    const again = new LeaseLeadership({ api: cut.api, namespace: "cut-off", name: "lintel-manager", identity: `${cut.who}-${round}`, termsSeen: () => 0, random: systemRandom, logger: recordingLogger().logger, times });
    const who = `${cut.who}-${round}`;
    again.onChange(() => {
      const last = periods.filter((period) => period.who === who).at(-1);
      if (again.term !== undefined) periods.push({ who, term: again.term, fromMs: systemClock.nowMs(), toMs: Infinity });
      else if (last !== undefined) last.toMs = systemClock.nowMs();
    });
    again.start();
    all.splice(all.indexOf(cut), 1, { who, api: cut.api, leadership: again });
  }
  t.equal(overlaps(periods), 0, `${periods.length} periods, none beside another`);
  t.same(periods.map(({ term }) => term), periods.map((_, index) => index + 1), "every one with a higher term");
  const gapsMs = periods.slice(1).map(({ fromMs }, index) => fromMs - periods[index]!.toMs);
  t.comment(`between them ${gapsMs.map((ms) => `${ms.toFixed(0)} ms`).join(", ")}`);
  await stop();
});

void t.test("clocks that are hours apart: one leads at a time, nobody before the other's time is over, and the next follows", async (t) => {
  const hoursMs = 2 * 3_600_000;
  const { all, leader, periods, stop } = await contenders(await plane.namespace("skewed"), 2, () => 0, (index) => (index === 0 ? hoursMs : -hoursMs));
  await waitUntil("a leader", () => leader() !== undefined, 20_000);
  const led = leader()!;
  const renewed = async (): Promise<string> => (await admin.get<Lease>({ resource: leases, namespace: "skewed", name: "lintel-manager" })).spec?.renewTime ?? "";
  const first = await renewed();
  t.ok(Math.abs(Math.abs(Date.parse(first) - systemClock.wallMs()) - hoursMs) < 60_000, "the Lease has the leader's own idea of the time");
  // Longer than a Lease lasts: the other one reads times that are hours away all the while.
  const untilMs = systemClock.nowMs() + 2 * times.durationMs;
  await waitUntil("it to be renewed for long", async () => systemClock.nowMs() > untilMs && (await renewed()) !== first, 20_000);
  t.equal(leader(), led, "it goes on to lead");
  await led.leadership.close();
  await waitUntil("the other one to lead", () => all.some((other) => other !== led && other.leadership.term !== undefined), 20_000);
  t.equal(overlaps(periods), 0);
  await stop();
});

void t.test("an API server that is stopped: the leader stops in time, and leads again afterwards", async (t) => {
  const { leader, periods, stop } = await contenders(await plane.namespace("stopped"), 2);
  await waitUntil("a leader", () => leader() !== undefined);
  await plane.signal("kube-apiserver", "SIGSTOP");
  const stoppedMs = systemClock.nowMs();
  await waitUntil("nobody to lead", () => leader() === undefined);
  t.ok(systemClock.nowMs() - stoppedMs <= times.renewDeadlineMs + 500);
  await plane.signal("kube-apiserver", "SIGCONT");
  await waitUntil("a leader", () => leader() !== undefined, 20_000);
  t.equal(overlaps(periods), 0);
  await stop();
});

void t.test("a Lease that somebody deletes does not begin terms again", async (t) => {
  const namespace = await plane.namespace("deleted");
  let seen = 0;
  const { leader, stop } = await contenders(namespace, 1, () => seen);
  await waitUntil("a leader", () => leader() !== undefined);
  seen = 41;
  await admin.delete({ resource: leases, namespace, name: "lintel-manager" });
  await waitUntil("a higher term", () => leader()?.leadership.term === 42);
  t.pass("it goes on above what was seen");
  await stop();
});
