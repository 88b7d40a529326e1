/** The retry budget against a dumb count of the same events. */
import fc from "fast-check";
import t from "tap";
import { RetryBudget, retryBudgetDefaults } from "../../src/balancing/retry-budget.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240613);
t.comment(`seed ${seed}`);

void t.test("in every window the retries stay within a share of the requests plus the reserve", (t) => {
  const steps = fc.array(fc.record({ afterMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2000, noNaN: true })), requests: fc.nat(40), retries: fc.nat(60) }), { maxLength: 80 });
  fc.assert(
    fc.property(steps, fc.double({ min: -1e6, max: 1e12, noNaN: true }), (list, startMs) => {
      const budget = new RetryBudget(startMs);
      const requests: number[] = [];
      const retries: number[] = [];
      let nowMs = startMs;
      for (const step of list) {
        nowMs += step.afterMs;
        for (let count = 0; count < step.requests; count++) { budget.recordRequest(nowMs); requests.push(nowMs); }
        for (let count = 0; count < step.retries; count++) if (budget.tryWithdraw(nowMs)) retries.push(nowMs);
        const recent = (times: readonly number[], windowMs: number): number => times.filter((at) => at > nowMs - windowMs).length;
        const { windowMs, retriesPerRequest, retriesPerSecond } = retryBudgetDefaults;
        // The ring forgets a slot at a time, so it holds between nine tenths of a window and all of it.
        const allowed = recent(requests, windowMs) * retriesPerRequest + (retriesPerSecond * windowMs) / 1000;
        if (recent(retries, 0.9 * windowMs) > allowed + 1e-6) throw new Error(`${recent(retries, 0.9 * windowMs)} retries, ${allowed} allowed`);
      }
    }),
    { seed, numRuns: 300 },
  );
  t.end();
});

void t.test("a total outage costs at most 1.2 attempts a request and 10 a second, over any longer time", (t) => {
  const budget = new RetryBudget(0);
  let attempts = 0;
  const requests = 60_000;
  for (let request = 0; request < requests; request++) {
    const nowMs = request;
    budget.recordRequest(nowMs);
    attempts++;
    for (let retry = 0; retry < 2; retry++) if (budget.tryWithdraw(nowMs)) attempts++;
  }
  const seconds = requests / 1000;
  // The reserve of one window may be spent at once at the start.
  t.ok(attempts <= 1.2 * requests + 10 * (seconds + 5), `${attempts} attempts for ${requests} requests in ${seconds} s`);
  t.ok(attempts >= 1.2 * requests, "and what the budget allows is there to be used");
  t.end();
});

void t.test("an idle shard can retry at once, and an unused budget expires", (t) => {
  const budget = new RetryBudget(1000);
  t.equal(budget.available(1000), 50);
  for (let request = 0; request < 1000; request++) budget.recordRequest(1000);
  t.equal(budget.available(1000), 250);
  t.equal(budget.available(5900), 250, "still there just before its window ends");
  t.equal(budget.available(6600), 50);
  for (let retry = 0; retry < 50; retry++) t.ok(budget.tryWithdraw(6600));
  t.notOk(budget.tryWithdraw(6600));
  t.notOk(budget.tryWithdraw(7000));
  t.equal(budget.available(1e9), 50, "long after, only the reserve");
  t.end();
});
