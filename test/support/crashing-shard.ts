/**
 * Loaded before everything else into a `lintel balancer` (NODE_OPTIONS), for tests of its supervision: shard 0 gets into trouble of
 * the kind that is written into the file LINTEL_TEST_TROUBLE names. The other threads are left alone.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

/** What goes wrong: a throw from a timer, one under the native server's callback, a promise nobody catches, memory that is never given back. */
export type Trouble = "timer" | "request" | "promise" | "leak";

export const troubleVariable = "LINTEL_TEST_TROUBLE";
const lookMs = 10;
/** Some 20 MB a second. */
const leakedPerLook = 2_000;

const path = process.env[troubleVariable];
if (!isMainThread && path !== undefined && (workerData as { readonly index?: number } | undefined)?.index === 0) watch(path);

function watch(path: string): void {
  let leaked: object | undefined;
  let isLeaking = false;
  setInterval(() => {
    if (isLeaking) for (let count = 0; count < leakedPerLook; count++) leaked = { name: `leaked ${count}`, before: leaked };
    if (!existsSync(path)) return;
    const trouble = readFileSync(path, "utf8") as Trouble;
    rmSync(path);
    if (trouble === "timer") throw new Error("trouble in a timer");
    else if (trouble === "promise") void Promise.reject(new Error("trouble in a promise"));
    else if (trouble === "leak") isLeaking = true;
    else throwInNextRequest();
  }, lookMs).unref();
}

/** The clock is read when a request's head has come, in the native server's callback. */
function throwInNextRequest(): void {
  const now = performance.now.bind(performance);
  performance.now = () => {
    if (/listener\.js/.test(new Error().stack ?? "")) {
      performance.now = now;
      throw new Error("trouble in a request");
    }
    return now();
  };
}
