/** The commands of `lintel admin` that change the configuration: flags to one change, its outcome to text and an exit code. */
import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import { UserError } from "../base/errors.js";
import { changeDocument } from "../client/admin-documents.js";
import { adminExitCodes } from "../client/admin-exit-codes.js";
import type { AdminService } from "../client/admin-service.js";
import { renderChange, renderLaggards } from "../client/change-text.js";
import { parseCount } from "../linter/flags.js";
import type { BarrierMessage, ChangeKinds, VersionWeightMessage } from "../rpc/admin-messages.js";
import { builtinLinters } from "../snapshot/well-known-languages.js";
import { reportFormats } from "../snapshot/configuration-schema.js";
import { type ConnectionFlags, print, type WaitFlags, waitMsOf, withAdminService, withConnectionFlags, withWaitFlag } from "./admin-connection.js";

interface ChangeFlags extends ConnectionFlags, WaitFlags {
  readonly ifRevision?: number;
  readonly dryRun: boolean;
  readonly reason: string;
}

interface RegisterFlags extends ChangeFlags {
  readonly image?: string;
  readonly command?: string;
  readonly builtin?: string;
  readonly worker: readonly string[];
  readonly replicas: number;
  readonly weight: number;
  readonly report?: string;
  readonly extension: readonly string[];
}

/** Typing errors are found here; what makes sense the manager says. */
const weightMax = 1_000_000;
const replicasMax = 1_000_000;

export function defineChanges(command: Command): void {
  defineRegister(changing(command, "register", "add a version of a linter, with what runs it"));
  changing(command, "unregister", "take a version away; refused while it has weight")
    .argument("<language>")
    .argument("<version>")
    .action((language: string, version: string, flags: ChangeFlags) => change({ unregister: { language, version } }, flags));
  changing(command, "weights", "set the shares of all versions of a language at once")
    .argument("<language>")
    .argument("<version=weight...>", "such as 0.17.3=90 0.18.0=10; a version that is not named gets nothing")
    .action((language: string, weights: readonly string[], flags: ChangeFlags) => change({ weights: { language, weights: weights.map(weightGiven) } }, flags));
  changing(command, "scale", "set how many workers of a version the manager runs")
    .argument("<language>")
    .argument("<version>")
    .argument("<replicas>", "how many", parseCount("the number of replicas", 0, replicasMax))
    .action((language: string, version: string, replicas: number, flags: ChangeFlags) => change({ scale: { language, version, replicas } }, flags));
  changing(command, "undo", "go back to what was before a change; the newest when none is named")
    .argument("[revision]", "the change to undo, with all that came after it", parseCount("the revision", 1, Number.MAX_SAFE_INTEGER))
    .action((revision: number | undefined, flags: ChangeFlags) => change({ undo: { revision: revision ?? 0 } }, flags));
}

/** `workers drain ID` and `workers undrain ID`. */
export function defineDrains(workers: Command): void {
  const drains = [
    ["drain", true, "give a worker no new requests; it finishes what it has"],
    ["undrain", false, "let a worker have requests again"],
  ] as const;
  for (const [name, drained, summary] of drains) {
    changing(workers, name, summary)
      .argument("<worker>", "its id, as `lintel admin workers` shows it")
      .action((workerId: string, flags: ChangeFlags) => change({ drain: { workerId, drained } }, { ...flags, ...givenFlags(workers) }));
  }
  // Flags behind `drain` are its own.
  workers.enablePositionalOptions();
}

/** Those that were typed between `workers` and `drain`, which mean the same there. */
function givenFlags(command: Command): Partial<ConnectionFlags> {
  return Object.fromEntries(Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === "cli"));
}

function changing(command: Command, name: string, summary: string): Command {
  const sub = withConnectionFlags(command.command(name).description(summary));
  return withWaitFlag(sub, "return when the change is active on every shard of every balancer")
    .addOption(new Option("--if-revision <revision>", "only if this is the newest revision; else exit code 3").argParser(parseCount("--if-revision", 1, Number.MAX_SAFE_INTEGER)))
    .option("--dry-run", "show what would change, and change nothing", false)
    .option("--reason <text>", "why; kept in the history", "");
}

