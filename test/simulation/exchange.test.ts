/** A slice of the simulated worlds; all of them: npm run test:simulation. */
import t from "tap";
import { runSeeds } from "./run-seeds.js";

/** About four seconds of one core. */
const seeds = Number(process.env["LINTEL_SIM_SEEDS"] ?? 750);
const first = Number(process.env["LINTEL_SIM_FROM"] ?? 1);

void t.test(`worlds ${first} to ${first + seeds - 1} break no rule`, async (t) => {
  const result = await runSeeds(first, first + seeds - 1);
  t.comment(`${result.seeds} seeds, ${result.requests} requests, ${result.attempts} attempts, ${Math.round(result.virtualMs / 60_000)} virtual minutes`);
  t.equal(result.failure, "");
});

void t.test("the same seed is the same world", async (t) => {
  const [one, other] = [await runSeeds(7, 9), await runSeeds(7, 9)];
  t.same(one, other);
  t.ok(one.attempts > 0);
});
