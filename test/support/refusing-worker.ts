/** A real gRPC worker on @grpc/grpc-js that refuses every request as a full one does. Run as a process: prints its port. */
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";

const protos = fileURLToPath(new URL("../../../proto", import.meta.url));
const definitions = grpc.loadPackageDefinition(
  loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], { includeDirs: [protos], enums: String, defaults: true }),
) as unknown as { lintel: { v1: { Linter: { service: grpc.ServiceDefinition } } } };

const server = new grpc.Server();
server.addService(definitions.lintel.v1.Linter.service, {
  describe: (_call: unknown, done: grpc.sendUnaryData<object>) => {
    done(null, { language: "json", version: "1", linterName: "refuser", linterVersion: "1", formats: ["lintel.report.v1"] });
  },
  lint: (_call: unknown, done: grpc.sendUnaryData<object>) => {
    const metadata = new grpc.Metadata();
    metadata.set("lintel-queue-depth", "64");
    done({ code: grpc.status.RESOURCE_EXHAUSTED, details: "the queue is full", metadata });
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ kind: "listening", port });
});
process.once("disconnect", () => process.exit(0));
