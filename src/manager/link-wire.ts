/**
 * Publications as bytes. What goes to many balancers is encoded once: a stream only adds its own nonce. Must not know
 * streams or who is at their other end.
 */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { assert } from "../base/assert.js";
import { serviceDefinition } from "../rpc/service-definition.js";
import { changesBetween } from "../snapshot/changes.js";
import type { ManagerMessage } from "../snapshot/link-messages.js";
import type { Publication } from "./publisher.js";

const loaded = serviceDefinition("link.proto", "Link");
const follow = loaded["Follow"];
const join = loaded["Join"];
assert(follow !== undefined && join !== undefined, "link.proto has Follow and Join");

/** Its replies on Follow are bytes already. */
export const linkDefinition: ServiceDefinition = { Follow: { ...follow, responseSerialize: (bytes: Buffer) => bytes }, Join: join };

/** What a balancer holds: the publication that has its content, and the revision it knows that by. */
export interface Held {
  readonly revision: number;
  readonly publication: Publication;
}

/** Which differences from older publications were asked for; most balancers hold the same one. */
interface Encoded {
  whole?: Buffer;
  readonly from: Map<string, Buffer>;
}

const encoded = new WeakMap<Publication, Encoded>();

/** The message that leads from what is held to `publication`; the whole of it when nothing is known to be held. */
export function messageBytes(nonce: number, publication: Publication, held: Held | undefined): Buffer {
  const known = encoded.get(publication) ?? { from: new Map<string, Buffer>() };
  encoded.set(publication, known);
  const body = held === undefined ? (known.whole ??= wholeBytes(publication)) : changesBytes(known, publication, held);
  return Buffer.concat([body, nonceBytes(nonce)]);
}

function wholeBytes({ revision, checksum, languages }: Publication): Buffer {
  return encode({ nonce: 0, revision, checksum, snapshot: { languages } });
}

function changesBytes({ from }: Encoded, { revision, checksum, languages }: Publication, held: Held): Buffer {
  const base = held.publication;
  const key = `${held.revision} ${base.checksum.toString("hex")}`;
  const before = from.get(key);
  if (before !== undefined) return before;
  const changes = changesBetween(base.languages, languages);
  const bytes = encode({ nonce: 0, revision, checksum, changes: { baseRevision: held.revision, baseChecksum: base.checksum, changes } });
  from.set(key, bytes);
  return bytes;
}

function encode(message: ManagerMessage): Buffer {
  assert(follow !== undefined, "the definition is loaded");
  return follow.responseSerialize(message);
}

/** Field 1, a varint. Of a field that is there twice the last one counts (the Protocol Buffers encoding guide, "Last One Wins"). */
function nonceBytes(nonce: number): Buffer {
  const bytes = [0x08];
  let rest = nonce;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
