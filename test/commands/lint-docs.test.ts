import { readFileSync } from "node:fs";
import t from "tap";
import { runLintel } from "../support/run-lintel.js";

void t.test("docs/lint.md has every flag of --help, and no other", async (t) => {
  const page = readFileSync(new URL("../../../docs/lint.md", import.meta.url), "utf8");
  const help = await runLintel(["lint", "--help"]);
  t.equal(help.code, 0);
  const flagsOf = (text: string): string[] => [...new Set(text.match(/--[a-z][a-z-]+/g))].filter((flag) => flag !== "--help").sort();
  const table = page.split("\n").filter((line) => line.startsWith("| `-")).join("\n");
  t.same(flagsOf(table), flagsOf(help.stdout));
});
