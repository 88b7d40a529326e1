import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { createLogger } from "../../src/base/logger.js";
import { FileLink } from "../../src/manager-link/file-link.js";
import type { ApplyOutcome } from "../../src/manager-link/link.js";
import type { Snapshot } from "../../src/snapshot/snapshot.js";
import { pythonFile } from "../support/configuration-files.js";
import { waitUntil } from "../support/wait-until.js";

const logger = createLogger({ level: "error", format: "text", write: () => undefined });

void t.test("a file link publishes a snapshot for every good content of its file", async (t) => {
  const path = join(t.testdir({ "lintel.yaml": `shards: 2\n${pythonFile(1)}` }), "lintel.yaml");
  const link = await FileLink.open({ path, clock: systemClock, logger, settleMs: 20, pollMs: 50 });
  t.teardown(() => link.stop());
  t.equal(link.name, `file:${path}`);
  t.equal(link.configuration.shards, 2, "its settings are known before the start");
  const snapshots: Snapshot[] = [];
  let outcome: ApplyOutcome = { kind: "applied" };
  await link.start({
    apply: (snapshot) => {
      snapshots.push(snapshot);
      return Promise.resolve(outcome);
    },
  });
  t.same(snapshots[0], {
    revision: 1, nonce: 1,
    languages: [{ language: "python", extensions: [".py", ".pyi"], spill: true, versions: [{ version: "1", weight: 1, workers: [{ id: "127.0.0.1:1", host: "127.0.0.1", port: 1 }] }] }],
  });
  await writeFile(path, `shards: 2\n${pythonFile(2)}`);
  await waitUntil("the second snapshot", () => snapshots.length === 2);
  t.match(snapshots[1], { revision: 2, nonce: 2 });
  outcome = { kind: "refused", reason: "no" };
  await writeFile(path, `shards: 2\n${pythonFile(3)}`);
  await waitUntil("the third snapshot", () => snapshots.length === 3);
  outcome = { kind: "applied" };
  t.same(await link.reload(), { kind: "applied", revision: 3, warnings: [], late: "" });

  await writeFile(path, `shards: 2\n${pythonFile(4)}`);
  // At once, and so before the file's watch takes it.
  const [planned, conflict, applied] = await Promise.all([
    link.reload({ dryRun: true, ifRevision: 0, reason: "" }),
    link.reload({ dryRun: false, ifRevision: 2, reason: "" }),
    link.reload({ dryRun: false, ifRevision: 3, reason: "" }),
  ]);
  t.same(planned, { kind: "planned", revision: 3, differences: ["python 1: worker 127.0.0.1:4 added", "python 1: worker 127.0.0.1:3 removed"] });
  t.same(conflict, { kind: "conflict", revision: 3, reason: "the configuration is at revision 3, not 2" });
  t.match(applied, { kind: "applied", revision: 4 }, "neither of them changed anything");
});

void t.test("a file that only `lintel up` can use opens no link", async (t) => {
  const path = join(t.testdir({ "up.yaml": 'languages: { css: { versions: [{ version: "1", run: { builtin: css } }] } }' }), "up.yaml");
  await t.rejects(FileLink.open({ path, clock: systemClock, logger }), { name: "UserError", exitCode: 2, message: /a balancer does not start linters/ });
});

void t.test("a receiver that refuses the first snapshot ends the start", async (t) => {
  const path = join(t.testdir({ "lintel.yaml": pythonFile(1) }), "lintel.yaml");
  const link = await FileLink.open({ path, clock: systemClock, logger });
  await t.rejects(link.start({ apply: () => Promise.resolve({ kind: "refused", reason: "shard 0 failed" }) }), { name: "UserError", message: /lintel\.yaml: not applied: shard 0 failed$/ });
});
