// Two managers on one store, a writer at each, and both killed with -9 now and then.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import { configurationFrom } from "../../src/manager/store/stored-text.js";
import { folderWith } from "../support/run-lintel.js";
import { twoWriters } from "../support/two-writers.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? Date.now() % 1_000_000);

void t.test(`two managers on one store, with a writer at each, both killed now and then, lose nothing (seed ${seed})`, async (t) => {
  const { path: folder, remove } = folderWith({});
  t.teardown(remove);
  const told = await twoWriters({ folder, changesEach: 200, killsEach: 8, random: seededRandom(seed) });
  const { revision, languages } = configurationFrom(readFileSync(join(folder, "manager.json"), "utf8"), "the store");
  const all = told.flatMap((one) => [...one]);
  t.equal(revision, all.length, "one revision for each change");
  t.same(languages[0]?.versions.map(({ version }) => version).sort(), all.map(([version]) => version).sort(), "every change is there");
  t.same(all.map(([, at]) => at).sort((a, b) => a - b), Array.from(all, (_, index) => index + 1), "no revision was told to both");
  for (const one of told) t.same([...one.values()], [...one.values()].sort((a, b) => a - b), "and each writer saw them grow");
});
