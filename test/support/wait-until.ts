/**
 * Waits for what another part of the test brings about, with a bound; never for time to pass. A bound is for what never comes: it costs nothing
 * otherwise, and a machine that does other things, too, may take ten times as long as a quiet one.
 */
import { delay } from "../../src/base/clock.js";

/** Rejects after `boundMs` with what was waited for. */
export async function waitUntil(what: string, condition: () => boolean | Promise<boolean>, boundMs = 30_000): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${boundMs} ms in vain: ${what}`);
    await delay(5);
  }
}
