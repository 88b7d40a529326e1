/** Workers of no weight: gRPC servers in the test's own process that answer every source with an empty report. Dozens cost nothing. */
import { fileURLToPath } from "node:url";
import { type sendUnaryData, Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { HealthImplementation } from "grpc-health-check";

const definitions = loader.loadSync("lintel/v1/linter.proto", { includeDirs: [fileURLToPath(new URL("../../../proto", import.meta.url))], defaults: true });

export interface LightWorker {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Requests answered. */
  answered: number;
  /** Ends it as kill -9 would. */
  readonly end: () => void;
}

/** Port 0 takes a free one. */
export async function startLightWorker(language: string, version: string, port = 0, host = "127.0.0.1"): Promise<LightWorker> {
  const server = new Server();
  const report = Buffer.from(JSON.stringify({ language, linter: { name: "light", version }, diagnostics: [], summary: { errors: 0, warnings: 0, infos: 0, hints: 0, fixable: 0 } }));
  const describe = (_call: unknown, done: sendUnaryData<object>): void => done(null, { language, version, linterName: "light", linterVersion: version, formats: ["lintel.report.v1"] });
  const lint = (_call: unknown, done: sendUnaryData<object>): void => {
    worker.answered++;
    done(null, { report, queueDepth: 0 });
  };
  server.addService(definitions["lintel.v1.Linter"] as ServiceDefinition, { lint, describe });
  new HealthImplementation({ "": "SERVING" }).addToServer(server);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, listening) => (error === null ? resolve(listening) : reject(error)));
  });
  const worker: LightWorker = { id: `${host}:${bound}`, host, port: bound, answered: 0, end: () => server.forceShutdown() };
  return worker;
}
