/**
 * The map of analyzers: which language is analysed by what, each loaded only in an analysis thread that
 * needs it. Must not load any of them itself: the network thread reads the names from here.
 */
import type { Analyzer } from "./analyzer.js";
import type { CommandSettings } from "./command/settings.js";

/** What a worker analyses with; plain data, so that it can be sent to a thread. */
export type AnalyzerChoice = { readonly kind: "builtin"; readonly language: BuiltinLanguage } | { readonly kind: "command"; readonly settings: CommandSettings };

const loaders = {
  python: async () => (await import("./python.js")).createPythonAnalyzer(),
  javascript: async () => (await import("./javascript.js")).createJavascriptAnalyzer(),
  typescript: async () => (await import("./typescript.js")).createTypescriptAnalyzer(),
  css: async () => (await import("./css.js")).createCssAnalyzer(),
  json: async () => (await import("./json.js")).createJsonAnalyzer(),
  yaml: async () => (await import("./yaml.js")).createYamlAnalyzer(),
} satisfies Record<string, () => Promise<Analyzer>>;

export type BuiltinLanguage = keyof typeof loaders;

/** The languages Lintel can analyse without a program of the operator's. */
export const builtinLanguages = Object.keys(loaders) as readonly BuiltinLanguage[];

export function isBuiltinLanguage(name: string): name is BuiltinLanguage {
  return Object.hasOwn(loaders, name);
}

export async function loadAnalyzer(choice: AnalyzerChoice): Promise<Analyzer> {
  if (choice.kind === "builtin") return loaders[choice.language]();
  return (await import("./command/command.js")).createCommandAnalyzer(choice.settings);
}
