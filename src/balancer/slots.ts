/**
 * Gives every language, version and worker its place in the shards' statistics. A name keeps its slot while
 * it is in a snapshot, and after that until the space is needed, so that counters survive a change and back.
 */
import { UserError } from "../base/errors.js";
import type { LanguageSnapshot, Snapshot } from "../snapshot/snapshot.js";
import type { Slots } from "../shard/messages.js";
import type { StatisticsSizes } from "../shard/statistics.js";

class SlotTable {
  private readonly slots = new Map<string, number>();
  /** By slot. */
  private readonly names: string[] = [];
  private next = 1;

  constructor(
    private readonly what: string,
    private readonly max: number,
    private readonly onReuse: (slot: number) => void,
  ) {}

  get(name: string): number {
    return this.slots.get(name) ?? 0;
  }

  nameOf(slot: number): string {
    return this.names[slot] ?? "";
  }

  /** Gives every name a slot. `wanted` are all names there are, asked for only when space is short; throws a UserError when there is none. */
  reserve(names: readonly string[], wanted: () => ReadonlySet<string>): void {
    for (const name of names) {
      if (this.slots.has(name)) continue;
      const slot = this.next < this.max ? this.next++ : this.reclaim(wanted());
      this.slots.set(name, slot);
      this.names[slot] = name;
    }
  }

  entries(): IterableIterator<[string, number]> {
    return this.slots.entries();
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
  /** Gives every name of a snapshot its slot; throws a UserError when there are too many. What it shares with the one before costs nothing. */
  reserve(snapshot: Snapshot): void;
  /** The slots of these languages' names, which are in a snapshot that was reserved. */
  of(languages: readonly LanguageSnapshot[]): Slots;
  /** Who has the slot; "" for slot 0, and for one that nobody had yet. */
  nameOf(table: TableName, slot: number): string;
  languages(): IterableIterator<[string, number]>;
  /** Names are "language version". */
  versions(): IterableIterator<[string, number]>;
  workers(): IterableIterator<[string, number]>;
}

type TableName = "language" | "version" | "worker";
type Names = Readonly<Record<TableName, readonly string[]>>;

/** `onReuse` empties a slot on every shard before its next owner counts in it. */
export function createSlotBook(sizes: StatisticsSizes, onReuse: (table: TableName, slot: number) => void): SlotBook {
  const languages = new SlotTable("languages", sizes.languagesMax, (slot) => onReuse("language", slot));
  const versions = new SlotTable("versions", sizes.versionsMax, (slot) => onReuse("version", slot));
  const workers = new SlotTable("workers", sizes.workersMax, (slot) => onReuse("worker", slot));
  let reserved = new Set<LanguageSnapshot>();
  return {
    reserve: (snapshot) => {
      const all = new Wanted(snapshot.languages);
      const names = namesOf(snapshot.languages.filter((language) => !reserved.has(language)));
      languages.reserve(names.language, () => all.names("language"));
      versions.reserve(names.version, () => all.names("version"));
      workers.reserve(names.worker, () => all.names("worker"));
      reserved = new Set(snapshot.languages);
    },
    of: (some) => {
      const names = namesOf(some);
      const table = (of: SlotTable, wanted: readonly string[]): Record<string, number> => Object.fromEntries(wanted.map((name) => [name, of.get(name)]));
      return { languages: table(languages, names.language), versions: table(versions, names.version), workers: table(workers, names.worker) };
    },
    nameOf: (table, slot) => ({ language: languages, version: versions, worker: workers })[table].nameOf(slot),
    languages: () => languages.entries(),
    versions: () => versions.entries(),
    workers: () => workers.entries(),
  };
}

/** All names of a snapshot, made when they are first needed. */
class Wanted {
  private readonly made = new Map<TableName, ReadonlySet<string>>();

  constructor(private readonly languages: readonly LanguageSnapshot[]) {}

  names(table: TableName): ReadonlySet<string> {
    const known = this.made.get(table) ?? new Set(namesOf(this.languages)[table]);
    this.made.set(table, known);
    return known;
  }
}

function namesOf(languages: readonly LanguageSnapshot[]): Names {
  return {
    language: languages.map(({ language }) => language),
    version: languages.flatMap(({ language, versions }) => versions.map(({ version }) => `${language} ${version}`)),
    worker: languages.flatMap(({ versions }) => versions.flatMap(({ workers }) => workers.map(({ id }) => id))),
  };
}
