/** Copies of an input in flight find each other, over all shards, and never anything else. */
import fc from "fast-check";
import t from "tap";
import { fingerprintOf, indexOf, newSharedNovelInputs, NovelInputs } from "../../src/balancing/novel-inputs.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240614);
t.comment(`seed ${seed}`);

void t.test("a fingerprint is a function of the bytes, and tells most files apart", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.integer(), (source, salt) => {
      const fingerprint = fingerprintOf(source, salt);
      return fingerprint !== 0 && Number.isInteger(fingerprint) && fingerprint === fingerprintOf(Uint8Array.from(source), salt);
    }),
    { seed, numRuns: 500 },
  );
  const line = "const value = compute(input);\n";
  const sources = Array.from({ length: 2_000 }, (_, index) => Buffer.from(line.repeat(10 + (index % 40)) + "x".repeat(index)));
  const seen = new Set(sources.map((source) => fingerprintOf(source, 1)));
  t.ok(seen.size >= sources.length - 1, `${sources.length - seen.size} of ${sources.length} look like another one`);
  t.not(fingerprintOf(sources[0]!, 1), fingerprintOf(sources[0]!, 2), "the salt counts");
  t.end();
});

void t.test("what was answered is known until another input takes its place", (t) => {
  const novel = new NovelInputs(newSharedNovelInputs());
  const [one, same] = [0x12345678, 0x12345678 ^ (1 << 20)];
  t.equal(indexOf(one), indexOf(same), "both have the same place");
  t.notOk(novel.isAnswered(one));
  novel.noteAnswered(one);
  t.ok(novel.isAnswered(one));
  t.notOk(novel.isAnswered(same));
  novel.noteAnswered(same);
  t.notOk(novel.isAnswered(one));
  t.end();
});

void t.test("shards that enter, move and leave agree with a map of who is where", (t) => {
  const fingerprints = [5, 5 | (1 << 20), 6, -7, 0x7fffffff, -0x80000000];
  const step = fc.record({ shard: fc.nat(2), input: fc.nat(fingerprints.length - 1), slot: fc.integer({ min: 1, max: 32_767 }), leaves: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const shared = newSharedNovelInputs();
      const shards = [0, 1, 2].map(() => new NovelInputs(shared));
      /** By place: whose it is and where. */
      const places = new Map<number, { shard: number; fingerprint: number; slot: number }>();
      for (const { shard, input, slot, leaves } of steps) {
        const fingerprint = fingerprints[input]!;
        const place = places.get(indexOf(fingerprint));
        const mine = place?.shard === shard && place.fingerprint === fingerprint;
        const one = shards[shard]!;
        if (mine && leaves) {
          one.leave(fingerprint);
          places.delete(indexOf(fingerprint));
        } else if (mine) {
          one.move(fingerprint, slot);
          places.set(indexOf(fingerprint), { shard, fingerprint, slot });
        } else {
          const expected = place === undefined ? 0 : place.fingerprint === fingerprint ? place.slot : -1;
          const found = one.enter(fingerprint, slot);
          if (found !== expected) throw new Error(`found ${found}, not ${expected}`);
          if (found === 0) places.set(indexOf(fingerprint), { shard, fingerprint, slot });
        }
      }
    }),
    { seed, numRuns: 500 },
  );
  t.end();
});
