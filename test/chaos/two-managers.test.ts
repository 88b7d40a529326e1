// Two managers on one store, a writer at each, and both killed with -9 now and then.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import { folderWith } from "../support/run-lintel.js";
import { checkWriters } from "../support/storm-check.js";
import { twoWriters } from "../support/two-writers.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? Date.now() % 1_000_000);

void t.test(`two managers on one store, with a writer at each, both killed now and then, lose nothing (seed ${seed})`, async (t) => {
  const { path: folder, remove } = folderWith({});
  t.teardown(remove);
  const told = await twoWriters({ folder, changesEach: 200, killsEach: 8, random: seededRandom(seed) });
  checkWriters(t, told, readFileSync(join(folder, "manager.json"), "utf8"));
});
