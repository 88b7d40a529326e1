/**
 * What there is of one kind of object, kept up to date by list and watch. Level-based: whoever listens is told that something
 * changed and looks at what is there now; a missed event changes nothing. Must not know what the objects are for.
 *
 *     listing ──► watching ──the server ends it──► watching from where it was
 *        ▲            │ an error, a silence that a question confirms
 *        │            ▼
 *        └─ expired ─ waiting ──a pause──► watching from where it was, or listing
 *
 * It comes back from everything: an API server that restarts, a resource version that expired (410), a watch that is open and
 * dead, a listener that throws. What it knew stays known meanwhile. No clock is compared with another machine's.
 */
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import { jitter, type Random } from "../base/random.js";
import { type ApiError, isApiError } from "./api-error.js";
import type { ApiServer, WatchEvent } from "./api-server.js";
import { type ApiObject, describePlace, type ObjectPlace } from "./objects.js";

export interface InformerOptions<T> {
  readonly api: ApiServer;
  /** A collection. */
  readonly place: ObjectPlace;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What is kept of an object: a thousand pods as they come would be 10 MB. Undefined: nothing. */
  readonly keep: (object: ApiObject) => T | undefined;
  readonly random: Random;
  readonly logger: Logger;
  readonly times?: Partial<InformerTimes>;
}

export interface InformerTimes {
  /** After this long without a word the server is asked something small; a server that is stopped is found in this plus its time limit. */
  readonly silenceMs: number;
  /** A watch lasts so long and is opened anew from where it was: what swallows events on the way does so for no longer. */
  readonly watchPeriodMs: number;
  /** The pause after a failure; doubles, half of it at random. */
  readonly retryDelayMs: number;
  /** Short enough that a fleet is up to date within two seconds of an API server's return, and no flood. */
  readonly retryDelayMaxMs: number;
}

export const defaultInformerTimes: InformerTimes = { silenceMs: 10_000, watchPeriodMs: 60_000, retryDelayMs: 50, retryDelayMaxMs: 1_000 };

/** A server that ends every watch at once must not be asked in a hot loop. */
const watchPauseMs = 100;
/** A resource version that expires as soon as it is listed, so often in a row: from then on with pauses that grow. */
const expiriesMax = 20;

type State =
  | { readonly kind: "stopped" }
  | { readonly kind: "listing" }
  | { readonly kind: "watching" }
  | { readonly kind: "waiting"; readonly reason: string };

