/** What the workers of all built-in linters say of themselves, each in a process of its own. */
import { createHash } from "node:crypto";
import t from "tap";
import { builtinLanguages } from "../../src/linter/analyzers/registry.js";
import { startLinter } from "../support/linter-process.js";

void t.test("every built-in linter describes itself and gives the answer it promised for its self-test", async (t) => {
  const rules: Record<string, string> = {
    python: "F401",
    javascript: "no-undef",
    typescript: "@typescript-eslint/no-explicit-any",
    css: "property-no-unknown",
    json: "ColonExpected",
    yaml: "DUPLICATE_KEY",
  };
  for (const language of builtinLanguages) {
    const worker = await startLinter(language, "--as-version", `${language}-9`);
    const { client, version } = worker;
    try {
      const described = await client.describe();
      t.equal(described.language, language);
      t.equal(described.version, `${language}-9`);
      t.equal(version, `${language}-9`);
      t.strictSame(described.formats, ["lintel.report.v1"]);
      t.match(described.linterVersion, /^\d+\.\d+\.\d+$/);
      const selfTest = described.selfTest!;
      const { report, queueDepth } = await client.lint({ source: selfTest.source, filename: selfTest.filename });
      t.equal(createHash("sha256").update(report).digest("hex"), selfTest.reportSha256.toString("hex"));
      t.equal(queueDepth, 0);
      const parsed = await client.report({ source: selfTest.source, filename: selfTest.filename });
      t.equal(parsed.language, language);
      t.strictSame(parsed.linter, { name: described.linterName, version: described.linterVersion });
      t.ok(parsed.diagnostics.some((one) => one.rule === rules[language]), `${language}: ${JSON.stringify(parsed.diagnostics)}`);
    } finally {
      await worker.stop();
    }
  }
});
