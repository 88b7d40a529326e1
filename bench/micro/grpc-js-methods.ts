/** The methods of proto/lintel/v1/linter.proto and grpc.health.v1 as @grpc/grpc-js wants them. */
import { fileURLToPath } from "node:url";
import * as loader from "@grpc/proto-loader";
import type { LintCall, WorkerDescription } from "../../src/upstream/connection.js";

export interface Method<Request, Reply> {
  readonly path: string;
  readonly serialize: (value: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Reply;
}

const protoRoot = fileURLToPath(new URL("../../../proto", import.meta.url));
const loaded = loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], {
  includeDirs: [protoRoot],
  enums: String,
  defaults: true,
});

function method<Request, Reply>(service: string, name: string): Method<Request, Reply> {
  const definition = (loaded[service] as loader.ServiceDefinition | undefined)?.[name];
  if (definition === undefined) throw new Error(`${service}/${name} is not in ${protoRoot}`);
  return {
    path: definition.path,
    serialize: definition.requestSerialize as (value: Request) => Buffer,
    deserialize: definition.responseDeserialize as (bytes: Buffer) => Reply,
  };
}

export const linterMethods = {
  lint: method<LintCall, { readonly report: Uint8Array; readonly queueDepth: number }>("lintel.v1.Linter", "Lint"),
  describe: method<object, WorkerDescription>("lintel.v1.Linter", "Describe"),
};

export const healthMethods = {
  watch: method<{ service: string }, { status: string }>("grpc.health.v1.Health", "Watch"),
};
