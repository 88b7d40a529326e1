/**
 * (configuration, change) to the next configuration, or a refusal that says why. Pure: whoever asks and what time it is are
 * arguments. Must not know stores, processes or what carried the change here.
 */
import { quote } from "../../snapshot/problem.js";
import type { StoredConfiguration, StoredEntry, StoredLanguage, StoredVersion } from "../stored-configuration.js";
import { type Change, type ChangeContext, type ChangeLimits, type ChangeResult, type Refusal, refused, whatOf } from "./change.js";
import { beforeOf, type Content, differencesOf, sameContent, sourceText } from "./differences.js";
import { findLanguage, findVersion, sortedByName, unknownVersion, whatThereIs, withLanguage, withVersion } from "./lookup.js";
import { register, replicasProblem, weightProblem } from "./register.js";
import { undone } from "./undo.js";
import { warningsAfter } from "./warnings.js";

export function applyChange(current: StoredConfiguration, change: Change, context: ChangeContext): ChangeResult {
  const { limits, reason } = context;
  if (reason.length > limits.reasonCharactersMax) return refused("invalid", `the reason has ${reason.length} characters, at most ${limits.reasonCharactersMax} are kept; say it shorter`);
  const after = contentAfter(current, change, context);
  if ("why" in after) return after;
  const warnings = warningsAfter(current, after, context.workers);
  if (sameContent(current, after)) return { kind: "unchanged", warnings };
  const differences = differencesOf(current, after, limits.differencesMax);
  const { who, requestId, atUnixMs } = context;
  const revision = current.revision + 1;
  const entry: StoredEntry = { revision, atUnixMs, who, what: whatOf(change), reason, differences, requestId, before: beforeOf(current, after) };
  const next = { format: current.format, revision, languages: after.languages, drained: after.drained, history: bounded([...current.history, entry], limits) };
  return { kind: "next", next, differences, warnings };
}

function contentAfter(current: StoredConfiguration, change: Change, context: ChangeContext): Content | Refusal {
  switch (change.kind) {
    case "register":
      return register(current, change);
    case "unregister":
      return unregistered(current, change, context);
    case "weights":
      return weighted(current, change);
    case "scale":
      return scaled(current, change);
    case "drain":
      return drained(current, change, context);
    case "undo":
      return undone(current, change.revision);
    case "replace":
      return { ...current, languages: sortedByName(change.languages) };
  }
}

/** The newest entries, as many as the limits allow; always the last one, so that there is something to undo. */
function bounded(history: readonly StoredEntry[], limits: ChangeLimits): StoredEntry[] {
  const kept: StoredEntry[] = [];
  let bytes = 0;
  for (const entry of [...history].reverse().slice(0, limits.historyEntriesMax)) {
    bytes += bytesOf(entry);
    if (kept.length > 0 && bytes > limits.historyBytesMax) break;
    kept.push(entry);
  }
  return kept.reverse();
}

/** Entries never change: a long history is not measured anew at every change. */
const knownBytes = new WeakMap<StoredEntry, number>();

function bytesOf(entry: StoredEntry): number {
  const bytes = knownBytes.get(entry) ?? Buffer.byteLength(JSON.stringify(entry));
  knownBytes.set(entry, bytes);
  return bytes;
}

type Of<K extends Change["kind"]> = Extract<Change, { kind: K }>;

function unregistered(current: StoredConfiguration, change: Of<"unregister">, context: ChangeContext): Content | Refusal {
  const found = findVersion(current, change.language, change.version);
  if (found.kind === "refused") return found;
  const { language, version } = found;
  if (version.weight > 0) return stillHasWeight(language, version);
  const versions = language.versions.filter((one) => one !== version);
  const languages = versions.length > 0 ? withLanguage(current.languages, { ...language, versions }) : current.languages.filter((one) => one !== language);
  const gone = new Set(workersOf(language, version, context).map(({ id }) => id));
  return { languages, drained: current.drained.filter((id) => !gone.has(id)) };
}

