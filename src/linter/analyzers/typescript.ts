/**
 * TypeScript: ESLint's and typescript-eslint's recommended rules, those that need no type information: one file
 * alone has none. `.tsx` may hold JSX, `.d.ts` is a declaration file.
 */
import js from "@eslint/js";
import tseslint from "typescript-eslint";
import type { Analyzer } from "./analyzer.js";
import { EslintRunner, type EslintConfig, type RuleMeta } from "./eslint.js";
import { packageVersion } from "./package-version.js";

const configs = [js.configs.recommended, ...tseslint.configs.recommended] as readonly EslintConfig[];

interface PluginRule {
  readonly meta?: { readonly docs?: { readonly url?: string; readonly requiresTypeChecking?: boolean } };
}

const prefix = "@typescript-eslint/";
const rules = (tseslint.plugin as { readonly rules?: Readonly<Record<string, PluginRule>> }).rules ?? {};

function pluginRule(fullName: string): RuleMeta | undefined {
  const name = fullName.slice(prefix.length);
  if (!fullName.startsWith(prefix) || !Object.hasOwn(rules, name)) return undefined;
  const docs = rules[name]?.meta?.docs;
  return { url: docs?.url, needsTypes: docs?.requiresTypeChecking === true };
}

export function createTypescriptAnalyzer(): Analyzer {
  const runner = new EslintRunner({ linterName: "typescript-eslint", configs, endings: [".ts", ".tsx", ".mts", ".cts"], pluginRule });
  return {
    linterName: "typescript-eslint",
    linterVersion: packageVersion("typescript-eslint"),
    documentationUrl: "https://typescript-eslint.io/rules/",
    selfTest: { source: "let value: any = 1;\n", filename: "self-test.ts" },
    analyze: (source) => runner.analyze(source),
  };
}
