/**
 * `lintel linter LANGUAGE`: one worker. Reads the flags, starts the worker, tells whoever started it, and leaves when it is told
 * to. Loads the worker's parts only once the flags are known to be right.
 */
import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.js";
import { exitCodes, UserError } from "../base/errors.js";
import { createLogger, type Logger } from "../base/logger.js";
import { builtinLanguages, isBuiltinLanguage, type AnalyzerChoice } from "../linter/analyzers/registry.js";
import { reportFormats, type ReportFormat } from "../linter/analyzers/command/settings.js";
import { checkSandbox } from "../linter/analyzers/command/sandbox.js";
import { findProgram, makeWorkFolder } from "../linter/command-setup.js";
import type { Worker, WorkerOptions } from "../linter/worker.js";
import { register, type RegistrationFlags, registrationPlan, withRegistrationFlags } from "./linter-registration.js";
import { mutualTlsOf } from "./mutual-tls.js";
import { ServiceManager } from "./service-manager.js";
import { untilToldToStop } from "./stop-signal.js";
import { defaultThreads, parseByteCount, parseCount, parseDuration, parseListen } from "../linter/flags.js";

interface Flags extends RegistrationFlags {
  readonly builtin?: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly asVersion?: string;
  readonly threads: number;
  readonly queueDepthMax: number;
  readonly analysisTimeoutMs: number;
  readonly analysisHeapBytesMax: number;
  readonly sourceBytesMax: number;
  readonly reportBytesMax: number;
  readonly programOutputBytesMax: number;
  readonly programProcessesMax: number;
  readonly programDiskBytesMax: number;
  readonly sandbox: boolean;
  readonly silenceMs: number;
  readonly drainTimeoutMs: number;
  readonly report: ReportFormat;
}

const mebibyte = 1024 * 1024;

/** Each default with its reason; all can be overridden by a flag. */
const defaults = {
  // Waiting behind 64 analyses of 10 ms on two threads takes a third of a second: a longer queue would only hold what the
  // balancer has given up by then (it allows an attempt 2 s).
  queueDepthMax: 64,
  // Below the 2 s that the balancer allows an attempt, so that it hears "killed" instead of nothing.
  analysisTimeoutMs: 1_500,
  // A megabyte of TypeScript needs about half of it.
  analysisHeapBytesMax: 512 * mebibyte,
  // Four times the balancer's own default limit, so that raising that one is enough: what bounds the work is the time limit.
  sourceBytesMax: 4 * mebibyte,
  // Half of what a balancer reads by default.
  reportBytesMax: 8 * mebibyte,
  programOutputBytesMax: 16 * mebibyte,
  // A linter that uses every core starts one for each; a machine has some ten thousand for everybody.
  programProcessesMax: 256,
  // Compilers write objects of some megabytes for a source of one.
  programDiskBytesMax: 256 * mebibyte,
  // Twice this after its host has vanished a balancer is forgotten. So is a connection whose protocol broke, which Node's server
  // keeps open for ever after its GOAWAY (20.20.2).
  silenceMs: 20_000,
  // Longer than any exchange may take (10 s), twice over.
  drainTimeoutMs: 30_000,
} as const;

/** A program ends itself at the time limit; its thread, which would take a new start, only if that fails. */
const programGraceMs = 1_000;

export function define(command: Command): void {
  withRegistrationFlags(command)
    .argument("<language>", `the language to serve: ${builtinLanguages.join(", ")}, or any name with a program`)
    .argument("[program...]", "after --: the program to run instead of a built-in linter, with its arguments; {file} in one becomes the path of the source")
    .option("--listen <host:port>", "where to serve; port 0 takes any free one", parseListen, { host: "127.0.0.1", port: 0 })
    .option("--builtin <linter>", "the built-in linter to serve it with (default: the one of that name)")
    .option("--as-version <version>", "the version to report (default: the linter's own)")
    .option("--threads <count>", "analyses at the same time", parseCount("--threads", 1, 256), defaultThreads())
    .option("--queue-depth-max <count>", "analyses waiting; more are refused at once", parseCount("--queue-depth-max", 0, 1_000_000), defaults.queueDepthMax)
    .option("--analysis-timeout-ms <ms>", "an analysis that takes longer is killed", parseCount("--analysis-timeout-ms", 1, 3_600_000), defaults.analysisTimeoutMs)
    .option("--analysis-heap-bytes-max <bytes>", "an analysis that needs more is killed", parseByteCount("--analysis-heap-bytes-max", 16 * mebibyte), defaults.analysisHeapBytesMax)
    .option("--source-bytes-max <bytes>", "larger sources are refused", parseByteCount("--source-bytes-max", 1), defaults.sourceBytesMax)
    .option("--report-bytes-max <bytes>", "larger reports are cut", parseByteCount("--report-bytes-max", 1024), defaults.reportBytesMax)
    .option("--program-output-bytes-max <bytes>", "a program that writes more is killed", parseByteCount("--program-output-bytes-max", 1), defaults.programOutputBytesMax)
    .option("--program-processes-max <count>", "a program that starts more is killed", parseCount("--program-processes-max", 1, 1_000_000), defaults.programProcessesMax)
    .option("--program-disk-bytes-max <bytes>", "a program that takes more of the disk is killed", parseByteCount("--program-disk-bytes-max", 1), defaults.programDiskBytesMax)
    .addOption(new Option("--sandbox", "run the program in a sandbox: no network, no other files (bubblewrap)").env("LINTEL_SANDBOX").default(false))
    .option("--silence-ms <ms>", "a connection silent for so long is asked, and closed when it does not answer in that time", parseCount("--silence-ms", 50, 3_600_000), defaults.silenceMs)
    .option("--drain-timeout, --drain-timeout-ms <time>", "how long to go on serving after SIGTERM: 30s, 500ms; a bare number is in ms", parseDuration("--drain-timeout", 86_400_000), defaults.drainTimeoutMs)
    .option("--report <format>", `how the program's output is read: ${reportFormats.join(", ")}`, parseReportFormat, "auto")
    .action((language: string, program: readonly string[], flags: Flags) => main(language, program, flags));
}

