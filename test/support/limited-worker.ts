/**
 * A real gRPC worker on @grpc/grpc-js with a capacity that does not hang on the machine: `--slots` analyses of
 * `--takes-ms` at the same time, `--queue-depth-max` waiting, and refused as a full worker does beyond that; without slots
 * everything is. Run as a process: prints its port, and every second by how much its timers are late.
 */
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export type FromLimitedWorker = { readonly kind: "listening"; readonly port: number } | { readonly kind: "late"; readonly p99Ms: number };

const { values } = parseArgs({
  options: { slots: { type: "string", default: "0" }, "takes-ms": { type: "string", default: "0" }, "queue-depth-max": { type: "string", default: "0" } },
});
const [slots, takesMs, queueDepthMax] = [Number(values.slots), Number(values["takes-ms"]), Number(values["queue-depth-max"])];
const protos = fileURLToPath(new URL("../../../proto", import.meta.url));
const definitions = grpc.loadPackageDefinition(
  loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], { includeDirs: [protos], enums: String, defaults: true }),
) as unknown as { lintel: { v1: { Linter: { service: grpc.ServiceDefinition } } } };
const report = Buffer.from(JSON.stringify({ language: "json", linter: { name: "limited", version: "1" }, diagnostics: [], summary: { errors: 0, warnings: 0, infos: 0, hints: 0, fixable: 0 } }));

const timerMs = 1;
let running = 0;
const waiting: grpc.sendUnaryData<object>[] = [];

function run(done: grpc.sendUnaryData<object>): void {
  running++;
  setTimeout(() => {
    running--;
    done(null, { report, queueDepth: running + waiting.length });
    const next = waiting.shift();
    if (next !== undefined) run(next);
  }, takesMs);
}

const server = new grpc.Server();
server.addService(definitions.lintel.v1.Linter.service, {
  describe: (_call: unknown, done: grpc.sendUnaryData<object>) => {
    done(null, { language: "json", version: "1", linterName: "limited", linterVersion: "1", formats: ["lintel.report.v1"] });
  },
  lint: (_call: unknown, done: grpc.sendUnaryData<object>) => {
    if (running < slots) run(done);
    else if (waiting.length < queueDepthMax) waiting.push(done);
    else {
      const metadata = new grpc.Metadata();
      metadata.set("lintel-queue-depth", String(Math.max(1, running + waiting.length)));
      done({ code: grpc.status.RESOURCE_EXHAUSTED, details: "the queue is full", metadata });
    }
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  tell({ kind: "listening", port });
  const lateness = monitorEventLoopDelay({ resolution: timerMs });
  lateness.enable();
  setInterval(() => {
    tell({ kind: "late", p99Ms: Math.max(0, lateness.percentile(99) / 1e6 - timerMs) });
    lateness.reset();
  }, 1_000);
});
process.once("disconnect", () => process.exit(0));

function tell(message: FromLimitedWorker): void {
  process.send?.(message);
}
