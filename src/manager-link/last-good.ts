/**
 * The last good snapshot on disk: what a balancer starts from when no manager answers. Written beside the file, synced and
 * renamed, the directory synced, so that at any moment there is a whole one; whatever is read is checked against its checksum. Must not know
 * managers or shards.
 *
 * The file is one line "lintel-snapshot 1 SHA-256" and one line of JSON that the SHA-256 is of.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, messageOf } from "../base/errors.js";
import { syncDirectory } from "../base/sync-directory.js";
import { checksumOf } from "../snapshot/checksum.js";
import type { LanguageSnapshot } from "../snapshot/snapshot.js";
import { faultOf } from "../snapshot/soundness.js";
import type { HeldSnapshot } from "./held-snapshot.js";

export type LastGoodOutcome =
  | { readonly kind: "read"; readonly held: HeldSnapshot }
  | { readonly kind: "none" }
  /** There is one, and it cannot be used: a sentence that says why. */
  | { readonly kind: "broken"; readonly reason: string };

const heading = /^lintel-snapshot 1 ([0-9a-f]{64})$/;

export class LastGood {
  private writing: Promise<string> | undefined;
  /** What came while one was written; only the newest matters. */
  private next: { readonly held: HeldSnapshot; readonly written: Promise<string> } | undefined;

  constructor(readonly path: string) {}

  async read(): Promise<LastGoodOutcome> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      return codeOf(error) === "ENOENT" ? { kind: "none" } : { kind: "broken", reason: messageOf(error) };
    }
    return parse(text);
  }

  /** Resolves when this snapshot, or a newer one, is durable: with "" or with what went wrong. Never rejects. */
  write(held: HeldSnapshot): Promise<string> {
    if (this.writing === undefined) {
      this.writing = this.replace(held).finally(() => (this.writing = undefined));
      return this.writing;
    }
    const written = this.next?.written ?? this.writing.then(() => this.writeNext());
    this.next = { held, written };
    return written;
  }

  /** Resolves when nothing is being written. */
  async written(): Promise<void> {
    await this.next?.written;
    await this.writing;
  }

  private writeNext(): Promise<string> {
    const { next } = this;
    this.next = undefined;
    return next === undefined ? Promise.resolve("") : this.write(next.held);
  }

  private async replace({ revision, languages }: HeldSnapshot): Promise<string> {
    const body = JSON.stringify({ revision, languages });
    // A successor of this process may write at the same time.
    const beside = `${this.path}.${process.pid}.new`;
    try {
      await mkdir(dirname(this.path), { recursive: true });
      const file = await open(beside, "w", 0o600);
      try {
        await file.writeFile(`lintel-snapshot 1 ${sha256(body)}\n${body}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.path);
      // Until then a loss of power could bring the older one back, after the newer was acknowledged.
      await syncDirectory(dirname(this.path));
      return "";
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      return messageOf(error);
    }
  }
}

function parse(text: string): LastGoodOutcome {
  const [first = "", body = ""] = text.split("\n", 2);
  const sum = heading.exec(first)?.[1];
  if (sum === undefined) return { kind: "broken", reason: "it does not begin as a snapshot of this program does" };
  if (sha256(body) !== sum) return { kind: "broken", reason: "its checksum is another one than its content's: it was cut or changed" };
  const { revision, languages } = JSON.parse(body) as { readonly revision: number; readonly languages: readonly LanguageSnapshot[] };
  const fault = faultOf(languages);
  if (fault !== "") return { kind: "broken", reason: fault };
  return { kind: "read", held: { revision, languages, checksum: checksumOf(languages) } };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