function defineRegister(command: Command): void {
  const repeated = (value: string, before: readonly string[]): string[] => [...before, value];
  command
    .argument("<language>")
    .argument("<new-version>")
    .argument("[arguments...]", "after --: the arguments of --command")
    .addOption(new Option("--builtin <linter>", "run a built-in linter").choices(builtinLinters).conflicts(["command", "image"]))
    .addOption(new Option("--command <program>", "run a program; its arguments follow at the end, after --").conflicts(["image"]))
    .option("--image <name>", "run a container image (on a platform that can)")
    .option("--worker <host:port>", "a worker that runs elsewhere; may be repeated", repeated, [])
    .option("--replicas <count>", "how many workers to run (default 1)", parseCount("--replicas", 1, replicasMax), 0)
    .option("--weight <weight>", "its share of the traffic from the start", parseCount("--weight", 0, weightMax), 0)
    .addOption(new Option("--report <format>", "how the program prints its findings").choices(reportFormats))
    .option("--extension <.ext>", "an ending of the language's files, when the language is new; may be repeated", repeated, [])
    .addHelpText("after", "\nExample: lintel admin register shell 0.10.0 --command shellcheck --replicas 2 -- --format=json1 -")
    .action((language: string, version: string, words: readonly string[], flags: RegisterFlags) => register(language, version, words, flags));
}

function register(language: string, version: string, words: readonly string[], flags: RegisterFlags): Promise<void> {
  const { image, builtin, command, worker: workers, replicas, weight, report, extension: extensions } = flags;
  if (command === undefined && words.length > 0) throw new UserError(`unexpected ${words.join(" ")}; arguments after the version are those of --command PROGRAM`);
  if (command === undefined && report !== undefined) throw new UserError("--report says how a program prints its findings; it needs --command");
  const source = {
    ...(image !== undefined && { image }),
    ...(builtin !== undefined && { builtin }),
    ...(command !== undefined && { command: { argv: [command, ...words], report: report ?? "" } }),
  };
  return change({ register: { language, version, weight, ...source, replicas, workers, extensions } }, flags);
}

async function change(kinds: ChangeKinds, flags: ChangeFlags): Promise<void> {
  const waitMs = waitMsOf(flags);
  const { ifRevision = 0, dryRun, reason, output } = flags;
  await withAdminService(flags, async (service) => {
    const reply = await service.change({ ...kinds, ifRevision, dryRun, reason, requestId: randomUUID() });
    for (const warning of reply.warnings) process.stderr.write(`warning: ${warning}\n`);
    const waited = waitMs === undefined || dryRun ? undefined : await waitedFor(service, reply.revision, waitMs);
    const document = changeDocument(reply, dryRun, waited?.barrier);
    await print(output, document, (color) => renderChange(document, color));
    if (waited?.barrier === undefined && waited !== undefined) {
      process.stderr.write(`lintel: revision ${reply.revision} is stored, but whether it is active everywhere is not known: ${waited.unknownBecause}\n`);
      process.exitCode = adminExitCodes.notEverywhere;
    }
    if (document.barrier === undefined || document.barrier.open) return;
    process.stderr.write(renderLaggards(document.barrier, flags.wait ?? ""));
    process.exitCode = adminExitCodes.notEverywhere;
  });
}

interface Waited {
  readonly barrier?: BarrierMessage;
  readonly unknownBecause: string;
}

/** What was made stays made, and is told, whatever becomes of the waiting. */
async function waitedFor(service: AdminService, revision: number, waitMs: number): Promise<Waited> {
  try {
    return { barrier: await service.wait(revision, waitMs), unknownBecause: "" };
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    return { unknownBecause: thrown.message };
  }
}

function weightGiven(text: string): VersionWeightMessage {
  const match = /^(.+)=([^=]*)$/.exec(text);
  if (match === null) throw new UserError(`"${text}": expected VERSION=WEIGHT, such as 0.18.0=10`);
  return { version: match[1] ?? "", weight: parseCount(`the weight of ${match[1] ?? ""}`, 0, weightMax)(match[2] ?? "") };
}
