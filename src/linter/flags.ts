/** The values of `lintel linter`'s flags: text to checked values, with a sentence for what is wrong. */
import { availableParallelism } from "node:os";
import { UserError } from "../base/errors.js";

const units: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A whole number within bounds. */
export function parseCount(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new UserError(`${flag} is "${text}", but must be a whole number from ${min} to ${max}.`);
  };
}

const milliseconds: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1_000, m: 60_000 };

/** A time in ms: 30000, 500ms, 30s or 2m. */
export function parseDuration(flag: string, maxMs: number): (text: string) => number {
  return (text) => {
    const match = /^(\d+)(|ms|s|m)$/.exec(text);
    const value = Number(match?.[1]) * (milliseconds[match?.[2] ?? ""] ?? NaN);
    if (value >= 0 && value <= maxMs) return value;
    throw new UserError(`${flag} is "${text}", but must be a time from 0 to ${maxMs / 60_000}m, such as 30s or 500ms.`);
  };
}

/** A number of bytes: 1048576, 1024KiB or 1MiB. At most a gibibyte: more does not fit into one message. */
export function parseByteCount(flag: string, min: number): (text: string) => number {
  const max = 1024 ** 3;
  return (text) => {
    const match = /^(\d+)(|KiB|MiB|GiB)$/.exec(text);
    const value = Number(match?.[1]) * (units[match?.[2] ?? ""] ?? NaN);
    if (value >= min && value <= max) return value;
    throw new UserError(`${flag} is "${text}", but must be a number of bytes from ${min} to ${max}, such as 1048576 or 1MiB.`);
  };
}

/** "127.0.0.1:7070", "[::1]:7070", "localhost:0". */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new UserError(`--listen is "${text}", but must be HOST:PORT, such as 127.0.0.1:7070 or [::1]:0.`);
}

/**
 * As many analyses at once as there are cores, but at least two, so that one that hangs does not stop the others until it is
 * killed, and at most four: every thread holds its own copy of the analyzer, and more workers spread the load as well.
 */
export function defaultThreads(): number {
  return Math.min(Math.max(availableParallelism(), 2), 4);
}
