/** A worker on @grpc/grpc-js's server that echoes what it is asked to: the second implementation of the wire. */
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { HealthImplementation } from "grpc-health-check";

const definitions = loader.loadSync("lintel/v1/linter.proto", { includeDirs: [fileURLToPath(new URL("../../../proto", import.meta.url))], defaults: true });

export interface LintRequest {
  readonly source: Buffer;
  readonly filename: string;
  readonly optionsJson: string;
  readonly traceparent: string;
}
export type LintHandler = grpc.handleUnaryCall<LintRequest, { readonly report: Buffer; readonly queueDepth: number }>;

export interface GrpcJsWorker {
  readonly port: number;
  readonly server: grpc.Server;
  readonly health: HealthImplementation;
}

export async function startGrpcJsWorker(lint: LintHandler, options: grpc.ServerOptions = {}): Promise<GrpcJsWorker> {
  const server = new grpc.Server(options);
  const describe: grpc.handleUnaryCall<object, object> = (_call, callback) =>
    callback(null, { language: "python", version: "1.2.3", linterName: "echo", linterVersion: "9", formats: ["lintel.report.v1"], selfTest: { source: Buffer.from("x"), filename: "x.py", reportSha256: Buffer.alloc(32) } });
  server.addService(definitions["lintel.v1.Linter"] as grpc.ServiceDefinition, { lint, describe });
  const health = new HealthImplementation({ "": "SERVING" });
  health.addToServer(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, server, health };
}
