/** What every process that the benchmark starts does alike: reads its options, says that it is ready, ends with its parent. */
import { readFileSync } from "node:fs";

/** What a process says when it serves. */
export interface Ready {
  readonly ports: readonly number[];
}

export function processOptions(): unknown {
  return JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
}

export function tellReady(ready: Ready): void {
  process.send?.(ready);
}

/** SIGKILL, because a process with native listeners may hang or abort on any gentler way out. */
export function endWithParent(): void {
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
}
