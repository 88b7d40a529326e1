/**
 * Gives every language, version and worker its place in the shards' statistics. A name keeps its slot while
 * it is in a snapshot, and after that until the space is needed, so that counters survive a change and back.
 */
import { UserError } from "../base/errors.js";
import type { Snapshot } from "../snapshot/snapshot.js";
import type { Slots } from "../shard/messages.js";
import type { StatisticsSizes } from "../shard/statistics.js";

class SlotTable {
  private readonly slots = new Map<string, number>();
  private next = 1;

  constructor(
    private readonly what: string,
    private readonly max: number,
    private readonly onReuse: (slot: number) => void,
  ) {}

  /** The slots of `names`; throws a UserError when there are more names than slots. */
  assign(names: readonly string[]): Record<string, number> {
    const wanted = new Set(names);
    const result: Record<string, number> = {};
    for (const name of wanted) result[name] = this.slots.get(name) ?? this.take(name, wanted);
    return result;
  }

  entries(): IterableIterator<[string, number]> {
    return this.slots.entries();
  }

  private take(name: string, wanted: ReadonlySet<string>): number {
    const slot = this.next < this.max ? this.next++ : this.reclaim(wanted);
    this.slots.set(name, slot);
    return slot;
  }

  private reclaim(wanted: ReadonlySet<string>): number {
    for (const [name, slot] of this.slots) {
      if (wanted.has(name)) continue;
      this.slots.delete(name);
      this.onReuse(slot);
      return slot;
    }
    throw new UserError(`the configuration has more than ${this.max - 1} ${this.what}; split it over several balancers`);
  }
}

export interface SlotBook {
  /** The slots for a snapshot's names; throws a UserError when it has too many. */
  assign(snapshot: Snapshot): Slots;
  languages(): IterableIterator<[string, number]>;
  /** Names are "language version". */
  versions(): IterableIterator<[string, number]>;
  workers(): IterableIterator<[string, number]>;
}

/** `onReuse` empties a slot on every shard before its next owner counts in it. */
export function createSlotBook(
  sizes: StatisticsSizes,
  onReuse: (table: "language" | "version" | "worker", slot: number) => void,
): SlotBook {
  const languages = new SlotTable("languages", sizes.languagesMax, (slot) => onReuse("language", slot));
  const versions = new SlotTable("versions", sizes.versionsMax, (slot) => onReuse("version", slot));
  const workers = new SlotTable("workers", sizes.workersMax, (slot) => onReuse("worker", slot));
  return {
    assign: (snapshot) => ({
      languages: languages.assign(snapshot.languages.map((language) => language.language)),
      versions: versions.assign(
        snapshot.languages.flatMap(({ language, versions: all }) => all.map(({ version }) => `${language} ${version}`)),
      ),
      workers: workers.assign(
        snapshot.languages.flatMap((language) => language.versions.flatMap((version) => version.workers.map((worker) => worker.id))),
      ),
    }),
    languages: () => languages.entries(),
    versions: () => versions.entries(),
    workers: () => workers.entries(),
  };
}
