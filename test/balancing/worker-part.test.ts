import fc from "fast-check";
import t from "tap";
import { coverOf, defaultPartOptions, nextShare, partOf } from "../../src/balancing/worker-part.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 20_266);
const workersOf = (count: number): { id: string }[] => Array.from({ length: count }, (_, index) => ({ id: `10.0.${index >> 8}.${index & 255}:7070` }));
const partsOf = (workers: readonly { id: string }[], shards: number, balancer: string, share: number): string[][] =>
  Array.from({ length: shards }, (_, shard) => partOf(workers, { shard, shards, balancer }, share).map(({ id }) => id));

const shapes = { workers: fc.integer({ min: 1, max: 400 }), shards: fc.integer({ min: 1, max: 32 }), balancer: fc.string({ maxLength: 8 }), share: fc.constantFrom(1, 1 / 2, 1 / 4, 1 / 8, 1 / 64) };

void t.test(`a balancer's shards reach every worker equally often, in parts that differ by one at most (seed ${seed})`, (t) => {
  fc.assert(
    fc.property(shapes.workers, shapes.shards, shapes.balancer, shapes.share, (count, shards, balancer, share) => {
      const parts = partsOf(workersOf(count), shards, balancer, share);
      const reached = new Map<string, number>();
      for (const id of parts.flat()) reached.set(id, (reached.get(id) ?? 0) + 1);
      const sizes = parts.map((part) => part.length);
      const cover = share === 1 || count <= defaultPartOptions.partWorkersMin ? shards : coverOf(count, shards, share, defaultPartOptions);
      return (
        reached.size === count && [...reached.values()].every((times) => times === cover) &&
        parts.every((part) => new Set(part).size === part.length) && Math.max(...sizes) - Math.min(...sizes) <= 1 &&
        Math.min(...sizes) >= Math.min(count, defaultPartOptions.partWorkersMin)
      );
    }),
    { seed, numRuns: 200 },
  );
  t.end();
});

void t.test(`with equally busy shards no worker's load is more than a tenth from even (seed ${seed})`, (t) => {
  fc.assert(
    fc.property(shapes.workers, shapes.shards, shapes.balancer, shapes.share, (count, shards, balancer, share) => {
      const load = new Map<string, number>();
      for (const part of partsOf(workersOf(count), shards, balancer, share)) for (const id of part) load.set(id, (load.get(id) ?? 0) + 1 / part.length);
      return [...load.values()].every((one) => Math.abs(one / (shards / count) - 1) <= 0.1);
    }),
    { seed, numRuns: 200 },
  );
  t.end();
});

void t.test(`a worker that leaves moves little: two places an arc at most (seed ${seed})`, (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 400 }), shapes.shards, shapes.balancer, fc.nat(), (count, shards, balancer, gone) => {
      const workers = workersOf(count);
      const left = workers.filter((_, index) => index !== gone % count);
      // The cover is a whole number and changes now and then; then more moves, once.
      if (coverOf(count, shards, 1 / 8, defaultPartOptions) !== coverOf(count - 1, shards, 1 / 8, defaultPartOptions)) return true;
      const before = partsOf(workers, shards, balancer, 1 / 8);
      return partsOf(left, shards, balancer, 1 / 8).every((part, shard) => part.filter((id) => !before[shard]!.includes(id)).length <= 2);
    }),
    { seed, numRuns: 100 },
  );
  t.end();
});

void t.test("two balancers mix the workers differently, and one always the same way", (t) => {
  const workers = workersOf(40);
  const [one, other] = [partsOf(workers, 4, "b1", 1 / 4), partsOf(workers, 4, "b2", 1 / 4)];
  t.same(partsOf([...workers].reverse(), 4, "b1", 1 / 4), one, "the order of the snapshot means nothing");
  t.notSame(one, other);
  t.same(one.map((part) => part.length), [10, 10, 10, 10]);
  t.end();
});

void t.test("the share follows the number of workers in steps, with play between them", (t) => {
  t.equal(nextShare(1, 4_096, 4_096), 1);
  t.equal(nextShare(1, 4_097, 4_096), 1 / 2);
  t.equal(nextShare(1 / 2, 4_096, 4_096), 1 / 2, "one worker fewer changes nothing");
  t.equal(nextShare(1 / 2, 3_600, 4_096), 1);
  t.equal(nextShare(1, 20_000, 4_096), 1 / 8);
  t.equal(nextShare(1 / 8, 0, 4_096), 1);
  t.end();
});
