/**
 * Service definitions for @grpc/grpc-js from the files in proto/. Everywhere but on the hot path and in the worker, which
 * starts 70 ms sooner without them. Must not know any service's meaning.
 */
import type { ServiceDefinition } from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { assert } from "../base/assert.js";
import { protoMessages } from "../base/program.js";

/**
 * How messages look in the program: fields in camelCase, absent ones with their default, int64 as numbers (revisions and
 * milliseconds stay far below 2^53), bytes as Buffer, the name of the field that a oneof holds under the oneof's name.
 */
const loaderOptions: loader.Options = { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true };

/** The service `lintel.v1.<name>` of proto/lintel/v1/<file>. */
export function serviceDefinition(file: "admin.proto" | "link.proto" | "linter.proto", name: string): ServiceDefinition {
  const definition = loaded.get(`${file} ${name}`) ?? load(file, name);
  loaded.set(`${file} ${name}`, definition);
  return definition;
}

/** Reading one takes longer than a call does, and some clients live for one call. */
const loaded = new Map<string, ServiceDefinition>();

function load(file: "admin.proto" | "link.proto" | "linter.proto", name: string): ServiceDefinition {
  const messages = protoMessages(file);
  const definitions = messages.kind === "file" ? loader.loadSync(messages.path, loaderOptions) : loader.fromJSON(messages.description, loaderOptions);
  const definition = definitions[`lintel.v1.${name}`];
  assert(definition !== undefined && !("format" in definition), `${file} has the service ${name}`);
  return definition;
}
