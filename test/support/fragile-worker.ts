/**
 * A real gRPC worker on @grpc/grpc-js that dies of one input, as a linter with a bug does: a source that
 * begins with "POISON" ends the process `--dies-after-ms` later, whatever else it has in hand. Every other source is
 * answered after `--takes-ms` with a report of at least `--report-bytes`. Run as a process: prints its port.
 */
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, language: { type: "string", default: "json" }, version: { type: "string", default: "1" }, "takes-ms": { type: "string", default: "10" }, "dies-after-ms": { type: "string", default: "5" }, "report-bytes": { type: "string", default: "0" } },
});
const protos = fileURLToPath(new URL("../../../proto", import.meta.url));
const definitions = grpc.loadPackageDefinition(
  loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], { includeDirs: [protos], enums: String, defaults: true }),
) as unknown as { lintel: { v1: { Linter: { service: grpc.ServiceDefinition } } } };

const { language, version } = values;
const filler = "x".repeat(Number(values["report-bytes"]));
const report = Buffer.from(JSON.stringify({ language, linter: { name: `fragile${filler}`, version }, diagnostics: [], summary: { error: 0, warning: 0, info: 0, hint: 0 } }));
let depth = 0;

const server = new grpc.Server();
server.addService(definitions.lintel.v1.Linter.service, {
  describe: (_call: unknown, done: grpc.sendUnaryData<object>) => {
    done(null, { language, version, linterName: "fragile", linterVersion: version, formats: ["lintel.report.v1"] });
  },
  lint: ({ request }: { request: { source: Buffer } }, done: grpc.sendUnaryData<object>) => {
    depth++;
    if (request.source.subarray(0, 6).toString() === "POISON") setTimeout(() => process.kill(process.pid, "SIGKILL"), Number(values["dies-after-ms"]));
    setTimeout(() => {
      depth--;
      done(null, { report, queueDepth: depth });
    }, Number(values["takes-ms"]));
  },
});
server.bindAsync(`127.0.0.1:${values.port}`, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ kind: "listening", port });
});
process.once("disconnect", () => process.exit(0));
