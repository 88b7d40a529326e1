/**
 * `lintel admin`: the administrators' client. Talks to a manager (--manager), and to the admin port of a single balancer that
 * runs from a file (--admin). Exit codes: 0 done, 1 failed, 2 usage, 3 conflict, 4 not everywhere before the timeout,
 * 6 not allowed.
 */
import { type Command, Option } from "commander";
import { adminExitCodes } from "../client/admin-exit-codes.js";
import { askAdmin } from "../client/balancer-port.js";
import type { ReloadOutcome } from "../manager-link/link.js";
import { defineChanges, defineDrains } from "./admin-changes.js";
import { type OutputFormat, print, withOutputFlag } from "./admin-connection.js";
import { defineStatus, defineViews, showStatus, type StatusFlags } from "./admin-views.js";

const defaultAdmin = "http://127.0.0.1:9901";

export function define(command: Command): void {
  defineStatus(command)
    .option("--admin <url>", "of one balancer instead, from its admin port")
    .action((flags: StatusFlags & { readonly admin?: string }) => (flags.admin === undefined ? showStatus(flags) : balancerStatus(flags.admin, flags.output)));
  defineChanges(command);
  defineDrains(defineViews(command));
  withOutputFlag(command.command("reload").description("make a balancer, or lintel up, read its configuration file again"))
    .addOption(new Option("--admin <url>", "its admin port").env("LINTEL_ADMIN").default(defaultAdmin))
    .action(({ admin, output }: { readonly admin: string; readonly output: OutputFormat }) => reload(admin, output));
}

/** Returns when what is in the file now is active on every shard, or after as long as its workers may take to start. */
async function reload(admin: string, output: OutputFormat): Promise<void> {
  const { body } = await askAdmin(admin, "POST", "/reload");
  const outcome = body as ReloadOutcome;
  if (outcome.kind === "applied") for (const warning of outcome.warnings) process.stderr.write(`warning: ${warning}\n`);
  if (outcome.kind === "refused") {
    for (const problem of outcome.problems) process.stderr.write(`${problem}\n`);
    process.stderr.write("lintel: the configuration was refused; the one before it goes on serving\n");
    process.exitCode = adminExitCodes.failed;
  }
  if (outcome.kind === "applied" && outcome.late !== "") {
    process.stderr.write(`lintel: revision ${outcome.revision} is stored, but not active everywhere yet: ${outcome.late}\n`);
    process.exitCode = adminExitCodes.notEverywhere;
  }
  await print(output, outcome, () => outcomeText(outcome));
}

function outcomeText(outcome: ReloadOutcome): string {
  switch (outcome.kind) {
    case "applied":
      return outcome.late === "" ? `revision ${outcome.revision} is active on every shard\n` : "";
    case "unchanged":
      return `nothing changed; revision ${outcome.revision} stays active\n`;
    case "refused":
      return "";
  }
}

/** For people, too, as JSON: it is a balancer's own view, with more in it than a table holds. */
async function balancerStatus(admin: string, output: OutputFormat): Promise<void> {
  const { body } = await askAdmin(admin, "GET", "/status");
  await print(output === "table" ? "json" : output, body as object, () => "");
}
