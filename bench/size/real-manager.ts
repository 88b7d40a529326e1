/** `lintel manager` as a process, with a store that holds what it is to begin with, and asked as administrators ask. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { delay, systemClock } from "../../src/base/clock.js";
import { AdminService, defaultTimeoutMs } from "../../src/client/admin-service.js";
import { textOf } from "../../src/manager/store/stored-text.js";
import { emptyConfiguration } from "../../src/manager/stored-configuration.js";
import type { ChangeKinds } from "../../src/rpc/admin-messages.js";
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";
import { repository } from "../autocannon/machine.js";
import type { Processes, Running } from "../autocannon/processes.js";

export const mainPath = join(repository, "dist/src/main.js");
/** A minute is far more than anything here takes. */
const everywhereTimeoutMs = 60_000;
const readyTimeoutMs = 60_000;

export class RealManager {
  private readonly admin: AdminService;

  private constructor(
    private readonly running: Running,
    /** HOST:PORT */
    readonly address: string,
  ) {
    this.admin = new AdminService({ managers: [address], credentials: credentials.createInsecure(), token: "", user: "bench", timeoutMs: defaultTimeoutMs, clock: systemClock });
  }

  /** Workers are elsewhere; `languages` are its revision 1, none of them an empty store. */
  static async start(processes: Processes, folder: string, languages: readonly LanguageSnapshot[]): Promise<RealManager> {
    const store = join(folder, `manager-${languages.length}.json`);
    if (languages.length > 0) writeFileSync(store, textOf({ ...emptyConfiguration, revision: 1, languages }));
    const args = ["manager", "--store", `file:${store}`, "--platform", "none", "--listen", "127.0.0.1:0"];
    const running = processes.start(process.execPath, [mainPath, ...args], { cores: "" });
    const address = (await untilPrinted(running, /"msg":"manager ready","address":"([^"]+)"/))[1]!;
    return new RealManager(running, address);
  }

  /** Resolves when so many balancers follow it and have what is newest, with the ms that took. */
  async untilFollowed(balancers: number): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      const status = await this.admin.status();
      const has = status.balancers.filter(({ connected, acked }) => connected && acked === status.revision).length;
      if (has >= balancers) return performance.now() - startMs;
      if (performance.now() - startMs > readyTimeoutMs) throw new Error(`only ${has} of ${balancers} balancers followed within ${readyTimeoutMs} ms; ${this.running.output().slice(-500)}`);
      await delay(20);
    }
  }

  /** Asks for a change, then waits for it: ms from the asking until it is durable, and until it is active on every shard. */
  async change(change: ChangeKinds, requestId: string): Promise<{ readonly durableMs: number; readonly everywhereMs: number }> {
    const startMs = performance.now();
    const { revision } = await this.admin.change({ ...change, ifRevision: 0, dryRun: false, reason: "", requestId });
    const durableMs = performance.now() - startMs;
    const { open, laggards } = await this.admin.wait(revision, everywhereTimeoutMs);
    if (!open) throw new Error(`revision ${revision} was not everywhere within ${everywhereTimeoutMs} ms: ${JSON.stringify(laggards[0])}`);
    return { durableMs, everywhereMs: performance.now() - startMs };
  }

  /** MiB, and seconds of CPU so far, from Linux. */
  facts(): { readonly residentMiB: number; readonly cpuSeconds: number } {
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.running.pid}/status`, "utf8"))?.[1]);
    const [, , , , , , , , , , , user, system] = readFileSync(`/proc/${this.running.pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").map(Number);
    return { residentMiB: Math.round(kilobytes / 1024), cpuSeconds: ((user ?? 0) + (system ?? 0)) / clockTicks };
  }

  async stop(): Promise<void> {
    this.admin.close();
    await this.running.stop();
  }
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const clockTicks = 100;

/** What `running` has printed, once it matches. */
export async function untilPrinted(running: Running, expected: RegExp): Promise<RegExpExecArray> {
  const endMs = performance.now() + readyTimeoutMs;
  for (;;) {
    const match = expected.exec(running.output());
    if (match !== null) return match;
    if (running.child.exitCode !== null || performance.now() > endMs) throw new Error(`a process did not start: ${running.output().slice(-1_000)}`);
    await delay(20);
  }
}
