/**
 * A process of its own: balancers as far as a manager sees them. Each takes what comes, counts its bytes, receives and
 * acknowledges at once. Only small messages are looked into: 100 copies of the world are not what is measured.
 */
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import { linkDefinition } from "../../src/manager/link-wire.js";
import type { BalancerMessage, ManagerMessage } from "../../src/snapshot/link-messages.js";

export interface LinksAsked {
  /** HOST:PORT */
  readonly address: string;
  readonly count: number;
}

/** After each message: over all links, what has come so far. */
export interface LinksHeard {
  readonly messages: number;
  readonly bytes: number;
}

const smallBytesMax = 64 * 1024;
const { path, requestSerialize, responseDeserialize } = linkDefinition["Follow"]!;
let messages = 0;
let bytes = 0;

function open(address: string, index: number): void {
  const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": -1 });
  const stream: ClientDuplexStream<BalancerMessage, Buffer> = client.makeBidiStreamRequest<BalancerMessage, Buffer>(path, requestSerialize, (message: Buffer) => message, new Metadata());
  let nonce = 0;
  stream.on("data", (message: Buffer) => {
    nonce++;
    messages++;
    bytes += message.length;
    const revision = message.length > smallBytesMax ? 1 : (responseDeserialize(message) as ManagerMessage).revision;
    stream.write({ receipt: { nonce } });
    stream.write({ ack: { nonce, revision, shardRevisions: [revision, revision] } });
  });
  stream.on("error", (error) => {
    throw error;
  });
  stream.write({ hello: { balancer: `b${index}`, instance: String(index), shards: 2, revision: 0, checksum: Buffer.alloc(0), program: "bench" } });
}

process.on("message", (asked: LinksAsked | "heard") => {
  if (asked === "heard") process.send?.({ messages, bytes } satisfies LinksHeard);
  else for (let index = 0; index < asked.count; index++) open(asked.address, index);
});
process.once("disconnect", () => process.exit(0));
