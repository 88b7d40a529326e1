/**
 * Service definitions for @grpc/grpc-js from the files in proto/. Everywhere but on the hot path and in the worker, which
 * starts 70 ms sooner without them. Must not know any service's meaning.
 */
import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { assert } from "../base/assert.js";

const protoFolder = fileURLToPath(new URL("../../../proto", import.meta.url));

/**
 * How messages look in the program: fields in camelCase, absent ones with their default, int64 as numbers (revisions and
 * milliseconds stay far below 2^53), bytes as Buffer, the name of the field that a oneof holds under the oneof's name.
 */
const loaderOptions: loader.Options = { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [protoFolder] };

/** The service `lintel.v1.<name>` of proto/lintel/v1/<file>. */
export function serviceDefinition(file: "admin.proto" | "link.proto" | "linter.proto", name: string): ServiceDefinition {
  const definition = loader.loadSync(`lintel/v1/${file}`, loaderOptions)[`lintel.v1.${name}`];
  assert(definition !== undefined && !("format" in definition), `${file} has the service ${name}`);
  return definition;
}
