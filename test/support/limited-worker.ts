/**
 * A real gRPC worker on @grpc/grpc-js with a capacity that does not hang on the machine: `--slots` analyses at the same time,
 * each of `--takes-ms` at the median with a lognormal spread of `--sigma`; `--queue-depth-max` waiting, and refused as a full worker does
 * beyond that; without slots everything is. From `--lies-after-ms` on its reports are well-formed and wrong, that on its own known question
 * too. Run as a process: prints its port.
 */
import { createHash } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemRandom } from "../../src/base/random.js";

const { values } = parseArgs({
  options: { language: { type: "string", default: "json" }, sigma: { type: "string", default: "0" }, slots: { type: "string", default: "0" }, "takes-ms": { type: "string", default: "0" }, "queue-depth-max": { type: "string", default: "0" }, "lies-after-ms": { type: "string", default: "Infinity" } },
});
const { language } = values;
const [slots, takesMs, sigma, queueDepthMax] = [Number(values.slots), Number(values["takes-ms"]), Number(values.sigma), Number(values["queue-depth-max"])];
const protos = fileURLToPath(new URL("../../../proto", import.meta.url));
const definitions = grpc.loadPackageDefinition(
  loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], { includeDirs: [protos], enums: String, defaults: true }),
) as unknown as { lintel: { v1: { Linter: { service: grpc.ServiceDefinition } } } };
const liesFromMs = performance.now() + Number(values["lies-after-ms"]);
const reportOf = (infos: number): Buffer =>
  Buffer.from(JSON.stringify({ language, linter: { name: "limited", version: "1" }, diagnostics: [], summary: { errors: 0, warnings: 0, infos, hints: 0, fixable: 0 } }));
const [right, wrong] = [reportOf(0), reportOf(1)];
const selfTest = { source: Buffer.alloc(0), filename: "", reportSha256: createHash("sha256").update(right).digest() };

let running = 0;
const waiting: grpc.sendUnaryData<object>[] = [];

function run(done: grpc.sendUnaryData<object>): void {
  running++;
  setTimeout(() => {
    running--;
    done(null, { report: performance.now() < liesFromMs ? right : wrong, queueDepth: running + waiting.length });
    const next = waiting.shift();
    if (next !== undefined) run(next);
  }, takesMs * Math.exp(sigma * gaussian()));
}

/** Box and Muller's. */
function gaussian(): number {
  return Math.sqrt(-2 * Math.log(1 - systemRandom.next())) * Math.cos(2 * Math.PI * systemRandom.next());
}

const server = new grpc.Server();
server.addService(definitions.lintel.v1.Linter.service, {
  describe: (_call: unknown, done: grpc.sendUnaryData<object>) => {
    done(null, { language, version: "1", linterName: "limited", linterVersion: "1", formats: ["lintel.report.v1"], selfTest });
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
  process.send?.({ kind: "listening", port });
});
process.once("disconnect", () => process.exit(0));
