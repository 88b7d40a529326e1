/**
 * JavaScript: ESLint with its recommended rules. The names that browsers and Node define are known, since a
 * lone file does not say where it runs; `.jsx` may hold JSX, `.cjs` is a CommonJS script, everything else a module.
 */
import js from "@eslint/js";
import globals from "globals";
import type { Analyzer } from "./analyzer.js";
import { EslintRunner, type EslintConfig } from "./eslint.js";
import { packageVersion } from "./package-version.js";

const configs: readonly EslintConfig[] = [
  js.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  { files: ["**/*.jsx"], languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } } },
];

export function createJavascriptAnalyzer(): Analyzer {
  const runner = new EslintRunner({ linterName: "ESLint", configs, endings: [".js", ".mjs", ".cjs", ".jsx"], pluginRule: () => undefined });
  return {
    linterName: "eslint",
    linterVersion: packageVersion("eslint"),
    documentationUrl: "https://eslint.org/docs/latest/rules/",
    selfTest: { source: "var unused = missing;\n", filename: "self-test.js" },
    analyze: (source) => runner.analyze(source),
  };
}
