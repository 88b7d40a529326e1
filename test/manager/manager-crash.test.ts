// kill -9 of a manager at random moments, while changes are made; two managers on one store. The thousand of them is in test/chaos/manager.test.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import { changeStorm } from "../support/change-storm.js";
import { folderWith } from "../support/run-lintel.js";
import { checkStorm, checkWriters } from "../support/storm-check.js";
import { twoWriters } from "../support/two-writers.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? Date.now() % 1_000_000);

void t.test(`a manager killed while it makes 30 changes loses none and makes none twice (seed ${seed})`, async (t) => {
  const { path: folder, remove } = folderWith({});
  t.teardown(remove);
  const outcome = await changeStorm({ folder, changes: 30, changesPerKillMax: 15, random: seededRandom(seed) });
  checkStorm(t, outcome, readFileSync(join(folder, "manager.json"), "utf8"), readFileSync(join(folder, "manager.json.audit"), "utf8"), 30);
});

void t.test(`two managers on one store, with a writer at each, lose nothing (seed ${seed})`, async (t) => {
  const { path: folder, remove } = folderWith({});
  t.teardown(remove);
  const told = await twoWriters({ folder, changesEach: 20, killsEach: 0, random: seededRandom(seed) });
  checkWriters(t, told, readFileSync(join(folder, "manager.json"), "utf8"));
});
