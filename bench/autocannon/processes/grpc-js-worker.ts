/** A process of its own: ordinary workers on @grpc/grpc-js's server that answer every Lint with the same report. */
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { sampleReport } from "../sample-report.js";
import { endWithParent, processOptions, tellReady } from "./child-side.js";
import type { StaticWorkerOptions } from "./static-worker.js";

const definitions = loader.loadSync("lintel/v1/linter.proto", { includeDirs: [fileURLToPath(new URL("../../../../proto", import.meta.url))], defaults: true });

async function serve(version: string, { language, reportBytes }: StaticWorkerOptions): Promise<number> {
  const server = new grpc.Server();
  const report = sampleReport(reportBytes);
  const lint: grpc.handleUnaryCall<object, object> = (_call, callback) => callback(null, { report, queueDepth: 1 });
  const describe: grpc.handleUnaryCall<object, object> = (_call, callback) =>
    callback(null, { language, version, linterName: "static", linterVersion: "1", formats: ["lintel.report.v1"] });
  server.addService(definitions["lintel.v1.Linter"] as grpc.ServiceDefinition, { lint, describe });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

endWithParent();
const options = processOptions() as StaticWorkerOptions;
tellReady({ ports: await Promise.all(options.versions.map((version) => serve(version, options))) });
