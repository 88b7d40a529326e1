/** Waiting for a platform's workers, where somebody has nothing better to do: at a start. Must not know what they are for. */
import { type Clock, delay } from "../../base/clock.js";
import type { Logger } from "../../base/logger.js";
import type { Platform } from "./platform.js";

const lookEveryMs = 10;
/** A worker that has ended so often will not come up now, and the others are not kept waiting for it. */
const restartsMax = 3;

/** Resolves when all that should run listen or keep ending, or after `timeoutMs`, or when `givenUp` says that nobody waits any more. */
export async function untilListening(platform: Platform, timeoutMs: number, givenUp: () => boolean, clock: Clock, logger: Logger): Promise<void> {
  const endMs = clock.nowMs() + timeoutMs;
  const late = (): string[] => platform.workers().flatMap(({ id, state, endpoint, restarts }) => (endpoint === undefined && state !== "leaving" && restarts < restartsMax ? [id] : []));
  while (late().length > 0 && !givenUp()) {
    if (clock.nowMs() >= endMs) {
      logger.warn("going on without workers that do not listen yet", { workers: late().join(", ") });
      return;
    }
    await delay(lookEveryMs);
  }
}
