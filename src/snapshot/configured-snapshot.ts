/**
 * The snapshot that a configuration stands for when every worker is given by its address. Must not know
 * workers that somebody starts: whoever does adds their addresses.
 */
import type { Configuration } from "./configuration.js";
import type { Snapshot } from "./snapshot.js";

/** Versions that are only to be run (`run`) have no workers in it. */
export function snapshotOf(configuration: Configuration, revision: number, nonce: number): Snapshot {
  const languages = configuration.languages.map(({ language, extensions, spill, versions }) => ({
    language,
    extensions,
    spill,
    versions: versions.map(({ version, weight, workers }) => ({ version, weight, workers })),
  }));
  return { revision, nonce, languages };
}
