/** `lintel balancer`: the data plane alone, for workers that run elsewhere. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Command } from "commander";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { createLogger, type Logger } from "../base/logger.js";
import { FileLink } from "../manager-link/file-link.js";
import { adminFor, balancerFrom, listenAdminAfter, listenAdminIfFree, reloadOnHangUp, urlOf } from "./balancer-parts.js";
import { untilToldToStop } from "./stop-signal.js";

/** How long to wait for the first workers before users are let in without them. */
const warmUpMs = 5_000;

interface Flags {
  readonly link: string;
  readonly replace: boolean;
}

export function define(command: Command): void {
  command
    .requiredOption("--link <source>", "where the configuration comes from: file:PATH")
    .option("--replace", "take over from the balancer that has the port, without losing a connection", false)
    .action(run);
}

async function run({ link: source, replace }: Flags): Promise<void> {
  const logger = createLogger();
  const successors = new Successors(logger);
  const stop = untilToldToStop(["SIGINT", "SIGTERM", "SIGQUIT"]);

  // 1. The configuration first: nothing is opened for a file that is wrong.
  const link = await openLink(source, logger);
  const { configuration } = link;

  // 2. The threads and the port, still closed to users: a port in use is found before anything else happens.
  const balancer = balancerFrom(configuration, logger);
  await balancer.start(replace);
  const admin = adminFor(balancer, link);
  let replacing = false;
  try {
    // 3. The snapshot to every shard, and to the workers; a successor that cannot serve must not take over.
    await link.start(balancer);
    const missing = await balancer.untilUsable(warmUpMs);
    if (replace && missing !== "") throw new UserError(`not taking over: ${missing}`, 1);

    // 4. The door; from here on a predecessor only finishes what it has. Its admin port it closes last.
    const hasAdmin = replace && (await listenAdminIfFree(admin, configuration));
    if (!replace) await admin.listen(configuration.admin.listen);
    await balancer.listen(0);
    await balancer.takeOver();
    if (replace && !hasAdmin) await listenAdminAfter(admin, configuration, logger);
    reloadOnHangUp(link);
    successors.allow();
    logger.info("balancer ready", { url: urlOf(configuration.http.listen.host, balancer.port), admin: admin.port, shards: balancer.shardCount });

    // 5. The end: no new configuration, users let go. A successor (SIGQUIT) needs the operators' port at once.
    const signal = await stop;
    replacing = signal === "SIGQUIT";
    successors.refuse();
    logger.info("balancer stopping", { signal });
    if (replacing) await admin.close();
    void balancer.drain();
    await link.stop();
  } finally {
    await balancer.drain();
    if (!replacing) await admin.close();
  }
}

/** SIGUSR2: the same command again, as the successor. One that fails leaves this process serving. */
class Successors {
  private allowed = false;
  private starting: ChildProcess | undefined;

  /** Takes the signal at once: by default it would end a process that is still starting. */
  constructor(private readonly logger: Logger) {
    process.on("SIGUSR2", () => this.start());
  }

  allow(): void {
    this.allowed = true;
  }

  refuse(): void {
    this.allowed = false;
  }

  private start(): void {
    if (!this.allowed || this.starting !== undefined) {
      this.logger.warn("no successor is started", { reason: this.starting === undefined ? "this process is not serving" : "one is starting already", pid: this.starting?.pid });
      return;
    }
    const args = process.argv.slice(1).filter((argument) => argument !== "--replace");
    const child = spawn(process.execPath, [...process.execArgv, ...args, "--replace"], { stdio: "inherit", detached: true });
    this.starting = child;
    child.unref();
    this.logger.info("starting a successor", { pid: child.pid });
    child.once("error", (error) => this.failed(error.message));
    child.once("exit", (code, signal) => this.failed(`it ended with ${signal ?? code ?? "?"}`));
  }

  private failed(reason: string): void {
    this.starting = undefined;
    if (this.allowed) this.logger.error("the successor did not take over; this process goes on", { reason });
  }
}

async function openLink(source: string, logger: Logger): Promise<FileLink> {
  if (source.startsWith("file:")) return FileLink.open({ path: source.slice("file:".length), clock: systemClock, logger });
  throw new UserError(`--link ${source}: expected file:PATH, such as file:lintel.yaml`);
}
