// kill -9 of a manager at random moments during 1,000 changes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import { changeStorm } from "../support/change-storm.js";
import { folderWith } from "../support/run-lintel.js";
import { checkStorm } from "../support/storm-check.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? Date.now() % 1_000_000);
const changes = Number(process.env["LINTEL_TEST_CHANGES"] ?? 1_000);

void t.test(`a manager killed while it makes ${changes} changes loses none and makes none twice (seed ${seed})`, async (t) => {
  const { path: folder, remove } = folderWith({});
  t.teardown(remove);
  const outcome = await changeStorm({ folder, changes, changesPerKillMax: 40, random: seededRandom(seed) });
  checkStorm(t, outcome, readFileSync(join(folder, "manager.json"), "utf8"), readFileSync(join(folder, "manager.json.audit"), "utf8"), changes);
});
