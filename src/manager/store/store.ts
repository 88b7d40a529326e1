/**
 * Where the configuration is kept. The only thing a store promises beyond durability is compare-and-swap; that alone
 * makes several managers harmless. Must not know what a configuration means.
 */
import type { StoredConfiguration } from "../stored-configuration.js";

export type WriteOutcome =
  /** Durable, and readable by every manager of this store. */
  | { readonly kind: "written" }
  /** Somebody else wrote first; `current` is the newest now. Nothing was changed. */
  | { readonly kind: "conflict"; readonly current: StoredConfiguration }
  /** Over the store's limit; nothing was changed. `reason` says by how much and what to do. */
  | { readonly kind: "too-large"; readonly reason: string }
  /** It is not known to be written; a read tells. `reason` is a sentence for an administrator. */
  | { readonly kind: "failed"; readonly reason: string };

export interface Store {
  /** For status and messages: "file:/var/lib/lintel/manager.json". */
  readonly name: string;
  /** The newest; the empty configuration when there is none yet. Throws a UserError when it cannot be read or makes no sense. */
  read(): Promise<StoredConfiguration>;
  /** Writes `next`, whose revision is `basedOn` + 1, if the newest stored revision is `basedOn`. */
  write(basedOn: number, next: StoredConfiguration): Promise<WriteOutcome>;
  /** Calls back with every newer configuration, whoever wrote it; skipping intermediate ones is allowed, going back is not. */
  watch(onChange: (configuration: StoredConfiguration) => void): void;
  close(): Promise<void>;
}
