/** The share bound of version-counter.ts, for every prefix, from whatever state a snapshot change leaves. */
import fc from "fast-check";
import t from "tap";
import { seededRandom, type Random } from "../../src/base/random.js";
import { VersionCounter, type VersionShare } from "../../src/balancing/version-counter.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240611);
t.comment(`seed ${seed}`);

const weight = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 1000 }), fc.constantFrom(0, 1, 99, 2 ** 31 - 1, 2 ** 31));
/** Versions out of a fixed set of names, so that two draws share some. */
const shares = fc.uniqueArray(fc.record({ version: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"), weight }), { selector: (share) => share.version, minLength: 1, maxLength: 8 });
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** Picks `count` times and throws when a prefix breaks |nᵢ·W − N·wᵢ| < W + k·wᵢ, in exact whole numbers. */
function pickWithinBound(counter: VersionCounter, of: readonly VersionShare[], count: number): number[] {
  const total = of.reduce((sum, share) => sum + BigInt(share.weight), 0n);
  const versions = BigInt(of.filter((share) => share.weight > 0).length);
  const weights = of.map((share) => BigInt(share.weight));
  const picked = of.map(() => 0);
  for (let made = 1; made <= count; made++) {
    const index = counter.pick();
    if (total === 0n) {
      if (index !== -1) throw new Error("picked although nothing has weight");
      continue;
    }
    picked[index]! += 1;
    weights.forEach((share, version) => {
      const off = BigInt(picked[version]!) * total - BigInt(made) * share;
      const bound = share === 0n ? 1n : total + versions * share;
      if (off >= bound || off <= -bound) {
        throw new Error(`after ${made} picks version ${of[version]!.version} had ${picked[version]!}, ${off}/${total} off`);
      }
    });
  }
  return picked;
}

void t.test("after any number of picks every share is exact within the bound", (t) => {
  fc.assert(
    fc.property(shares, seeds, fc.integer({ min: 1, max: 400 }), (of, start, count) => {
      pickWithinBound(new VersionCounter(of, seededRandom(start)), of, count);
    }),
    { seed, numRuns: 500 },
  );
  t.end();
});

void t.test("the bound holds from every change of snapshot on: joins, removals, new weights, weight 0", (t) => {
  const changes = fc.array(fc.tuple(shares, fc.integer({ min: 0, max: 150 })), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(changes, seeds, (steps, start) => {
      const random = seededRandom(start);
      let counter: VersionCounter | undefined;
      for (const [of, count] of steps) {
        counter = new VersionCounter(of, random, counter);
        pickWithinBound(counter, of, count);
      }
    }),
    { seed, numRuns: 500 },
  );
  t.end();
});

void t.test("a version that stays is due after the same fraction of its stride, whatever its weight becomes", (t) => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 50 }), (start, before, scale) => {
      const of = [{ version: "a", weight: 90 }, { version: "b", weight: 9 }, { version: "c", weight: 1 }];
      const straight = new VersionCounter(of, seededRandom(start));
      let changed = new VersionCounter(of, seededRandom(start));
      for (let made = 0; made < before; made++) if (straight.pick() !== changed.pick()) throw new Error("the same seed gave another sequence");
      // The same shares written with other numbers, in another order, at every pick.
      const order = [2, 0, 1];
      const rewritten = order.map((index) => ({ version: of[index]!.version, weight: of[index]!.weight * scale }));
      for (let made = 0; made < 300; made++) {
        changed = new VersionCounter(rewritten, { next: () => { throw new Error("drew a phase for a version that stayed"); } }, changed);
        const expected = of[straight.pick()]!.version;
        const actual = rewritten[changed.pick()]!.version;
        if (actual !== expected) throw new Error(`pick ${made} after the change: ${actual}, not ${expected}`);
      }
    }),
    { seed, numRuns: 60 },
  );
  t.end();
});

