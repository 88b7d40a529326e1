/** `lintel admin reload`: asks the admin port of a balancer, or of lintel up, to read its file again. Must not know what a file holds. */
import { type Command, Option } from "commander";
import { adminExitCodes } from "../client/admin-exit-codes.js";
import { AdminAnswerLate, askAdmin } from "../client/balancer-port.js";
import { renderChange } from "../client/change-text.js";
import { parseCount } from "../linter/flags.js";
import type { ReloadOutcome } from "../manager-link/link.js";
import { type OutputFormat, print, type WaitFlags, waitMsOf, withOutputFlag, withWaitFlag } from "./admin-connection.js";

const defaultAdmin = "http://127.0.0.1:9901";

interface ReloadFlags extends WaitFlags {
  readonly admin: string;
  readonly output: OutputFormat;
  readonly ifRevision?: number;
  readonly dryRun: boolean;
  readonly reason: string;
}

export function defineReload(command: Command): void {
  const sub = withOutputFlag(command.command("reload").description("make a balancer, or lintel up, read its configuration file again"));
  withWaitFlag(sub, "how long to wait until what it says is active; without, as long as its workers may take to start")
    .addOption(new Option("--admin <url>", "its admin port").env("LINTEL_ADMIN").default(defaultAdmin))
    .addOption(new Option("--if-revision <revision>", "only if this is the newest revision; else exit code 3").argParser(parseCount("--if-revision", 1, Number.MAX_SAFE_INTEGER)))
    .option("--dry-run", "show what would change, and change nothing", false)
    .option("--reason <text>", "why; kept in the history of lintel up", "")
    .action(reload);
}

/** Returns when what is in the file now is active on every shard, or says what it waits for. */
async function reload(flags: ReloadFlags): Promise<void> {
  const { admin, output, ifRevision = 0, dryRun, reason } = flags;
  const query = new URLSearchParams({ ...(dryRun && { dryRun: "true" }), ...(ifRevision > 0 && { ifRevision: String(ifRevision) }), ...(reason !== "" && { reason }) }).toString();
  const waitMs = waitMsOf(flags);
  const asking = askAdmin(admin, "POST", query === "" ? "/reload" : `/reload?${query}`, waitMs);
  const answer = waitMs === undefined ? await asking : await asking.catch((thrown: unknown) => lateOrThrow(thrown, flags));
  if (answer === undefined) return;
  const outcome = answer.body as ReloadOutcome;
  sayWhatIsWrong(outcome);
  await print(output, outcome, (color) => outcomeText(outcome, color));
}

/** The reload goes on where it was asked for. */
function lateOrThrow(thrown: unknown, { wait = "" }: ReloadFlags): undefined {
  if (!(thrown instanceof AdminAnswerLate)) throw thrown;
  process.stderr.write(`lintel: after ${wait} not active everywhere; \`lintel admin status\` shows what it waits for\n`);
  process.exitCode = adminExitCodes.notEverywhere;
  return undefined;
}

/** On standard error, with the exit code it deserves. */
function sayWhatIsWrong(outcome: ReloadOutcome): void {
  switch (outcome.kind) {
    case "applied":
      for (const warning of outcome.warnings) process.stderr.write(`warning: ${warning}\n`);
      if (outcome.late === "") return;
      process.stderr.write(`lintel: revision ${outcome.revision} is stored, but not active everywhere yet: ${outcome.late}\n`);
      process.exitCode = adminExitCodes.notEverywhere;
      return;
    case "refused":
      for (const problem of outcome.problems) process.stderr.write(`${problem}\n`);
      process.stderr.write("lintel: the configuration was refused; the one before it goes on serving\n");
      process.exitCode = adminExitCodes.failed;
      return;
    case "conflict":
      process.stderr.write(`lintel: ${outcome.reason}\n`);
      process.exitCode = adminExitCodes.conflict;
      return;
    case "unchanged":
    case "planned":
  }
}

function outcomeText(outcome: ReloadOutcome, color: boolean): string {
  switch (outcome.kind) {
    case "applied":
      return outcome.late === "" ? `revision ${outcome.revision} is active on every shard\n` : "";
    case "unchanged":
      return `nothing changed; revision ${outcome.revision} stays active\n`;
    case "planned":
      return renderChange({ revision: outcome.revision, changed: true, dryRun: true, differences: outcome.differences, warnings: [] }, color);
    case "refused":
    case "conflict":
      return "";
  }
}
