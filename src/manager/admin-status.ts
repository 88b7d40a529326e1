/**
 * The whole fleet as it is now, as the admin service tells it. Must not know who asks, or how often.
 */
import type { LanguageStatusMessage, StatusReplyMessage, VersionStatusMessage, WorkerStateMessage } from "../rpc/admin-messages.js";
import { formatAddress } from "../snapshot/address.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";
import { replicasOf, sourceText } from "./changes/differences.js";
import type { FleetView, VersionWaiting } from "./fleet-view.js";
import type { StoredConfiguration, StoredLanguage, StoredVersion } from "./stored-configuration.js";

/** A worker as whoever runs it, or took its registration, knows it. */
export interface WorkerSeen {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly state: string;
  readonly sinceUnixMs: number;
  readonly reason?: string;
  readonly restarts?: number;
  readonly pid?: number;
  readonly zone?: string;
  /** Only while it listens. */
  readonly endpoint?: WorkerEndpoint;
}

export interface StatusNames {
  /** "host:pid" of this process. */
  readonly manager: string;
  readonly store: string;
  readonly platform: string;
}

export function statusReply(configuration: StoredConfiguration, fleet: FleetView, workers: readonly WorkerSeen[], names: StatusNames): StatusReplyMessage {
  const drained = new Set(configuration.drained);
  const states = byVersion([...elsewhere(configuration), ...workers.map(stateOf)].map((worker) => (drained.has(worker.id) ? { ...worker, state: "drained" } : worker)));
  const waiting = fleet.waiting();
  return {
    revision: configuration.revision,
    languages: configuration.languages.map((language) => languageStatus(language, states, waiting)),
    workers: [...states.values()].flat(),
    balancers: fleet.balancers(),
    ...names,
  };
}

/** The workers of each version, by "language version"; both sorted. */
type StatesByVersion = ReadonlyMap<string, readonly WorkerStateMessage[]>;

function byVersion(states: readonly WorkerStateMessage[]): StatesByVersion {
  const groups = new Map<string, WorkerStateMessage[]>();
  for (const state of states) {
    const key = `${state.language} ${state.version}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [state]);
    else group.push(state);
  }
  for (const group of groups.values()) group.sort((a, b) => collator.compare(a.id, b.id));
  return new Map([...groups].sort(([a], [b]) => collator.compare(a, b)));
}

function elsewhere({ languages }: StoredConfiguration): WorkerStateMessage[] {
  const state = { state: "elsewhere", sinceUnixMs: 0, reason: "", restarts: 0, pid: 0, zone: "" };
  return languages.flatMap(({ language, versions }) => versions.flatMap(({ version, workers }) => workers.map((worker) => ({ id: worker.id, language, version, address: formatAddress(worker), ...state }))));
}

function stateOf({ id, language, version, state, sinceUnixMs, reason = "", restarts = 0, pid = 0, zone = "", endpoint }: WorkerSeen): WorkerStateMessage {
  return { id, language, version, address: endpoint === undefined ? "" : formatAddress(endpoint), state, sinceUnixMs, reason, restarts, pid, zone };
}

function languageStatus({ language, extensions, spill, versions }: StoredLanguage, states: StatesByVersion, waiting: readonly VersionWaiting[]): LanguageStatusMessage {
  const waitingHere = waiting.filter((one) => one.language === language);
  return { language, extensions, spill, versions: versions.map((version) => versionStatus(version, states.get(`${language} ${version.version}`) ?? [], waitingHere)) };
}

function versionStatus({ version, weight, source, workers: byAddress }: StoredVersion, workers: readonly WorkerStateMessage[], waiting: readonly VersionWaiting[]): VersionStatusMessage {
  const listening = workers.filter(({ state }) => state === "listening" || state === "elsewhere").length;
  const waits = waiting.filter((one) => one.version === version);
  const selfRegistered = source === undefined && byAddress.length === 0;
  return {
    version,
    weight,
    source: selfRegistered ? "workers that register themselves" : sourceText(source),
    replicas: replicasOf(source),
    listening,
    waiting: waits.length > 0 ? waitingText(waits) : weight > 0 && listening === 0 ? "a worker that listens" : "",
  };
}

const waitingShownMax = 3;

/** "a usable worker on b1 shard 0: connecting; b2 shard 1: …" */
function waitingText(waits: readonly VersionWaiting[]): string {
  const shown = waits.slice(0, waitingShownMax).map(({ balancer, shard, reason }) => `${balancer} shard ${shard}${reason === "" ? "" : `: ${reason}`}`);
  const more = waits.length > waitingShownMax ? [`${waits.length - waitingShownMax} more`] : [];
  return `a usable worker on ${[...shown, ...more].join("; ")}`;
}

/** "python-1-10" after "python-1-9". */
const collator = new Intl.Collator("en", { numeric: true });
