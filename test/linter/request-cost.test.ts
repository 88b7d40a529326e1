/** What a worker says a request costs it. */
import t from "tap";
import { RequestCost } from "../../src/linter/request-cost.js";

function replies(cost: RequestCost, count: number): number {
  let stated = 0;
  for (let index = 0; index < count; index++) stated = cost.noteReply();
  return stated;
}

void t.test("nothing is stated before the network thread was looked at", (t) => {
  let activeMs = 5;
  const cost = new RequestCost(2, () => activeMs);
  cost.noteAnalysis(4);
  t.equal(replies(cost, 63), 0);
  activeMs += 6.4;
  t.equal(replies(cost, 1), 2_000, "4 ms of one of two threads is more than 0.1 ms of the network thread");
  t.end();
});

void t.test("the narrowest part decides", (t) => {
  let activeMs = 0;
  const cost = new RequestCost(4, () => activeMs);
  for (let index = 0; index < 500; index++) cost.noteAnalysis(0.02);
  activeMs += 64 * 0.15;
  t.equal(replies(cost, 64), 150);
  t.end();
});

void t.test("it follows what requests have become", (t) => {
  let activeMs = 0;
  const cost = new RequestCost(1, () => activeMs);
  for (let round = 0; round < 200; round++) {
    activeMs += 64 * 0.1;
    cost.noteAnalysis(0.05);
    replies(cost, 64);
  }
  for (let index = 0; index < 200; index++) cost.noteAnalysis(8);
  t.match(replies(cost, 1), 8_000);
  t.end();
});
