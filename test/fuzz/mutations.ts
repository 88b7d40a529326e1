/** Ways to make good bytes and values bad, from a seed. Must not know what they are for. */
import { randomBelow, type Random } from "../../src/base/random.js";

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[randomBelow(random, values.length)]!;
}

export function randomBytes(random: Random, lengthMax: number): Buffer {
  return Buffer.from(Array.from({ length: randomBelow(random, lengthMax + 1) }, () => randomBelow(random, 256)));
}

/** A few bytes changed, cut out, doubled or put in. */
export function mutatedBytes(random: Random, bytes: Buffer): Buffer {
  let result = bytes;
  for (let edits = 1 + randomBelow(random, 4); edits > 0; edits--) {
    const at = randomBelow(random, result.length + 1);
    const from = randomBelow(random, result.length + 1);
    const cut = randomBelow(random, 4) * randomBelow(random, 20);
    const inserted = pick(random, [Buffer.alloc(0), randomBytes(random, 8), result.subarray(from, from + 30), Buffer.alloc(4, 0xff), Buffer.alloc(9)]);
    result = Buffer.concat([result.subarray(0, at), inserted, result.subarray(at + cut)]);
  }
  return result;
}

const oddValues: readonly unknown[] = [
  null, true, false, 0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e308, "", "a", "\0", "\u001b[2J", "]]>", "<!--", "\r\nX-Injected: yes\r\n", "\ud800", "\u2028", "x".repeat(3_000), "https://[", "javascript:alert(1)", "::error::", "%0A", [], {}, [[]], { constructor: 1 },
];

/** The value with one place in it replaced, left out or doubled. */
export function mutatedValue(random: Random, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.next() < 0.1) return pick(random, oddValues);
  if (Array.isArray(value)) {
    const copy: unknown[] = [...(value as unknown[])];
    const at = randomBelow(random, copy.length + 1);
    const kind = random.next();
    if (kind < 0.2) copy.splice(at, 1);
    else if (kind < 0.4) copy.splice(at, 0, ...copy.slice(at), ...copy);
    else copy[at] = mutatedValue(random, copy[at]);
    return copy;
  }
  const entries = Object.entries(value);
  const key = entries.length === 0 ? "" : pick(random, entries)[0];
  if (random.next() < 0.15) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return { ...value, [pick(random, [key, key, key, key, "__proto__", "toString"])]: mutatedValue(random, (value as Record<string, unknown>)[key]) };
}

/** Deeper than any honest value; as text, because it may be too deep to be written otherwise. */
export function nestedJson(random: Random): string {
  const depth = pick(random, [100, 10_000, 60_000]);
  const [open, close] = pick(random, [["[", "]"], ['{"a":', "}"]] as const);
  return open.repeat(depth) + (open === "[" ? "" : "1") + (random.next() < 0.5 ? close.repeat(depth) : "");
}
