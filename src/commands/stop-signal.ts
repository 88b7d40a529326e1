/** How every long-running command is told to stop. */
import { systemClock } from "../base/clock.js";

/**
 * One Ctrl-C often arrives twice: from the terminal and from the process that started us. Only what comes
 * later than this is somebody who does not want to wait.
 */
const echoMs = 500;

/** What people and service managers send. A successor's SIGQUIT may come beside it, and is no impatience. */
const impatient: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** By a signal that cannot be held up: an ordinary exit would abort while shards hold native handles. */
function killThisProcess(): void {
  process.kill(process.pid, "SIGKILL");
}

/**
 * Resolves with the first of `signals`. A second SIGINT or SIGTERM ends the process at once: by SIGKILL, or by `endNow` in a process
 * without shards that has something to clear away.
 */
export function untilToldToStop(signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"], endNow: () => void = killThisProcess): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let toldMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      resolve(signal);
      if (!impatient.includes(signal)) return;
      const nowMs = systemClock.nowMs();
      if (toldMs !== undefined && nowMs - toldMs >= echoMs) endNow();
      toldMs ??= nowMs;
    };
    for (const signal of signals) process.on(signal, onSignal);
  });
}
