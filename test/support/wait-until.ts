/** Waits for what another part of the test brings about, with a bound; never for time to pass. */
import { delay } from "../../src/base/clock.js";

/** Rejects after `boundMs` with what was waited for. */
export async function waitUntil(what: string, condition: () => boolean | Promise<boolean>, boundMs = 10_000): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${boundMs} ms in vain: ${what}`);
    await delay(5);
  }
}
