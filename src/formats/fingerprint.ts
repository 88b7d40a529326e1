/**
 * A name for a finding that survives edits elsewhere in its file, so that a reader of two reports can
 * tell old findings from new ones. Hence no line number in it.
 */
import { createHash } from "node:crypto";
import type { Diagnostic } from "./report.js";

/** 128 bits in hexadecimal: what GitLab's own examples carry, and far from any collision in one report. */
const fingerprintChars = 32;

/** Gives every diagnostic of one document its fingerprint; call it once per diagnostic, in order. */
export class Fingerprints {
  readonly #seen = new Map<string, number>();

  /** Unique in the document: the same finding twice in a file is told apart by its order. */
  of(filename: string, diagnostic: Diagnostic): string {
    const identity = JSON.stringify([filename, diagnostic.rule, diagnostic.message]);
    const ordinal = this.#seen.get(identity) ?? 0;
    this.#seen.set(identity, ordinal + 1);
    return createHash("sha256").update(`${identity}#${ordinal}`).digest("hex").slice(0, fingerprintChars);
  }
}
