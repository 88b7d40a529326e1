/**
 * The checksum of a snapshot's content: two ends of a link compare it instead of the content itself. Revision and nonce are
 * not part of it, and the order of languages, extensions, versions and workers means nothing. Must not know links or files.
 *
 *     language = SHA-256 of the JSON text, without spaces, of
 *                [name, [extension …], spill, [[version, weight, [[worker id, host, port] …]] …]]
 *     snapshot = SHA-256 of the languages' SHA-256, 32 bytes each, one behind the other
 *
 * with languages, extensions, versions and workers ordered by their UTF-16 code units. A language's part is remembered with
 * the language: a change of one weight in a snapshot of 20,000 workers costs one language, not the world.
 */
import { createHash } from "node:crypto";
import type { LanguageSnapshot, VersionSnapshot, WorkerEndpoint } from "./snapshot.js";

const digests = new WeakMap<LanguageSnapshot, Buffer>();

/** 32 bytes. The languages must never change after they were handed in. */
export function checksumOf(languages: readonly LanguageSnapshot[]): Buffer {
  const hash = createHash("sha256");
  for (const language of sorted(languages, ({ language: name }) => name)) hash.update(digestOf(language));
  return hash.digest();
}

function digestOf(language: LanguageSnapshot): Buffer {
  let digest = digests.get(language);
  if (digest === undefined) {
    digest = createHash("sha256").update(canonicalText(language)).digest();
    digests.set(language, digest);
  }
  return digest;
}

function canonicalText({ language, extensions, spill, versions }: LanguageSnapshot): string {
  const canonicalVersion = ({ version, weight, workers }: VersionSnapshot): unknown => [version, weight, sorted(workers, ({ id }) => id).map(canonicalWorker)];
  return JSON.stringify([language, sorted(extensions, (one) => one), spill, sorted(versions, ({ version }) => version).map(canonicalVersion)]);
}

function canonicalWorker({ id, host, port }: WorkerEndpoint): unknown {
  return [id, host, port];
}

function sorted<T>(all: readonly T[], key: (one: T) => string): T[] {
  return [...all].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}
