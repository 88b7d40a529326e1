/**
 * What must hold of a snapshot that came from outside before a shard may have it. A configuration file is checked by its
 * schema, with places and hints; this is for what another program sent or a disk returned. Pure.
 */
import type { LanguageSnapshot, VersionSnapshot, WorkerEndpoint } from "./snapshot.js";

/** As in a configuration file; the version counter is exact far beyond. */
const weightMax = 1_000_000;
const portMax = 65_535;

/** The first fault as a sentence that names its place; "" when there is none. */
export function faultOf(languages: readonly LanguageSnapshot[]): string {
  const names = new Set<string>();
  const workerIds = new Set<string>();
  for (const language of languages) {
    const fault = nameFault("language", language.language, names) || languageFault(language, workerIds);
    if (fault !== "") return fault;
  }
  return "";
}

function languageFault({ language, versions }: LanguageSnapshot, workerIds: Set<string>): string {
  const names = new Set<string>();
  for (const version of versions) {
    const fault = nameFault(`version of ${language}`, version.version, names) || versionFault(language, version, workerIds);
    if (fault !== "") return fault;
  }
  return "";
}

function versionFault(language: string, { version, weight, workers }: VersionSnapshot, workerIds: Set<string>): string {
  if (!Number.isInteger(weight) || weight < 0 || weight > weightMax) return `${language} ${version}: the weight ${weight} is not a whole number from 0 to ${weightMax}`;
  for (const worker of workers) {
    const fault = nameFault(`worker of ${language} ${version}`, worker.id, workerIds) || addressFault(worker);
    if (fault !== "") return fault;
  }
  return "";
}

function nameFault(what: string, name: string, known: Set<string>): string {
  if (name === "" || /[\s\p{Cc}]/u.test(name)) return `a ${what} is called "${name}": a name is not empty and has no spaces`;
  if (known.has(name)) return `a ${what} is there twice: ${name}`;
  known.add(name);
  return "";
}

function addressFault({ id, host, port }: WorkerEndpoint): string {
  if (host === "") return `worker ${id} has no host`;
  if (!Number.isInteger(port) || port < 1 || port > portMax) return `worker ${id} has the port ${port}: expected 1 to ${portMax}`;
  return "";
}