void t.test("weights that change at every few picks still give each version the sum of its shares", (t) => {
  const random = seededRandom(seed);
  let counter: VersionCounter | undefined;
  const expected = [0, 0, 0];
  const picked = [0, 0, 0];
  for (let change = 0; change < 20_000; change++) {
    const weights = [1 + Math.floor(random.next() * 99), 1 + Math.floor(random.next() * 20), 5];
    const total = weights[0]! + weights[1]! + weights[2]!;
    counter = new VersionCounter(weights.map((share, index) => ({ version: String(index), weight: share })), random, counter);
    for (let made = 1 + Math.floor(random.next() * 5); made > 0; made--) {
      picked[counter.pick()]! += 1;
      weights.forEach((share, index) => (expected[index]! += share / total));
    }
  }
  t.comment(`picked ${picked.join(" ")}, expected ${expected.map((share) => share.toFixed(1)).join(" ")}`);
  picked.forEach((count, index) => t.ok(Math.abs(count - expected[index]!) < 0.01 * expected[index]! + 3, `version ${index} within 1 %`));
  t.end();
});

void t.test("a joining version gets its share from its first picks on, neither a flood nor a famine", (t) => {
  const old = [{ version: "a", weight: 3 }, { version: "b", weight: 2 }];
  const joined = [...old, { version: "new", weight: 1 }];
  let got = 0;
  const shards = 4000;
  const picksEach = 3;
  for (let shard = 0; shard < shards; shard++) {
    const random = seededRandom(seed + shard);
    const before = new VersionCounter(old, random);
    for (let made = Math.floor(random.next() * 1000); made > 0; made--) before.pick();
    got += pickWithinBound(new VersionCounter(joined, random, before), joined, picksEach)[2]!;
  }
  const share = got / (shards * picksEach);
  t.ok(share > 0.14 && share < 0.2, `a joiner of one sixth had ${(100 * share).toFixed(1)} % of the first ${picksEach} picks`);
  t.end();
});

void t.test("a version back from weight 0 is a joiner: it does not catch up what it was not meant to have", (t) => {
  const random = seededRandom(seed);
  const on = [{ version: "a", weight: 1 }, { version: "b", weight: 1 }];
  const off = [{ version: "a", weight: 1 }, { version: "b", weight: 0 }];
  let counter = new VersionCounter(on, random);
  pickWithinBound(counter, on, 11);
  counter = new VersionCounter(off, random, counter);
  t.same(pickWithinBound(counter, off, 1000), [1000, 0]);
  counter = new VersionCounter(on, random, counter);
  pickWithinBound(counter, on, 100);
  t.end();
});

void t.test("nothing with weight is no pick, a single version is every pick", (t) => {
  const random = seededRandom(seed);
  t.equal(new VersionCounter([], random).pick(), -1);
  const none = new VersionCounter([{ version: "a", weight: 0 }, { version: "b", weight: 0 }], random);
  t.equal(none.pick(), -1);
  const single = [{ version: "z", weight: 0 }, { version: "a", weight: 7 }];
  t.same(pickWithinBound(new VersionCounter(single, random, none), single, 5000), [0, 5000]);
  t.throws(() => new VersionCounter([{ version: "a", weight: -1 }], random), { name: "AssertionError" });
  t.throws(() => new VersionCounter([{ version: "a", weight: Number.NaN }], random), { name: "AssertionError" });
  t.end();
});

