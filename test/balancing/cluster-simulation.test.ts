/**
 * The choice of worker in a whole cluster, in virtual time: the bounds that docs/decisions/0001-worker-choice.md
 * claims, on short runs of the simulation in bench/sim. Virtual time, so no timing of this machine is involved.
 */
import t from "tap";
import { simulate, type PolicyMaker } from "../../bench/sim/cluster.js";
import { clusterDefaults, type ClusterOptions } from "../../bench/sim/cluster-options.js";
import { lintel, local, randomChoice } from "../../bench/sim/policies.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 1);
t.comment(`seed ${seed}`);

function p99(changes: Partial<ClusterOptions>, maker: PolicyMaker): number {
  return simulate({ ...clusterDefaults, seed, seconds: 8, warmupSeconds: 6, ...changes }, maker).p99Ms;
}

void t.test("64 shards that share nothing come within 1.25 of a central queue over 200 workers, a tenth of them slow", (t) => {
  const ideal = p99({}, "central queue");
  const ours = p99({}, lintel());
  const random = p99({}, randomChoice);
  t.comment(`p99: central queue ${ideal.toFixed(1)}, Lintel ${ours.toFixed(1)}, random ${random.toFixed(0)} ms`);
  t.ok(ours <= 1.25 * ideal);
  t.ok(ours <= 0.5 * random);
  t.end();
});

void t.test("among three workers a ten times slower one gets under a third of a fair share, and the tail stays that of the other two", (t) => {
  const changes = { shards: 2, workers: 3, slowShare: 0.34, slowFactor: 10, load: 0.5, seconds: 60 };
  const result = simulate({ ...clusterDefaults, seed, ...changes }, lintel());
  const without = p99({ ...changes, workers: 2, slowShare: 0 }, lintel());
  t.comment(`${(100 * result.slowAttempts).toFixed(1)} % of attempts, p99 ${result.p99Ms.toFixed(1)} against ${without.toFixed(1)} ms`);
  t.ok(result.slowAttempts < 1 / 9);
  t.ok(result.p99Ms <= 2 * without);
  t.end();
});

void t.test("reports make shards see each other's load: better than two choices by own counts", (t) => {
  const changes = { shards: 8, workers: 24, slowShare: 0 };
  const [own, ours] = [p99(changes, local({ choices: 2, reports: "none" })), p99(changes, lintel())];
  t.ok(ours < 0.75 * own, `${ours.toFixed(1)} against ${own.toFixed(1)} ms`);
  t.end();
});

void t.test("a worker that refuses everything costs a few attempts a second, not its share of them", (t) => {
  const changes = { shards: 2, workers: 4, slowShare: 0, load: 0.5, refusing: 1, seconds: 30 };
  const result = simulate({ ...clusterDefaults, seed, ...changes }, lintel());
  t.equal(result.lost, 0);
  t.ok(result.refusedAttempts > 0 && result.refusedAttempts < 2 * 2 * 30, `${result.refusedAttempts} refused in 30 s on two shards`);
  t.end();
});
