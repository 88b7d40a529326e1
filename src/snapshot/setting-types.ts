/**
 * The kinds of value a setting can have. Each carries, as its zod error, what a person is to be told was
 * expected. Must not know the settings.
 */
import * as z from "zod";
import { durationPattern, formatDuration, formatSize, parseDuration, parseSize, sizePattern } from "./quantities.js";

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** A whole number. */
export function count({ min, max }: Bounds, error = `a whole number from ${min} to ${max}`) {
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A part of a whole. */
export function fraction(error = "a number from 0 to 1") {
  return z.number({ error }).min(0, { error }).max(1, { error });
}

/** Bytes: a number, or text with a unit. */
export function size(bounds: Bounds) {
  const expected = `a size from ${formatSize(bounds.min)} to ${formatSize(bounds.max)}, such as 64KiB, 1MiB or a number of bytes`;
  return quantity(bounds, expected, sizePattern, parseSize);
}

/** Milliseconds: a number, or text with a unit. */
export function duration(bounds: Bounds) {
  const expected = `a duration from ${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}, such as 500ms, 10s or a number of milliseconds`;
  return quantity(bounds, expected, durationPattern, parseDuration);
}

function quantity({ min, max }: Bounds, expected: string, pattern: string, parse: (text: string) => number | undefined) {
  const error = expected;
  const text = z.string({ error }).regex(new RegExp(pattern), { error });
  return z.union([count({ min, max }, expected), text], { error }).transform((input, context) => {
    const value = typeof input === "number" ? input : parse(input);
    if (value !== undefined && value >= min && value <= max) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
}

/** Text of one form. Control characters never belong into a setting: they end in headers and on command lines. */
export function text(expected: string, pattern: RegExp) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** Text that `read` turns into something; `pattern` is what a JSON Schema can say of it. */
export function parsedText<T extends object>(expected: (input: string) => string, pattern: string, read: (input: string) => T | undefined) {
  return z
    .string({ error: expected("") })
    .meta({ pattern })
    .transform((input, context): T => {
      const value = read(input);
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: expected(input) });
      return z.NEVER;
    });
}

/** One of a few words. */
export function choice<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `one of ${words.join(", ")}` });
}
