/** Method definitions as @grpc/grpc-js's server wants them, from the codecs of messages.ts. */
import type { MethodDefinition } from "@grpc/grpc-js";

type Decode<T> = (bytes: Buffer) => T;
type Encode<T> = (value: T) => Buffer;

/** A unary method, seen from the server: requests are decoded, replies encoded. */
export function method<Request, Reply>(path: string, decode: Decode<Request>, encode: Encode<Reply>): MethodDefinition<Request, Reply> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestDeserialize: decode,
    responseSerialize: encode,
    requestSerialize: onlyServer,
    responseDeserialize: onlyServer,
  };
}

/** One request, a stream of replies. */
export function streamMethod<Request, Reply>(path: string, decode: Decode<Request>, encode: Encode<Reply>): MethodDefinition<Request, Reply> {
  return { ...method(path, decode, encode), responseStream: true };
}

/** The client's halves of a definition, which a server never uses. */
function onlyServer(): never {
  throw new Error("a server neither sends requests nor receives replies");
}
