// A configuration file that is made into changes of a manager.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ConfiguredChanges } from "../../src/standalone/configured-changes.js";
import { managerFolder } from "../support/manager-in-process.js";
import { recordingLogger } from "../support/recording-logger.js";

const fileOf = (weight: number): string => `languages: { json: { versions: [{ version: "1", weight: ${weight}, run: { builtin: json } }] } }\n`;

void t.test("a reload says whether what it changed is active, and why not", async (t) => {
  const there = managerFolder(t);
  const path = join(there.folder, "lintel.yaml");
  writeFileSync(path, fileOf(1));
  const changes = await ConfiguredChanges.open({ path, appliedPath: undefined }, recordingLogger().logger);
  const manager = await there.open();
  await changes.start(manager);
  t.teardown(() => changes.stop());
  let late = "";
  changes.whenActive(() => Promise.resolve(late));
  writeFileSync(path, fileOf(2));
  t.match(await changes.reload(manager), { kind: "applied", revision: 2, late: "" });
  late = "up: no acknowledgement for 5.0 s";
  writeFileSync(path, fileOf(3));
  t.match(await changes.reload(manager), { kind: "applied", revision: 3, late });
  late = "";
  writeFileSync(path, fileOf(4));
  // At once, and so before the file's watch takes it.
  const [planned, conflict, applied] = await Promise.all([
    changes.reload(manager, { dryRun: true, ifRevision: 0, reason: "" }),
    changes.reload(manager, { dryRun: false, ifRevision: 2, reason: "" }),
    changes.reload(manager, { dryRun: false, ifRevision: 3, reason: "because" }),
  ]);
  t.match(planned, { kind: "planned", differences: ["json 1: weight 3 -> 4"] });
  t.match(conflict, { kind: "conflict", reason: /^the configuration is at revision 3, not 2 any more/ });
  t.match(applied, { kind: "applied", revision: 4 }, "neither of them changed anything");
  t.match(manager.current.history.at(-1), { reason: "because", what: /^replace/ });
  writeFileSync(path, "languages: 7\n");
  t.match(await changes.reload(manager), { kind: "refused" });
  t.match(await changes.reload(manager), { kind: "refused" });
});