/** A parent that watches workers shows why this one does not come up. */
async function main(language: string, program: readonly string[], flags: Flags): Promise<void> {
  try {
    await serve(language, program, flags);
  } catch (error) {
    if (error instanceof UserError) process.send?.({ kind: "failed", reason: error.message });
    throw error;
  }
}

async function serve(language: string, program: readonly string[], flags: Flags): Promise<void> {
  const logger = createLogger();
  const service = ServiceManager.connect(logger);
  const analyzer = chooseAnalyzer(language, program, flags);
  // The signals first: a worker that is stopped while it starts must not stay.
  const leaving = whenToldToLeave();
  const plan = await registrationPlan(flags, flags.listen);
  const worker = await start(language, analyzer, flags, logger);
  process.on("exit", () => worker.close());
  announce(language, worker, flags, logger);
  service.startWatchdog(() => Promise.resolve(true));
  void service.tell("READY=1", `STATUS=serving ${language} ${worker.version} on port ${worker.port}`);
  stayWhenTold();
  const leaveManagers = plan === undefined ? undefined : await register(plan, { language, ...worker }, logger);
  void leaving.then(async (signal) => {
    logger.info("leaving", { signal });
    void service.tell("STOPPING=1", "STATUS=finishing what it has");
    // Both at once: users are served until every shard has let go, and shards hear of it from the worker itself.
    await Promise.all([leaveManagers?.(), worker.drain()]);
    process.exit(0);
  });
}

async function start(language: string, analyzer: AnalyzerChoice, flags: Flags, logger: Logger): Promise<Worker> {
  const { startWorker } = await import("../linter/worker.js");
  const { threads, queueDepthMax, analysisHeapBytesMax, sourceBytesMax, reportBytesMax, silenceMs, drainTimeoutMs } = flags;
  const analysisTimeoutMs = flags.analysisTimeoutMs + (analyzer.kind === "command" ? programGraceMs : 0);
  const options: WorkerOptions = {
    language,
    analyzer,
    ...flags.listen,
    version: flags.asVersion,
    limits: { threads, queueDepthMax, analysisTimeoutMs, analysisHeapBytesMax },
    sourceBytesMax,
    reportBytesMax,
    silenceMs,
    tls: mutualTlsOf(flags),
    drainTimeoutMs,
  };
  return startWorker(options, systemClock, logger.with({ language }));
}

function chooseAnalyzer(language: string, [program, ...args]: readonly string[], flags: Flags): AnalyzerChoice {
  if (!/^[a-z0-9][a-z0-9+#._-]{0,63}$/.test(language)) {
    throw new UserError(`"${language}" cannot be a language's name: use up to 64 lower-case letters, digits and the characters + # . _ -, beginning with a letter or digit.`);
  }
  if (program !== undefined) {
    const { analysisTimeoutMs: timeoutMs, programOutputBytesMax: outputBytesMax, programProcessesMax: processesMax, programDiskBytesMax: diskBytesMax, report, asVersion: version = "unknown" } = flags;
    const found = findProgram(program);
    const sandbox = flags.sandbox ? findProgram("bwrap") : "";
    const folder = makeWorkFolder();
    if (sandbox !== "") checkSandbox(sandbox, found, folder);
    return { kind: "command", settings: { program: found, args, report, timeoutMs, outputBytesMax, processesMax, diskBytesMax, sandbox, folder, version } };
  }
  const builtin = flags.builtin ?? language;
  if (isBuiltinLanguage(builtin)) return { kind: "builtin", language: builtin };
  throw new UserError(`There is no built-in linter for "${builtin}": there are ${builtinLanguages.join(", ")}; for another, give a program after "--" (lintel linter ${language} -- PROGRAM ARGS).`);
}

function announce(language: string, { port, version }: Worker, { listen: { host } }: Flags, logger: Logger): void {
  if (process.send === undefined) {
    logger.info("listening", { language, version, host, port });
    return;
  }
  process.send({ kind: "listening", host, port, language, version });
}

/**
 * With a parent at the other end of an IPC channel Ctrl-C is the parent's to deal with (the terminal sends it to both), and
 * when the channel closes there is nobody to serve for.
 */
function whenToldToLeave(): Promise<NodeJS.Signals> {
  // An exit clears away the programs that run and their folder; SIGKILL would leave them.
  const endNow = (): never => process.exit(exitCodes.failed);
  if (process.send === undefined) return untilToldToStop(undefined, endNow);
  process.once("disconnect", endWithParent);
  process.on("SIGINT", () => undefined);
  return untilToldToStop(["SIGTERM"], endNow);
}

function endWithParent(): void {
  process.exit(0);
}

/**
 * A parent that has written down how its successor finds this worker lets go of it. Whoever read the log may then be gone:
 * a line that nobody takes ends nothing.
 */
function stayWhenTold(): void {
  process.on("message", (message: unknown) => {
    if (typeof message !== "object" || message === null || !("kind" in message) || message.kind !== "stay") return;
    process.off("disconnect", endWithParent);
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
    process.disconnect();
  });
}

function parseReportFormat(text: string): ReportFormat {
  const format = reportFormats.find((known) => known === text);
  if (format === undefined) throw new UserError(`--report is "${text}", but must be one of ${reportFormats.join(", ")}.`);
  return format;
}
