/** A process around autocannon, so that the load has a core of its own. */
import autocannon from "autocannon";
import type { LoadResult } from "../load-result.js";
import { endWithParent, processOptions } from "./child-side.js";

export interface AutocannonOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** 0 for as many as the server takes. At a rate, latencies are corrected for coordinated omission. */
  readonly ratePerSecond: number;
  readonly requests: readonly { readonly path: string; readonly body: string }[];
}

endWithParent();
const { port, connections, seconds, ratePerSecond, requests } = processOptions() as AutocannonOptions;
const found = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections,
  duration: seconds,
  ...(ratePerSecond > 0 && { overallRate: ratePerSecond }),
  requests: requests.map(({ path, body }) => ({ method: "POST", path, body: Buffer.from(body, "base64"), headers: { "content-type": "text/plain" } })),
});
const { latency } = found;
const result: LoadResult = {
  tool: "autocannon",
  requests: found["2xx"],
  seconds: found.duration,
  latencyMs: { mean: latency.average, p50: latency.p50, p90: latency.p90, p99: latency.p99, p999: latency.p99_9, max: latency.max },
  errors: found.errors + found.timeouts + found.non2xx,
};
process.send?.(result, () => process.exit(0));