function stillHasWeight(language: StoredLanguage, version: StoredVersion): Refusal {
  const name = language.language;
  const sum = language.versions.reduce((total, { weight }) => total + weight, 0);
  const share = Number(((100 * version.weight) / sum).toPrecision(3));
  const others = language.versions.filter((one) => one !== version);
  const weighty = others.filter(({ weight }) => weight > 0);
  const heirs = weighty.length > 0 ? weighty : others.slice(0, 1).map((one) => ({ ...one, weight: version.weight }));
  const move =
    heirs.length > 0
      ? `move it first: \`lintel admin weights ${name} ${heirs.map((heir) => `${heir.version}=${heir.weight}`).join(" ")}\``
      : `it is the only version; register another one, or end the language with \`lintel admin weights ${name} ${version.version}=0\``;
  return refused("not-now", `${name} ${version.version} still has weight ${version.weight} (${share} % of the traffic); ${move}`);
}

function weighted(current: StoredConfiguration, { language: name, weights }: Of<"weights">): Content | Refusal {
  const found = findLanguage(current, name);
  if (found.kind === "refused") return found;
  const { language } = found;
  const given = new Map<string, number>();
  for (const { version, weight } of weights) {
    if (!language.versions.some((one) => one.version === version)) return unknownVersion(language, version);
    if (given.has(version)) return refused("invalid", `the weight of ${name} ${version} is given twice; give every version once`);
    const problem = weightProblem(weight, `${name} ${version}`);
    if (problem !== undefined) return refused("invalid", problem);
    given.set(version, weight);
  }
  if (given.size === 0) return refused("invalid", `no weights are given for ${name}; give them as VERSION=WEIGHT, such as ${language.versions[0]?.version ?? "1.0"}=100 (versions that are not named get 0)`);
  const versions = language.versions.map((version) => ({ ...version, weight: given.get(version.version) ?? 0 }));
  return { ...current, languages: withLanguage(current.languages, { ...language, versions }) };
}

function scaled(current: StoredConfiguration, change: Of<"scale">): Content | Refusal {
  const found = findVersion(current, change.language, change.version);
  if (found.kind === "refused") return found;
  const { language, version } = found;
  const { source } = version;
  const name = `${language.language} ${version.version}`;
  if (source === undefined) return refused("invalid", `${name} has ${sourceText(source)}, which the manager does not run; start or stop them where they are`);
  if (change.replicas === 0) return refused("invalid", `${name} cannot have 0 replicas; to be without it, give it weight 0 and unregister it`);
  const problem = replicasProblem(source.kind === "image" ? "image" : source.run.kind, change.replicas);
  if (problem !== undefined) return refused("invalid", `${name}: ${problem}`);
  const workers = change.replicas;
  const scaledSource = source.kind === "image" ? { ...source, workers } : { kind: "run" as const, run: { ...source.run, workers } };
  return { ...current, languages: withLanguage(current.languages, withVersion(language, { ...version, source: scaledSource })) };
}

function drained(current: StoredConfiguration, { workerId, drained: wanted }: Of<"drain">, context: ChangeContext): Content | Refusal {
  const isDrained = current.drained.includes(workerId);
  if (!wanted) {
    if (isDrained) return { ...current, drained: current.drained.filter((id) => id !== workerId) };
    if (allWorkers(current, context).some((id) => id === workerId)) return current;
    return refused("invalid", `no worker ${quote(workerId)} is drained; ${whatThereIs(workerId, current.drained, "no worker is")}`);
  }
  if (isDrained) return current;
  const known = allWorkers(current, context);
  if (!known.includes(workerId)) return refused("invalid", `there is no worker ${quote(workerId)}; ${whatThereIs(workerId, known, "there are no workers now")}`);
  return { ...current, drained: [...current.drained, workerId] };
}

function allWorkers(current: StoredConfiguration, context: ChangeContext): string[] {
  return current.languages.flatMap((language) => language.versions.flatMap((version) => workersOf(language, version, context).map(({ id }) => id)));
}

function workersOf(language: StoredLanguage, version: StoredVersion, context: ChangeContext): readonly { readonly id: string }[] {
  const running = context.workers.filter((worker) => worker.language === language.language && worker.version === version.version);
  return [...version.workers, ...running];
}
