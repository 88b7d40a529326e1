/** A real manager of this process, on a store in a folder of the test's own. */
import { join } from "node:path";
import type { Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { FileAuditLog } from "../../src/manager/audit-log.js";
import type { Change, KnownWorker } from "../../src/manager/changes/change.js";
import { type ChangeOutcome, type ChangeRequest, defaultManagerOptions, Manager, type ManagerOptions, type ManagerParts } from "../../src/manager/manager.js";
import { FileStore } from "../../src/manager/store/file-store.js";
import { recordingLogger } from "./recording-logger.js";
import { folderWith } from "./run-lintel.js";

export interface ManagerFolder {
  readonly folder: string;
  readonly storePath: string;
  readonly auditPath: string;
  readonly log: () => string;
  readonly open: (parts?: Partial<ManagerParts>, options?: Partial<ManagerOptions>) => Promise<Manager>;
}

/** Managers opened in it share their store, and are closed with the test. */
export function managerFolder(t: Test): ManagerFolder {
  const { path: folder, remove } = folderWith({});
  const [storePath, auditPath] = [join(folder, "manager.json"), join(folder, "audit.jsonl")];
  const { logger, text: log } = recordingLogger();
  const opened: Manager[] = [];
  t.teardown(async () => {
    for (const manager of opened) await manager.close();
    remove();
  });
  const open: ManagerFolder["open"] = async (parts = {}, options = {}) => {
    const store = parts.store ?? (await FileStore.open({ path: storePath, shared: true, clock: systemClock, logger, pollMs: 50 }));
    const audit = parts.audit ?? (await FileAuditLog.open(auditPath));
    const platform = { refusalOf: () => Promise.resolve("") };
    const manager = await Manager.open({ platform, workers: (): KnownWorker[] => [], clock: systemClock, logger, ...parts, store, audit }, { ...defaultManagerOptions, ...options });
    opened.push(manager);
    return manager;
  };
  return { folder, storePath, auditPath, log, open };
}

export function ask(manager: Manager, change: Change, given: Partial<ChangeRequest> = {}): Promise<ChangeOutcome> {
  return manager.change({ change, who: "alice", reason: "", requestId: "", ifRevision: 0, dryRun: false, ...given });
}
