/** The commands of `lintel admin` that show what a manager knows. Must not change anything. */
import type { Command } from "commander";
import { stringify } from "yaml";
import { systemClock } from "../base/clock.js";
import { barrierDocument, historyDocument, type StatusDocument, statusDocument } from "../client/admin-documents.js";
import { adminExitCodes } from "../client/admin-exit-codes.js";
import { defaultTimeoutMs } from "../client/admin-service.js";
import type { StatusSource } from "../client/status-source.js";
import { balancersTable, historyTable, renderStatus, versionsTable, workersTable } from "../client/admin-tables.js";
import { renderLaggards } from "../client/change-text.js";
import { renderTable } from "../client/table.js";
import { writeAll } from "../client/terminal.js";
import { parseCount } from "../linter/flags.js";
import { adminServiceFor, type ConnectionFlags, type OutputFormat, print, stdoutColor, type WaitFlags, waitMsOf, withAdminService, withConnectionFlags, withWaitFlag } from "./admin-connection.js";
import { type KubernetesFlags, withKubernetesFlags } from "./kubernetes-flags.js";

export interface StatusFlags extends ConnectionFlags, WaitFlags, KubernetesFlags {
  readonly watch: boolean;
  readonly kubernetes?: boolean;
  /** Of the configuration in the cluster. */
  readonly store?: string;
}

/** What one screen holds. */
const historyEntriesDefault = 20;
/** Home, and erase what is below: the screen is written over, without flicker. */
const clearScreen = "\u001b[H\u001b[J";

export function defineStatus(command: Command): Command {
  const status = withConnectionFlags(command.command("status").description("what is live: versions and their shares, balancers, workers that do not listen"));
  withWaitFlag(status, "first wait until the newest revision is active everywhere")
    .option("--watch", "again at every change, until Ctrl-C", false)
    .option("--kubernetes", "of balancers without a manager, from the cluster itself")
    .option("--store <place>", "Kubernetes: where the configuration is: configmap:NAME (default: configmap:lintel-configuration)");
  return withKubernetesFlags(status);
}

/** The part of the status that one thing is about; `workers` is returned for its own commands. */
export function defineViews(command: Command): Command {
  const view = (name: string, summary: string): Command => withConnectionFlags(command.command(name).description(summary));
  view("versions", "the versions of every language, with their shares").action((flags: ConnectionFlags) =>
    showPart(flags, ({ revision, languages }) => ({ revision, languages }), (status, color) => renderTable(versionsTable(status), color)),
  );
  view("balancers", "the balancers, and which revision each of their shards has").action((flags: ConnectionFlags) =>
    showPart(flags, ({ revision, balancers }) => ({ revision, balancers }), (status, color) => renderTable(balancersTable(status, systemClock.wallMs()), color)),
  );
  view("history", "who changed what, when and why; the newest first")
    .option("--entries <count>", "how many", parseCount("--entries", 1, 1_000_000), historyEntriesDefault)
    .action((flags: ConnectionFlags & { readonly entries: number }) => showHistory(flags));
  return view("workers", "the workers, where they listen and why not").action((flags: ConnectionFlags) =>
    showPart(flags, ({ revision, workers }) => ({ revision, workers }), (status, color) => renderTable(workersTable(status, systemClock.wallMs()), color)),
  );
}

export async function showStatus(flags: StatusFlags): Promise<void> {
  const waitMs = waitMsOf(flags);
  const source = flags.kubernetes === true ? await clusterSource(flags) : await adminServiceFor(flags, defaultTimeoutMs);
  try {
    if (flags.watch) {
      await watch(source, flags.output);
      return;
    }
    const { revision } = waitMs === undefined ? { revision: 0 } : await source.status();
    const barrier = waitMs === undefined ? undefined : barrierDocument(await source.wait(revision, waitMs));
    await printStatus(flags.output, statusDocument(await source.status()));
    if (barrier === undefined || barrier.open) return;
    process.stderr.write(renderLaggards(barrier, flags.wait ?? ""));
    process.exitCode = adminExitCodes.notEverywhere;
  } finally {
    await source.close();
  }
}

async function clusterSource(flags: StatusFlags): Promise<StatusSource> {
  const { clusterStatus } = await import("./admin-kubernetes.js");
  return clusterStatus(flags, flags.store);
}

function printStatus(output: OutputFormat, status: StatusDocument): Promise<void> {
  return print(output, status, (color) => renderStatus(status, systemClock.wallMs(), color));
}

/** A terminal shows the newest alone; a program gets one document after another. */
async function watch(source: StatusSource, output: OutputFormat): Promise<void> {
  for await (const reply of source.watch()) {
    const status = statusDocument(reply);
    if (!(await writeAll(process.stdout, watchText(output, status)))) return;
  }
}

function watchText(output: OutputFormat, status: StatusDocument): string {
  switch (output) {
    case "json":
      return `${JSON.stringify(status)}\n`;
    case "yaml":
      return `---\n${stringify(status)}`;
    case "table":
      return `${process.stdout.isTTY ? clearScreen : ""}${renderStatus(status, systemClock.wallMs(), stdoutColor())}\n`;
  }
}

async function showPart<T extends object>(flags: ConnectionFlags, partOf: (status: StatusDocument) => T, render: (part: T, color: boolean) => string): Promise<void> {
  await withAdminService(flags, async (service) => {
    const part = partOf(statusDocument(await service.status()));
    await print(flags.output, part, (color) => render(part, color));
  });
}

async function showHistory(flags: ConnectionFlags & { readonly entries: number }): Promise<void> {
  await withAdminService(flags, async (service) => {
    const document = historyDocument(await service.history(flags.entries));
    await print(flags.output, document, (color) => renderTable(historyTable(document, systemClock.wallMs()), color));
  });
}
