/**
 * The manager link of a balancer whose only configuration is a file: `--link file:PATH`. Workers are those the
 * file gives by address. Must not know of shards.
 */
import { assert } from "../base/assert.js";
import type { Configuration } from "../snapshot/configuration.js";
import { snapshotOf } from "../snapshot/configured-snapshot.js";
import { ConfigurationFile, type ConfigurationFileOptions } from "./configuration-file.js";
import type { ManagerLink, ReloadOutcome, SnapshotReceiver } from "./link.js";

export class FileLink implements ManagerLink {
  readonly name: string;
  private started = false;

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
    return this.file.start((configuration, revision) => receiver.apply(snapshotOf(configuration, revision, revision)));
  }

  reload(): Promise<ReloadOutcome> {
    return this.file.reload();
  }

  stop(): Promise<void> {
    return this.file.stop();
  }
}
