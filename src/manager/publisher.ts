/**
 * Makes snapshots: the stored configuration, plus the workers there are, less those that are drained. Whoever follows gets the
 * newest one; what comes in bursts is published once. Must not know streams or balancers.
 */
import type { Clock, Timer } from "../base/clock.js";
import { checksumOf } from "../snapshot/checksum.js";
import type { LanguageSnapshot, WorkerEndpoint } from "../snapshot/snapshot.js";
import { keepUnchanged } from "../snapshot/unchanged-parts.js";
import type { ConfigurationView } from "./configuration-view.js";
import type { StoredConfiguration, StoredVersion } from "./stored-configuration.js";

/** One snapshot that was published. Immutable, and equal parts of two of them are the same objects. */
export interface Publication {
  readonly revision: number;
  readonly languages: readonly LanguageSnapshot[];
  /** Of the languages (snapshot/checksum.ts). */
  readonly checksum: Buffer;
}

/** Where live workers are known: a platform, or those that registered themselves. */
export interface LiveWorkers {
  workers(): readonly LiveWorker[];
  onChange(listener: () => void): void;
}

export interface LiveWorker {
  readonly language: string;
  readonly version: string;
  /** One that is "leaving" gets nothing new, whatever else is known of it. */
  readonly state?: string;
  /** Only while it listens. */
  readonly endpoint?: WorkerEndpoint;
}

export interface PublisherOptions {
  /** Workers that come or go within so long are one publication: shorter than anybody notices, longer than a fleet's restart spreads a turn. */
  readonly coalesceMs: number;
  /**
   * A manager that has just started does not know yet who is alive, and a snapshot without the workers would take them away from
   * balancers that serve with them. So the first one waits: until every version with weight has a worker, or so long. Workers that
   * register themselves come back within half a second, together with the time to connect.
   */
  readonly settleMs: number;
  /** Older publications that a balancer may still hold and be sent the difference to; they share what did not change. */
  readonly publicationsKept: number;
}

export const defaultPublisherOptions: PublisherOptions = { coalesceMs: 20, settleMs: 1_500, publicationsKept: 256 };

export class Publisher {
  /** The newest; undefined until the first. */
  current: Publication | undefined;
  /** By checksum, the oldest first. */
  private readonly published = new Map<string, Publication>();
  private readonly listeners: ((publication: Publication) => void)[] = [];
  private timer: Timer | undefined;
  private settled = false;

  constructor(
    private readonly configuration: ConfigurationView,
    private readonly sources: readonly LiveWorkers[],
    private readonly options: PublisherOptions,
    private readonly clock: Clock,
  ) {}

  /** From here on every change is published. To be called once the sources know what they can know at the start. */
  start(): void {
    // A change of the configuration is waited for by somebody; workers come and go in bursts.
    this.configuration.onConfiguration(() => this.publish());
    for (const source of this.sources) source.onChange(() => this.publishSoon());
    const settling = this.clock.after(this.options.settleMs, () => this.settle());
    if (!this.publish()) return;
    this.clock.clear(settling);
  }

  /** Called with every new publication, and at once with the newest when there is one; for ever. */
  onPublication(listener: (publication: Publication) => void): void {
    this.listeners.push(listener);
    if (this.current !== undefined) listener(this.current);
  }

  /** A publication with this content, when it is not too long ago. */
  withChecksum(checksum: Buffer): Publication | undefined {
    return this.published.get(checksum.toString("hex"));
  }

  private publishSoon(): void {
    this.timer ??= this.clock.after(this.options.coalesceMs, () => this.publish());
  }

  private settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.publish();
  }

  /** Whether it may; publishing what is published already does nothing. */
  private publish(): boolean {
    this.clock.clear(this.timer);
    this.timer = undefined;
    const stored = this.configuration.current;
    const live = liveWorkers(this.sources);
    this.settled ||= isComplete(stored, live);
    if (!this.settled) return false;
    const before = this.current;
    const languages = keepUnchanged(before?.languages ?? [], languagesOf(stored, live));
    if (before?.revision === stored.revision && before.languages === languages) return true;
    const publication = { revision: stored.revision, languages, checksum: checksumOf(languages) };
    this.current = publication;
    this.remember(publication);
    for (const listener of this.listeners) listener(publication);
    return true;
  }

  private remember(publication: Publication): void {
    const key = publication.checksum.toString("hex");
    this.published.delete(key);
    this.published.set(key, publication);
    const [oldest] = this.published.keys();
    if (this.published.size > this.options.publicationsKept && oldest !== undefined) this.published.delete(oldest);
  }
}

type LiveByVersion = ReadonlyMap<string, readonly WorkerEndpoint[]>;

function liveWorkers(sources: readonly LiveWorkers[]): LiveByVersion {
  const live = new Map<string, WorkerEndpoint[]>();
  for (const source of sources) {
    for (const { language, version, state, endpoint } of source.workers()) {
      if (endpoint === undefined || state === "leaving") continue;
      const key = versionKey(language, version);
      const known = live.get(key);
      if (known === undefined) live.set(key, [endpoint]);
      else known.push(endpoint);
    }
  }
  return live;
}

/**
 * Whether nothing is to be waited for at the start. How many workers register themselves nobody knows: of a version that has no others,
 * one that is back says nothing of the rest.
 */
function isComplete({ languages }: StoredConfiguration, live: LiveByVersion): boolean {
  return languages.every(({ language, versions }) =>
    versions.every(({ version, weight, workers, source }) => weight === 0 || workers.length > 0 || (source !== undefined && live.has(versionKey(language, version)))),
  );
}

function languagesOf({ languages, drained }: StoredConfiguration, live: LiveByVersion): LanguageSnapshot[] {
  // Ids are unique in a snapshot. Who comes first has it: given by address, of the platform, registered.
  const taken = new Set(drained);
  const free = (worker: WorkerEndpoint): boolean => !taken.has(worker.id) && taken.add(worker.id).size > 0;
  const workersOf = (language: string, { version, workers }: StoredVersion): WorkerEndpoint[] =>
    [...workers, ...(live.get(versionKey(language, version)) ?? [])].filter(free).map(({ id, host, port }) => ({ id, host, port }));
  return languages.map(({ language, extensions, spill, versions }) => ({
    language,
    extensions,
    spill,
    versions: versions.map((version) => ({ version: version.version, weight: version.weight, workers: workersOf(language, version) })),
  }));
}

/** No name has a space. */
function versionKey(language: string, version: string): string {
  return `${language} ${version}`;
}