export class Informer<T> {
  private state: State = { kind: "stopped" };
  private readonly kept = new Map<string, T>();
  /** Where the next watch goes on; "" when a list is needed. */
  private resourceVersion = "";
  private synced = false;
  /** In a row. */
  private failures = 0;
  private hasComplained = false;
  /** When the API server last said anything. */
  private heardAtMs = 0;
  private ending = new AbortController();
  private probe: Timer | undefined;
  private readonly listeners: (() => void)[] = [];
  private readonly waiters: (() => void)[] = [];
  private readonly times: InformerTimes;
  private readonly clock: Clock;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: InformerOptions<T>) {
    this.times = { ...defaultInformerTimes, ...options.times };
    this.clock = options.api.clock;
  }

  /** By name; by NAMESPACE/NAME when it is about all namespaces. */
  get items(): ReadonlyMap<string, T> {
    return this.kept;
  }

  /** Whether there was a first list. */
  get isSynced(): boolean {
    return this.synced;
  }

  /** For how long the API server has not been heard of; 0 while a watch is open and its server answers. */
  get staleForMs(): number {
    const silentMs = this.clock.nowMs() - this.heardAtMs;
    return this.state.kind === "watching" && silentMs <= this.times.silenceMs ? 0 : silentMs;
  }

  /** Why it waits; "" when it does not. */
  get waitsBecause(): string {
    return this.state.kind === "waiting" ? this.state.reason : "";
  }

  /** Called after every change and every list; for ever. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Resolves once there was a first list. */
  whenSynced(): Promise<void> {
    return this.synced ? Promise.resolve() : new Promise((resolve) => this.waiters.push(resolve));
  }

  start(): void {
    if (this.state.kind !== "stopped") return;
    this.ending = new AbortController();
    this.state = { kind: "listing" };
    this.heardAtMs = this.clock.nowMs();
    this.running = this.run(this.ending.signal);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.state = { kind: "stopped" };
    this.ending.abort();
    this.clock.clear(this.probe);
    await this.running;
  }

  private async run(signal: AbortSignal): Promise<void> {
    const isWanted = (): boolean => !signal.aborted;
    while (isWanted()) {
      try {
        if (this.resourceVersion === "") await this.list(signal);
        if (isWanted()) await this.watch(signal);
      } catch (thrown) {
        if (isWanted()) await this.pauseAfter(thrown, signal);
      }
    }
  }

  private async list(signal: AbortSignal): Promise<void> {
    this.state = { kind: "listing" };
    const { api, place, keep } = this.options;
    const list = await api.list<ApiObject>(place, this.selectors());
    if (signal.aborted) return;
    const found = list.items.flatMap((object) => {
      const value = keep(object);
      return value === undefined ? [] : [[this.keyOf(object), value] as const];
    });
    this.kept.clear();
    for (const [name, value] of found) this.kept.set(name, value);
    this.heardAtMs = this.clock.nowMs();
    this.resourceVersion = list.metadata?.resourceVersion ?? "";
    this.synced = true;
    for (const resolve of this.waiters.splice(0)) resolve();
    this.tell();
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const { api, place, random } = this.options;
    const openedAtMs = this.clock.nowMs();
    const silent = new AbortController();
    let deaf: ApiError | undefined;
    const onDeaf = (reason: ApiError): void => {
      deaf = reason;
      silent.abort();
    };
    try {
      await api.watch(place, {
        query: { ...this.selectors(), resourceVersion: this.resourceVersion, allowWatchBookmarks: "true" },
        periodMs: jitter(random, this.times.watchPeriodMs, 0.2),
        signal: AbortSignal.any([signal, silent.signal]),
        onOpen: () => !signal.aborted && this.watching(onDeaf),
        onEvent: (event) => this.take(event),
      });
    } finally {
      this.clock.clear(this.probe);
    }
    if (deaf !== undefined) throw deaf;
    this.failures = 0;
    await this.sleep(openedAtMs + watchPauseMs - this.clock.nowMs(), signal);
  }

  private watching(onDeaf: (reason: ApiError) => void): void {
    if (this.hasComplained) this.options.logger.info("the API server is heard again", { of: describePlace(this.options.place) });
    this.hasComplained = false;
    this.state = { kind: "watching" };
    this.heardAtMs = this.clock.nowMs();
    this.askWhenSilent(onDeaf);
  }

  private take({ type, object }: WatchEvent): void {
    this.heardAtMs = this.clock.nowMs();
    this.failures = 0;
    this.resourceVersion = object.metadata?.resourceVersion ?? this.resourceVersion;
    if (type === "BOOKMARK") return;
    const name = this.keyOf(object);
    const value = type === "DELETED" ? undefined : this.options.keep(object);
    if (value !== undefined) this.kept.set(name, value);
    else if (!this.kept.delete(name)) return;
    this.tell();
  }

  /** One timer that follows the last word; a question only when there was none for long. */
  private askWhenSilent(onDeaf: (reason: ApiError) => void): void {
    this.clock.clear(this.probe);
    const again = (): void => {
      if (this.state.kind === "watching") this.askWhenSilent(onDeaf);
    };
    this.probe = this.clock.after(Math.max(1, this.heardAtMs + this.times.silenceMs - this.clock.nowMs()), () => {
      if (this.clock.nowMs() < this.heardAtMs + this.times.silenceMs) {
        again();
        return;
      }
      const answered = (thrown?: unknown): void => {
        if (isApiError(thrown, "unreachable", "timeout")) onDeaf(thrown);
        else {
          // Refused is an answer, too.
          this.heardAtMs = this.clock.nowMs();
          again();
        }
      };
      this.options.api.getPath("/version").then(() => answered(), answered);
    });
  }

  private async pauseAfter(thrown: unknown, signal: AbortSignal): Promise<void> {
    const { logger, place, random } = this.options;
    const { retryDelayMs, retryDelayMaxMs } = this.times;
    const reason = messageOf(thrown);
    this.failures++;
    // What is known stays known; it is looked at anew, and at once unless that happens again and again.
    const isFirstExpiry = isApiError(thrown, "gone") && this.resourceVersion !== "";
    if (isFirstExpiry) this.resourceVersion = "";
    else if (!this.hasComplained) {
      this.hasComplained = true;
      logger.warn("the API server is not heard; going on with what is known", { of: describePlace(place), reason });
    }
    this.state = { kind: "waiting", reason };
    const pauseMs = isFirstExpiry && this.failures < expiriesMax ? retryDelayMs : Math.min(retryDelayMaxMs, retryDelayMs * 2 ** Math.min(this.failures - 1, 20));
    const askedMs = isApiError(thrown, "busy") ? Math.min(thrown.retryAfterMs, retryDelayMaxMs) : 0;
    await this.sleep(Math.max(jitter(random, pauseMs, 0.5), askedMs), signal);
  }

  private keyOf({ metadata }: ApiObject): string {
    const name = metadata?.name ?? "";
    return this.options.place.namespace === undefined ? `${metadata?.namespace ?? ""}/${name}` : name;
  }

  private selectors(): Record<string, string> {
    const { labelSelector, fieldSelector } = this.options;
    return { ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
  }

  private tell(): void {
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (thrown) {
        this.options.logger.error("whoever listens to the API server failed", { of: describePlace(this.options.place), reason: messageOf(thrown) });
      }
    }
  }

  private sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return Promise.resolve();
    const { clock } = this;
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        clock.clear(timer);
        resolve();
      };
      const timer = clock.after(ms, done);
      signal.addEventListener("abort", done);
    });
  }
}
