/** What every process says of itself: which program it is, since when it runs, what it uses. Must not know its role. */
import type { Clock } from "../base/clock.js";
import { processMetrics } from "./definitions.js";
import type { Exposition } from "./exposition.js";

export function describeProcess(exposition: Exposition, program: string, clock: Clock): void {
  const startedSeconds = clock.wallMs() / 1_000 - process.uptime();
  exposition.add(processMetrics.build, () => [{ labels: { program }, value: 1 }]);
  exposition.addNumber(processMetrics.started, () => startedSeconds);
  exposition.addNumber(processMetrics.cpu, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  exposition.addNumber(processMetrics.resident, () => process.memoryUsage.rss());
}
