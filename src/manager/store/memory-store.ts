/**
 * The store of a manager that forgets everything when it ends: `lintel up` without a place to keep it. Must not know what a
 * configuration means.
 */
import { emptyConfiguration, type StoredConfiguration } from "../stored-configuration.js";
import type { Store, WriteOutcome } from "./store.js";

export class MemoryStore implements Store {
  readonly name = "memory";
  private newest: StoredConfiguration = emptyConfiguration;

  read(): Promise<StoredConfiguration> {
    return Promise.resolve(this.newest);
  }

  write(basedOn: number, next: StoredConfiguration): Promise<WriteOutcome> {
    if (this.newest.revision !== basedOn) return Promise.resolve({ kind: "conflict", current: this.newest });
    this.newest = next;
    return Promise.resolve({ kind: "written" });
  }

  /** Nobody else can write. */
  watch(): void {
    return;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
