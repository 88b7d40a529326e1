/** `lintel balancer`: the data plane alone, for workers that run elsewhere. */
import type { Command } from "commander";
import { UserError } from "../base/errors.js";
import { createLogger } from "../base/logger.js";
import { Exposition } from "../metrics/exposition.js";
import { openLink, type LinkFlags } from "./balancer-link.js";
import { adminFor, balancerFrom, listenAdminAfter, listenAdminIfFree, reloadOnHangUp, sayWhatReplacingLoses, urlOf } from "./balancer-parts.js";
import { type MetricsFlags, MetricsPort, withMetricsFlags } from "./metrics-port.js";
import { PortFiles } from "./port-files.js";
import { withKubernetesFlags } from "./kubernetes-flags.js";
import { withManagerAccess } from "./manager-access.js";
import { mutualTlsOf } from "./mutual-tls.js";
import { ServiceManager } from "./service-manager.js";
import { withSettingFlags } from "./setting-flags.js";
import { untilToldToStop } from "./stop-signal.js";
import { Successors } from "./successor.js";

/** How long to wait for the first workers before users are let in without them. */
const warmUpMs = 5_000;

interface Flags extends LinkFlags, MetricsFlags {
  readonly replace: boolean;
}

export function define(command: Command): void {
  command
    .requiredOption("--link <source>", "where the configuration comes from: file:PATH, manager:HOST:PORT[,HOST:PORT…] or kubernetes[:CONFIGMAP]")
    .option("--replace", "take over from the balancer that has the port, without losing a connection", false)
    .option("--config <file>", "with a manager or in a cluster: settings of this balancer, a configuration file without languages")
    .option("--name <name>", "with a manager or in a cluster: what this balancer is called there (default: the machine's name)")
    .option("--state <folder>", "with a manager or in a cluster: where to keep the last good snapshot (default: $STATE_DIRECTORY)");
  withKubernetesFlags(withManagerAccess(withMetricsFlags(withSettingFlags(command)))).action(run);
}

async function run(flags: Flags): Promise<void> {
  const { replace } = flags;
  const logger = createLogger();
  const service = ServiceManager.connect(logger);
  const successors = new Successors(logger);
  const stop = untilToldToStop(["SIGINT", "SIGTERM", "SIGQUIT"]);

  // 1. The configuration first: nothing is opened for a file that is wrong.
  const scraped = await MetricsPort.from(flags);
  const { link: source, settings, name, manager } = await openLink(flags, logger);
  const files = await PortFiles.open(settings, logger);
  const link = files.reloadedWith(source);

  // 2. The threads and the port, still closed to users: a port in use is found before anything else happens.
  const balancer = balancerFrom(settings, logger, mutualTlsOf(flags), name);
  await balancer.start(replace);
  await sayWhatReplacingLoses(logger);
  const metrics = new Exposition();
  files.describe(metrics);
  const admin = adminFor(balancer, link, manager, logger, metrics);
  let replacing = false;
  try {
    await files.start(balancer);
    // 3. The snapshot to every shard, and to the workers; a successor that cannot serve must not take over. Whoever waits for a
    //    manager can be asked how it is, unless a predecessor still has that port.
    if (!replace) await admin.listen(settings.admin.listen);
    if (!replace) await scraped.open(metrics);
    const told = await Promise.race([link.start(balancer), stop]);
    if (told !== undefined) {
      await link.stop();
      return;
    }
    const missing = await balancer.untilUsable(warmUpMs);
    if (replace && missing !== "") throw new UserError(`not taking over: ${missing}`, 1);

    // 4. The door; from here on a predecessor only finishes what it has. Its admin port it closes last.
    const hasAdmin = replace && (await listenAdminIfFree(admin, settings));
    await balancer.listen(0);
    if (replace) await service.tell(`MAINPID=${process.pid}`);
    await balancer.takeOver();
    if (replace && !hasAdmin) await listenAdminAfter(admin, settings, logger);
    if (replace) await scraped.openWhenFree(metrics, logger);
    reloadOnHangUp(link, service);
    service.startWatchdog(() => balancer.isWell());
    await service.tell("READY=1", `STATUS=serving on port ${balancer.port} with ${balancer.shardCount} shards`);
    successors.allow();
    logger.info("balancer ready", { url: urlOf(settings.http, balancer.port), admin: admin.port, ...(scraped.port !== undefined && { metrics: scraped.port }), shards: balancer.shardCount });

    // 5. The end: no new configuration, users let go. A successor (SIGQUIT) needs the operators' port at once.
    const signal = await stop;
    replacing = signal === "SIGQUIT";
    successors.refuse();
    logger.info("balancer stopping", { signal });
    // After a replacement the service goes on, and its state is the successor's to tell.
    if (!replacing) void service.tell("STOPPING=1", "STATUS=finishing what it has");
    if (replacing) await Promise.all([admin.close(), scraped.close()]);
    void balancer.drain();
    await link.stop();
  } finally {
    await files.stop();
    await balancer.drain();
    if (!replacing) await Promise.all([admin.close(), scraped.close()]);
  }
}
