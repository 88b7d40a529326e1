import fc from "fast-check";
import t from "tap";
import { durationPattern, formatDuration, formatSize, parseDuration, parseSize, sizePattern } from "../../src/snapshot/quantities.js";

void t.test("sizes have binary and decimal units in any case", (t) => {
  t.same(["0B", "512b", "64KiB", "64kb", "1 MiB", "1.5MiB", "2gib", "1GB"].map(parseSize), [0, 512, 65_536, 64_000, 1_048_576, 1_572_864, 2_147_483_648, 1e9]);
  t.same(["", "64", "KiB", "-1B", "1.0001KiB", "1e3B", "1TiB", "1 K", "9999999999999GiB", "0x10B"].map(parseSize), Array(10).fill(undefined));
  t.end();
});

void t.test("durations have units from ms to h", (t) => {
  t.same(["0ms", "500ms", "10s", "1.1s", "2m", "1 h"].map(parseDuration), [0, 500, 10_000, 1_100, 120_000, 3_600_000]);
  t.same(["", "10", "s", "-1s", "1.5ms", "10 sec", "1d", "10S", "1s1ms"].map(parseDuration), Array(9).fill(undefined));
  t.end();
});

void t.test("what is formatted is read back exactly, and passes the JSON Schema", (t) => {
  const seed = 20_261;
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 32 }), fc.constantFrom(1, 1024, 1000, 60_000, 1024 ** 2), (count, unit) => {
      const value = count * unit; // at most 2 ** 52: exact
      return parseSize(formatSize(value)) === value && parseDuration(formatDuration(value)) === value && new RegExp(sizePattern).test(formatSize(value)) && new RegExp(durationPattern).test(formatDuration(value));
    }),
    { seed },
  );
  t.same([1_048_576, 1_000, 0].map(formatSize), ["1MiB", "1000B", "0B"]);
  t.same([10_000, 1_500, 60_000, 0].map(formatDuration), ["10s", "1500ms", "1m", "0ms"]);
  t.end();
});
