/** Waiting for a platform's workers, where somebody has nothing better to do: at a start. Must not know what they are for. */
import { type Clock, delay } from "../../base/clock.js";
import type { Logger } from "../../base/logger.js";
import type { Platform } from "./platform.js";

const lookEveryMs = 10;

/** Resolves when all that should run listen, or after `timeoutMs`, or when `givenUp` says that nobody waits any more. */
export async function untilListening(platform: Platform, timeoutMs: number, givenUp: () => boolean, clock: Clock, logger: Logger): Promise<void> {
  const endMs = clock.nowMs() + timeoutMs;
  const late = (): string[] => platform.workers().flatMap(({ id, state, endpoint }) => (endpoint === undefined && state !== "leaving" ? [id] : []));
  while (late().length > 0 && !givenUp()) {
    if (clock.nowMs() >= endMs) {
      logger.warn("going on without workers that do not listen yet", { workers: late().join(", ") });
      return;
    }
    await delay(lookEveryMs);
  }
}
