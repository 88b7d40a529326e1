import fc from "fast-check";
import t from "tap";
import { RateLimit, rateLimitKeyOf, type RateLimitOptions } from "../../src/balancing/rate-limit.js";

const options = fc.record({ requests: fc.integer({ min: 1, max: 1_000 }), periodMs: fc.integer({ min: 1_000, max: 3_600_000 }), burst: fc.integer({ min: 1, max: 50 }) });
/** Whole milliseconds, as clocks have them. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 100_000 })), { maxLength: 200 });
/** After three years of running. */
const startMs = 100_000_000_000;

/** A bucket of tokens that is filled by time: the dumb version. */
class Bucket {
  private tokens: number;
  private atMs = startMs;

  constructor(private readonly limit: RateLimitOptions) {
    this.tokens = limit.burst;
  }

  take(nowMs: number): boolean {
    const { requests, periodMs, burst } = this.limit;
    this.tokens = Math.min(burst, this.tokens + ((nowMs - this.atMs) * requests) / periodMs);
    this.atMs = nowMs;
    if (this.tokens < 1 - 1e-3 * (requests / periodMs)) return false;
    this.tokens -= 1;
    return true;
  }
}

void t.test("it admits what a bucket of tokens would", (t) => {
  fc.assert(
    fc.property(options, pauses, (limit, gaps) => {
      const [gcra, bucket] = [new RateLimit(RateLimit.allocate(8), limit), new Bucket(limit)];
      let nowMs = startMs;
      return gaps.every((gap) => gcra.take(7, (nowMs += gap)).allowed === bucket.take(nowMs));
    }),
  );
  t.end();
});

void t.test("what it tells is true: so many more are allowed now, and the next one after so long", (t) => {
  fc.assert(
    fc.property(options, pauses, (limit, gaps) => {
      const memory = RateLimit.allocate(8);
      const gcra = new RateLimit(memory, limit);
      const copy = (): RateLimit => {
        const other = RateLimit.allocate(8);
        new Float64Array(other).set(new Float64Array(memory));
        return new RateLimit(other, limit);
      };
      let nowMs = startMs;
      return gaps.every((gap) => {
        const verdict = gcra.take(7, (nowMs += gap));
        const later = copy();
        for (let count = 0; count < verdict.remaining; count++) if (!later.take(7, nowMs).allowed) return false;
        if (later.take(7, nowMs).allowed) return false;
        if (!verdict.allowed && (verdict.remaining !== 0 || !copy().take(7, nowMs + verdict.retryAfterMs + 1e-3).allowed)) return false;
        return copy().take(7, nowMs + verdict.resetMs + 1e-3).remaining === limit.burst - 1;
      });
    }),
  );
  t.end();
});

void t.test("who keeps to the rate is never refused, whatever others do", (t) => {
  fc.assert(
    fc.property(options, fc.array(fc.integer({ min: 2, max: 40 }), { maxLength: 300 }), (limit, others) => {
      const gcra = new RateLimit(RateLimit.allocate(64), limit);
      const intervalMs = Math.ceil(limit.periodMs / limit.requests);
      return others.every((other, index) => {
        const nowMs = startMs + index * intervalMs;
        for (let count = 0; count < 5; count++) gcra.take(other, nowMs);
        return gcra.take(1, nowMs).allowed;
      });
    }),
  );
  t.end();
});

void t.test("two shards count in the same memory; more clients than there is room for are forgotten in their favour", (t) => {
  const limit = { requests: 10, periodMs: 60_000, burst: 10 };
  const memory = RateLimit.allocate(64);
  const shards = [new RateLimit(memory, limit), new RateLimit(memory, limit)];
  const allowed = Array.from({ length: 30 }, (_, count) => shards[count % 2]!.take(5, startMs).allowed).filter(Boolean).length;
  t.equal(allowed, 10);
  let refused = 0;
  for (let client = 100; client < 100_000; client++) if (!shards[0]!.take(client, startMs).allowed) refused++;
  t.equal(refused, 0, "all of them are new");
  t.equal(new Float64Array(memory).length, 128, "and the memory stays what it was");
  t.end();
});

void t.test("a clock that is set back gives clients a whole allowance", (t) => {
  const gcra = new RateLimit(RateLimit.allocate(8), { requests: 1, periodMs: 60_000, burst: 1 });
  t.ok(gcra.take(1, startMs).allowed);
  t.notOk(gcra.take(1, startMs + 59_000).allowed);
  t.ok(gcra.take(1, startMs - 3_600_000).allowed);
  t.notOk(gcra.take(1, startMs - 3_600_000).allowed);
  t.end();
});

void t.test("keys are whole numbers that depend on the text and the seed, and are spread evenly", (t) => {
  fc.assert(fc.property(fc.string(), fc.nat({ max: 2 ** 32 - 1 }), (text, seed) => Number.isSafeInteger(rateLimitKeyOf(text, seed)) && rateLimitKeyOf(text, seed) >= 1));
  const addresses = Array.from({ length: 65_536 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  for (const seed of [0, 1, 0xdeadbeef]) {
    const keys = addresses.map((one) => rateLimitKeyOf(one, seed));
    t.equal(new Set(keys).size, keys.length, "all different");
    const loads = new Uint32Array(8_192);
    for (const key of keys) loads[key % 8_192]! += 1;
    // Eight on average; Poisson says that one in ten million has more than 28.
    t.ok(Math.max(...loads) <= 28, `the fullest set has ${Math.max(...loads)}`);
  }
  t.not(rateLimitKeyOf("10.0.0.1", 1), rateLimitKeyOf("10.0.0.1", 2));
  t.end();
});
