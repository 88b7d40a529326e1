/**
 * The store in a ConfigMap of Kubernetes: compare-and-swap on its resourceVersion, so that any number of managers may write.
 * Read from etcd, watched by list and watch. Must not know what a configuration means.
 */
import { assert } from "../../base/assert.js";
import { messageOf, UserError } from "../../base/errors.js";
import type { Logger } from "../../base/logger.js";
import type { Random } from "../../base/random.js";
import { isApiError } from "../../kubernetes/api-error.js";
import type { ApiServer } from "../../kubernetes/api-server.js";
import { Informer } from "../../kubernetes/informer.js";
import { type ConfigMap, configMaps, type ObjectPlace } from "../../kubernetes/objects.js";
import { formatSize } from "../../snapshot/quantities.js";
import { emptyConfiguration, type StoredConfiguration } from "../stored-configuration.js";
import type { Store, WriteOutcome } from "./store.js";
import { configurationFrom, textOf } from "./stored-text.js";

export interface ConfigMapStoreOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
  readonly random: Random;
  readonly logger: Logger;
  /** A ConfigMap may have 1 MiB; what an administrator put beside ours has its place in the rest. */
  readonly textBytesMax?: number;
  /** From here on every write is followed by a warning: there is time to do something. */
  readonly textBytesWarned?: number;
}

export const configMapDefaults = { textBytesMax: 1_000_000, textBytesWarned: 800_000 };

/** What our text is under in the ConfigMap. */
export const configurationKey = "configuration.json";

/** A write loses only to another writer, or to somebody who edits the ConfigMap's labels. */
const writeAttemptsMax = 5;

/** What was last read or written. */
interface Known {
  readonly text: string;
  readonly configuration: StoredConfiguration;
  /** "" when there is no ConfigMap. */
  readonly resourceVersion: string;
}

export class ConfigMapStore implements Store {
  readonly name: string;
  private readonly place: ObjectPlace & { readonly name: string };
  private readonly options: Required<ConfigMapStoreOptions>;
  private readonly informer: Informer<string>;
  private known: Known = { text: "", configuration: emptyConfiguration, resourceVersion: "" };
  /** What a write was based on whose outcome nobody knows: it may still arrive. */
  private doubtful: string | undefined;

  constructor(given: ConfigMapStoreOptions) {
    this.options = { ...configMapDefaults, ...given };
    const { api, namespace, name, random, logger } = this.options;
    this.name = `configmap:${namespace}/${name}`;
    this.place = { resource: configMaps, namespace, name };
    this.informer = new Informer({
      api,
      place: { resource: configMaps, namespace },
      fieldSelector: `metadata.name=${name}`,
      keep: (object) => (object as ConfigMap).data?.[configurationKey],
      random,
      logger,
    });
  }

  /** For how long changes by other managers could not be seen; 0 when they can. */
  get staleForMs(): number {
    return this.informer.staleForMs;
  }

  /** Why they could not; "" when that is not known. */
  get staleBecause(): string {
    return this.informer.waitsBecause;
  }

  /** Resolves when a watch has seen what there is. */
  whenSeen(): Promise<void> {
    return this.informer.whenSynced();
  }

  async read(): Promise<StoredConfiguration> {
    return (await this.readKnown()).configuration;
  }

  async write(basedOn: number, next: StoredConfiguration): Promise<WriteOutcome> {
    assert(next.revision === basedOn + 1, "a write is one revision further than what it is based on");
    const text = textOf(next);
    const problem = this.sizeProblem(text);
    if (problem !== "") return { kind: "too-large", reason: problem };
    try {
      let known = this.known.configuration.revision === basedOn ? this.known : await this.readKnown();
      for (let attempt = 1; attempt <= writeAttemptsMax; attempt++) {
        if (known.configuration.revision !== basedOn) return known.text === text ? { kind: "written" } : { kind: "conflict", current: known.configuration };
        const written = await this.replace(known, text);
        if (written !== undefined) {
          this.known = { text, configuration: next, resourceVersion: written };
          return { kind: "written" };
        }
        known = await this.readKnown();
      }
      return { kind: "failed", reason: `${this.name} was changed by others ${writeAttemptsMax} times in a row, and not its configuration; see who writes to it: kubectl get configmap ${this.place.name} --namespace ${this.options.namespace} -o yaml --show-managed-fields` };
    } catch (thrown) {
      return { kind: "failed", reason: messageOf(thrown) };
    }
  }

