/** What `lintel up` runs when no file says otherwise: every built-in linter, one worker each. */
import { builtinVersion } from "../linter/analyzers/builtin-versions.js";
import { type Configuration, defaultConfiguration } from "../snapshot/configuration.js";
import { builtinLinters, wellKnownExtensions } from "../snapshot/well-known-languages.js";

export function builtinConfiguration(): Configuration {
  const languages = builtinLinters.map((builtin) => ({
    language: builtin,
    extensions: wellKnownExtensions[builtin] ?? [],
    spill: true,
    versions: [{ version: builtinVersion(builtin), weight: 1, workers: [], run: { kind: "builtin", builtin, workers: 1, environment: {} } as const }],
  }));
  return { ...defaultConfiguration(), languages };
}

/** A file that names no languages only changes settings: the built-in ones are still what is run. */
export function withLanguages(configuration: Configuration): Configuration {
  return configuration.languages.length > 0 ? configuration : { ...configuration, languages: builtinConfiguration().languages };
}
