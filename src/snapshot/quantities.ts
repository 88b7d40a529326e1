/**
 * Sizes and durations as operators write them ("1MiB", "500ms"), and back. Must not know which settings use them.
 */

const bytesPerUnit: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };
const msPerUnit: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5 };

/** What a JSON Schema can say of them. */
export const sizePattern = "^[0-9]+(\\.[0-9]+)? ?([KkMmGg][Ii]?)?[Bb]$";
export const durationPattern = "^[0-9]+(\\.[0-9]+)? ?(ms|s|m|h)$";

/** Bytes of "64KiB" (1024 B) or "64kB" (1000 B), in any case; undefined when it is no size or no whole number of bytes. */
export function parseSize(text: string): number | undefined {
  return quantity(text.toLowerCase(), /^([0-9]+(?:\.[0-9]+)?) ?((?:[kmg]i?)?b)$/, bytesPerUnit);
}

/** Milliseconds of "500ms", "10s", "2m", "1h"; undefined when it is no duration or no whole number of milliseconds. */
export function parseDuration(text: string): number | undefined {
  return quantity(text, /^([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h)$/, msPerUnit);
}

function quantity(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  const match = pattern.exec(text);
  const unit = units[match?.[2] ?? ""];
  if (match === null || unit === undefined) return undefined;
  const product = Number(match[1]) * unit;
  // 1.1 * 1000 is 1100.0000000000002, and meant as a whole number.
  const value = Math.round(product);
  return Math.abs(product - value) < 1e-6 && Number.isSafeInteger(value) ? value : undefined;
}

/** The shortest exact spelling: 1048576 is "1MiB", 1000 is "1000B". */
export function formatSize(bytes: number): string {
  return shortest(bytes, [["GiB", 1024 ** 3], ["MiB", 1024 ** 2], ["KiB", 1024]], "B");
}

/** The shortest exact spelling: 10000 is "10s", 1500 is "1500ms". */
export function formatDuration(ms: number): string {
  return shortest(ms, [["h", 36e5], ["m", 6e4], ["s", 1e3]], "ms");
}

function shortest(value: number, units: readonly (readonly [string, number])[], smallest: string): string {
  for (const [name, size] of units) {
    if (value >= size && value % size === 0) return `${value / size}${name}`;
  }
  return `${value}${smallest}`;
}