  watch(onChange: (configuration: StoredConfiguration) => void): void {
    let told = this.known.configuration.revision;
    let seen = "";
    this.informer.onChange(() => {
      const text = this.informer.items.get(this.place.name) ?? "";
      if (text === seen) return;
      seen = text;
      const configuration = this.parsed(text);
      if (configuration === undefined) return;
      const { revision } = configuration;
      if (revision < told) this.options.logger.warn("the store holds an older revision than it did; it is not taken over", { store: this.name, revision, newest: told });
      if (revision <= told) return;
      told = revision;
      onChange(configuration);
    });
    this.informer.start();
  }

  async close(): Promise<void> {
    await this.informer.stop();
  }

  private async readKnown(): Promise<Known> {
    const { api } = this.options;
    try {
      const object = await this.settled(await api.get<ConfigMap>(this.place));
      const text = object.data?.[configurationKey] ?? "";
      const resourceVersion = object.metadata?.resourceVersion ?? "";
      // The same text needs no second look; thousands of workers would take it some time.
      const configuration = text === this.known.text ? this.known.configuration : text === "" ? emptyConfiguration : configurationFrom(text, this.name);
      this.known = { text, configuration, resourceVersion };
    } catch (thrown) {
      if (!isApiError(thrown, "not-found")) throw thrown;
      this.known = { text: "", configuration: emptyConfiguration, resourceVersion: "" };
    }
    return this.known;
  }

  /**
   * After a write whose outcome nobody knows: as long as nothing was written it could still be carried out, by an API server that
   * was stopped perhaps. A write of nothing makes sure that it finds another version and fails: what is read then is final.
   */
  private async settled(object: ConfigMap): Promise<ConfigMap> {
    const resourceVersion = object.metadata?.resourceVersion ?? "";
    if (this.doubtful !== resourceVersion) {
      this.doubtful = undefined;
      return object;
    }
    const touched = { "lintel.dev/settled": resourceVersion };
    const after = await this.options.api.patch<ConfigMap>(this.place, "merge", { metadata: { resourceVersion, annotations: touched } }).catch((thrown: unknown) => {
      if (isApiError(thrown, "conflict")) return this.options.api.get<ConfigMap>(this.place);
      throw thrown;
    });
    this.doubtful = undefined;
    return after;
  }

  /** The new resourceVersion; undefined when somebody else was first. */
  private async replace({ resourceVersion }: Known, text: string): Promise<string | undefined> {
    const { api, namespace } = this.options;
    const data = { [configurationKey]: text };
    try {
      // A merge leaves what administrators put beside it: labels, annotations, other keys.
      const object = resourceVersion === ""
        ? await api.create<ConfigMap>({ resource: configMaps, namespace }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: this.place.name, labels: { "app.kubernetes.io/part-of": "lintel" } }, data })
        : await api.patch<ConfigMap>(this.place, "merge", { metadata: { resourceVersion }, data });
      return object.metadata?.resourceVersion ?? "";
    } catch (thrown) {
      if (isApiError(thrown, "conflict", "exists", "not-found")) return undefined;
      // A second write with the same version settles it: only one of the two can succeed.
      if (isApiError(thrown, "unreachable", "timeout", "busy", "server")) this.doubtful = resourceVersion;
      throw thrown;
    }
  }

  private sizeProblem(text: string): string {
    const { textBytesMax, textBytesWarned, logger } = this.options;
    const bytes = Buffer.byteLength(text);
    if (bytes > textBytesMax) return `the configuration would take ${formatSize(bytes)}, more than ${this.name} holds (${formatSize(textBytesMax)}; Kubernetes takes no ConfigMap over 1 MiB); unregister what is not needed, or let workers be found as pods instead of giving their addresses`;
    if (bytes > textBytesWarned) logger.warn("the configuration is close to what its ConfigMap holds; unregister what is not needed", { store: this.name, size: formatSize(bytes), limit: formatSize(textBytesMax) });
    return "";
  }

  private parsed(text: string): StoredConfiguration | undefined {
    try {
      return text === "" ? emptyConfiguration : configurationFrom(text, this.name);
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      this.options.logger.error("the store cannot be used; going on with what is known", { store: this.name, reason: thrown.message });
      return undefined;
    }
  }
}