void t.test("a thousand shards with few picks each give a 1 % version 1 % of every pick, the first included", (t) => {
  const of = [{ version: "new", weight: 1 }, { version: "old", weight: 99 }];
  const picksEach = 5;
  const shards = 20_000;
  const nth = Array.from({ length: picksEach }, () => 0);
  for (let shard = 0; shard < shards; shard++) {
    const counter = new VersionCounter(of, seededRandom(seed + shard * 7919));
    for (let made = 0; made < picksEach; made++) if (counter.pick() === 0) nth[made]! += 1;
  }
  t.comment(`pick 1 to ${picksEach}: ${nth.map((count) => `${((100 * count) / shards).toFixed(2)} %`).join(", ")}`);
  // 200 expected of each, standard deviation 14.
  nth.forEach((count, made) => t.ok(count > 130 && count < 270, `pick ${made + 1}: ${count} of ${shards}`));
  let inThousand = 0;
  for (let shard = 0; shard < 1000; shard++) {
    const counter = new VersionCounter(of, seededRandom(seed + shard));
    for (let made = 0; made < 20; made++) if (counter.pick() === 0) inThousand++;
  }
  t.ok(inThousand > 140 && inThousand < 260, `1,000 shards with 20 picks each: ${inThousand} of 20,000`);
  t.end();
});

void t.test("the sequence repeats exactly after every turn of all weights, so the billionth pick is no different from the first", (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 6 }), seeds, (weights, start) => {
      const turn = weights.reduce((sum, share) => sum + share, 0);
      const counter = new VersionCounter(weights.map((share, index) => ({ version: String(index), weight: share })), seededRandom(start));
      const first: number[] = [];
      for (let made = 0; made < turn; made++) first.push(counter.pick());
      weights.forEach((share, index) => {
        if (first.filter((picked) => picked === index).length !== share) throw new Error(`version ${index} not picked ${share} times in a turn`);
      });
      // Over two rebases (every 64 turns) and on.
      for (let made = 0; made < 150 * turn; made++) {
        if (counter.pick() !== first[made % turn]) throw new Error(`turn ${1 + Math.floor(made / turn)} differs from the first`);
      }
    }),
    { seed, numRuns: 60 },
  );
  t.end();
});

void t.test("three million picks are those of an oracle that computes in fractions of BigInts", (t) => {
  const of = [{ version: "a", weight: 2 ** 31 }, { version: "b", weight: 2 ** 31 - 1 }, { version: "c", weight: 12_345_677 }, { version: "d", weight: 1 }];
  const drawn: number[] = [];
  const source = seededRandom(seed);
  const recording: Random = { next: () => { const value = source.next(); drawn.push(value); return value; } };
  const counter = new VersionCounter(of, recording);
  // The draws: one for who is due at once, then a phase for each.
  const total = of.reduce((sum, share) => sum + share.weight, 0);
  let rest = Math.floor(drawn[0]! * total);
  const dueAtOnce = of.findIndex((share) => { rest -= share.weight; return rest < 0; });
  const scale = 2 ** 32;
  const numerators = of.map((_, index) => (index === dueAtOnce ? 0n : BigInt(drawn[index + 1]! * scale)));
  const weights = of.map((share) => BigInt(share.weight));
  const picked = [0, 0, 0, 0];
  let differing = 0;
  for (let made = 0; made < 3_000_000; made++) {
    let expected = 0;
    for (let index = 1; index < 4; index++) {
      if (numerators[index]! * weights[expected]! < numerators[expected]! * weights[index]!) expected = index;
    }
    numerators[expected]! += BigInt(scale);
    const actual = counter.pick();
    picked[actual]! += 1;
    if (actual !== expected) differing++;
  }
  t.equal(differing, 0, `picked ${picked.join(" ")}`);
  t.end();
});

void t.test("ten million picks stay within the bound of the exact shares", (t) => {
  const of = [{ version: "a", weight: 899 }, { version: "b", weight: 100 }, { version: "c", weight: 2 ** 20 + 7 }];
  const total = of.reduce((sum, share) => sum + share.weight, 0);
  const counter = new VersionCounter(of, seededRandom(seed));
  const picked = [0, 0, 0];
  const count = 10_000_000;
  for (let made = 0; made < count; made++) picked[counter.pick()]! += 1;
  of.forEach((share, index) => {
    const off = Math.abs(picked[index]! - (count * share.weight) / total);
    t.ok(off < 1 + (3 * share.weight) / total, `version ${share.version} is ${off.toFixed(3)} off`);
  });
  t.end();
});
