/**
 * The manager link of a balancer whose only configuration is a file: `--link file:PATH`. Workers are those the
 * file gives by address. Must not know of shards.
 */
import { assert } from "../base/assert.js";
import type { Configuration } from "../snapshot/configuration.js";
import { snapshotOf } from "../snapshot/configured-snapshot.js";
import { diffSnapshots, renderChange } from "../snapshot/diff.js";
import { emptySnapshot, type Snapshot } from "../snapshot/snapshot.js";
import { ConfigurationFile, type ConfigurationFileOptions } from "./configuration-file.js";
import type { ManagerLink, ReloadOutcome, ReloadRequest, SnapshotReceiver } from "./link.js";

export class FileLink implements ManagerLink {
  readonly name: string;
  private started = false;
  private active: Snapshot = emptySnapshot;

  private constructor(
    private readonly file: ConfigurationFile,
    path: string,
    /** As the file was when the link was opened: where to listen, how many shards, which limits. */
    readonly configuration: Configuration,
  ) {
    this.name = `file:${path}`;
  }

  /** Reads the file, so that the balancer knows its settings. Throws a UserError with every problem in it. */
  static async open(options: Omit<ConfigurationFileOptions, "role">): Promise<FileLink> {
    const file = new ConfigurationFile({ ...options, role: "balancer" });
    return new FileLink(file, options.path, await file.load());
  }

  start(receiver: SnapshotReceiver): Promise<void> {
    assert(!this.started, "a link is started once");
    this.started = true;
    // One publication a revision: workers given by address change with the file alone.
    return this.file.start(async (configuration, revision, { dryRun, ifRevision }) => {
      const snapshot = snapshotOf(configuration, revision, revision);
      const { revision: newest } = this.active;
      if (ifRevision !== 0 && ifRevision !== newest) return { kind: "conflict", revision: newest, reason: `the configuration is at revision ${newest}, not ${ifRevision}` };
      if (dryRun) return { kind: "planned", revision: newest, differences: diffSnapshots(this.active, snapshot).map(renderChange) };
      const outcome = await receiver.apply(snapshot);
      if (outcome.kind === "applied") this.active = snapshot;
      return outcome;
    });
  }

  staleBecause(): string {
    return "";
  }

  reload(request?: ReloadRequest): Promise<ReloadOutcome> {
    return this.file.reload(request);
  }

  stop(): Promise<void> {
    return this.file.stop();
  }
}
