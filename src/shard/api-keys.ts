/**
 * Whether a request brings a key that is known, and whose. Keys are known by their hashes alone. Must not know what is asked for.
 */
import { hash } from "node:crypto";

export interface ApiKey {
  /** Whose it is; somebody may have several. */
  readonly name: string;
  /** Of the key, in lower-case hexadecimal. */
  readonly sha256: string;
}

/** What came instead of a key that is known. */
export type KeyFault = "none" | "unknown";

export class ApiKeys {
  /** Until the first `replace` nobody is let in. */
  private names: ReadonlyMap<string, string> = new Map();

  replace(keys: readonly ApiKey[]): void {
    this.names = new Map(keys.map(({ name, sha256 }) => [sha256, name]));
  }

  /**
   * The name of the one whose key it is, or what is wrong. `apiKey` and `authorization` are the headers' values, "" for none. The time it
   * takes says something of the hash of what was sent at most, and who knew a hash could still not make the key of it.
   */
  callerOf(apiKey: string, authorization: string): { readonly name: string } | KeyFault {
    const key = apiKey === "" ? bearerOf(authorization) : apiKey;
    if (key === "") return "none";
    const name = this.names.get(hash("sha256", key));
    return name === undefined ? "unknown" : { name };
  }
}

/** RFC 6750, section 2.1; the scheme's case does not matter. */
function bearerOf(authorization: string): string {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
}
