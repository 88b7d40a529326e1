// The protocol between managers and balancers, as stories in plain text: test/scenario/link/*.txt.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { LinkScript } from "../support/link-script.js";
import { repositoryRoot } from "../support/source-module.js";

const folder = join(repositoryRoot, "test/scenario/link");
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

for (const file of files) {
  void t.test(file.replace(/\.txt$/, "").replaceAll("-", " "), async (t) => {
    const faults = await new LinkScript(t.testdir()).run(readFileSync(join(folder, file), "utf8"));
    for (const fault of faults) t.fail(fault, { diagnostic: false });
    if (faults.length === 0) t.pass("as written");
  });
}

void t.test("a script that goes otherwise fails, with its line", async (t) => {
  const run = (...lines: string[]): Promise<string[]> => new LinkScript(t.testdir()).run(lines.join("\n"));
  const start = ["$ m1 starts", "$ m1 has 1: python 1=1", "$ b1 joins m1"];
  t.match(await run(...start, "b1 hears the whole of 2: python 1=1"), [/^line 4: expected\n {2}b1 hears the whole of 2: python 1=1\nbut\n {2}b1 hears the whole of 1: python 1=1$/]);
  t.match(await run(...start, "$ barrier 1 on m1", "closed: b1 [0] the change is on its way"), [/^nobody expected: b1 hears the whole of 1/]);
  await t.rejects(run("$ b1 dances"), /line 1: no such step: b1 dances/);
});
