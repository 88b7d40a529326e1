/** The versions of the built-in linters, without loading any of them. */
import { packageVersion } from "./package-version.js";
import type { BuiltinLanguage } from "./registry.js";

const packages: Readonly<Record<BuiltinLanguage, string>> = {
  python: "@astral-sh/ruff-wasm-nodejs",
  javascript: "eslint",
  typescript: "typescript-eslint",
  css: "stylelint",
  json: "jsonc-parser",
  yaml: "yaml",
};

export function builtinVersion(language: BuiltinLanguage): string {
  return packageVersion(packages[language]);
}
