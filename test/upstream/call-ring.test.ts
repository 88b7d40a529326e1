import fc from "fast-check";
import t from "tap";
import { BufferPool } from "../../src/upstream/buffer-pool.js";
import { CallRing } from "../../src/upstream/call-ring.js";
import { Liveness } from "../../src/upstream/liveness.js";

void t.test("the ring is a map from growing odd ids to calls", (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 2, arbitrary: fc.nat(1_000) }), { maxLength: 800 }), (steps) => {
      const ring = new CallRing();
      const oracle = new Map<number, number>();
      let last = -1;
      for (const [index, step] of steps.entries()) {
        if (step < 0) {
          const slot = ring.open(undefined, index % 64, index);
          const id = ring.ids[slot]!;
          if (id <= last || id % 2 !== 1) t.fail(`id ${id} after ${last}`);
          last = id;
          oracle.set(id, index);
        } else if (oracle.size > 0) {
          const id = [...oracle.keys()][step % oracle.size]!;
          ring.free(ring.find(id));
          oracle.delete(id);
        }
        t.equal(ring.count, oracle.size);
      }
      for (const [id, index] of oracle) {
        const slot = ring.find(id);
        t.same([ring.ids[slot], ring.flags[slot], ring.sendWindow[slot]], [id, index % 64, index]);
      }
      for (let id = 0; id < last + 200; id++) if (!oracle.has(id) && ring.find(id) >= 0) t.fail(`found ${id}`);
      t.ok(ring.slots >= 2 * ring.count);
    }),
    { numRuns: 30 },
  );
  t.end();
});

void t.test("the pool gives back what it was given, of the size asked for, and keeps only so many", (t) => {
  const pool = new BufferPool(2);
  const sizes = [1, 4_096, 4_097, 65_536, 262_144, 1_000_000];
  for (const size of sizes) t.ok(pool.take(size).length >= size);
  const [one, two, three] = [pool.take(5_000), pool.take(5_000), pool.take(5_000)];
  for (const buffer of [one, two, three]) pool.give(buffer);
  t.equal(pool.take(8_192), two);
  t.equal(pool.take(8_000), one);
  t.not(pool.take(8_000), three);
  pool.give(pool.take(1_000_000));
  pool.give(Buffer.alloc(16));
  t.end();
});

void t.test("liveness asks only in silence with calls, and gives up only after asking", (t) => {
  const said: string[] = [];
  const liveness = new Liveness(1, { sendPing: () => said.push("ping"), onDead: () => said.push("dead") });
  liveness.tick(false);
  t.same(said, []);
  liveness.tick(true);
  liveness.hasHeard = true;
  liveness.tick(true);
  liveness.tick(true);
  t.same(said, ["ping"], "one a reply");
  liveness.onReply();
  liveness.tick(true);
  liveness.tick(true);
  t.same(said, ["ping", "ping", "dead"]);
  t.end();
});
