import fc from "fast-check";
import t from "tap";
import { type AccessRecord, AccessRing } from "../../src/shard/access-ring.js";

const ascii = (maxLength: number) => fc.string({ unit: "grapheme-ascii", maxLength });
const record: fc.Arbitrary<AccessRecord> = fc.record({
  wallMs: fc.nat(),
  durationMs: fc.double({ noNaN: true, min: 0, max: 1e9 }),
  languageSlot: fc.nat(),
  versionSlot: fc.nat(),
  workerSlot: fc.nat(),
  attempts: fc.nat(),
  status: fc.nat(),
  reason: fc.nat(),
  sourceBytes: fc.maxSafeNat(),
  spilled: fc.boolean(),
  requestId: ascii(128),
  traceId: ascii(32),
});

void t.test("what the shard puts in, the main thread takes out: in order, whole, and no more than there is room for", (t) => {
  const step = fc.oneof(record.map((one) => ({ put: one })), fc.integer({ min: 1, max: 10 }).map((max) => ({ take: max })));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(0, 2 ** 31 - 3, 2 ** 32 - 3), (steps, before) => {
      const memory = AccessRing.allocate(8);
      // Its counters wrap after four thousand million records.
      new Int32Array(memory, 0, 2).fill(before | 0);
      const [shard, main] = [new AccessRing(memory), new AccessRing(memory)];
      const model: AccessRecord[] = [];
      for (const one of steps) {
        if ("put" in one) {
          const hasRoom = model.length < 8;
          if (hasRoom) model.push(one.put);
          if (shard.put(one.put) !== hasRoom) return false;
        } else if (JSON.stringify(main.take(one.take)) !== JSON.stringify(model.splice(0, one.take))) return false;
      }
      return JSON.stringify(main.take(100)) === JSON.stringify(model);
    }),
  );
  t.end();
});

void t.test("an id that is too long is cut", (t) => {
  const ring = new AccessRing(AccessRing.allocate(2));
  const [sample] = fc.sample(record, 1);
  ring.put({ ...sample!, requestId: "x".repeat(300), traceId: "y".repeat(40) });
  t.match(ring.take(1), [{ requestId: "x".repeat(128), traceId: "y".repeat(32) }]);
  t.end();
});
