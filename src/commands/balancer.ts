/** `lintel balancer`: the data plane alone, for workers that run elsewhere. */
import type { Command } from "commander";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { createLogger } from "../base/logger.js";
import { FileLink } from "../manager-link/file-link.js";
import { balancerFrom, openAdmin, reloadOnHangUp, urlOf } from "./balancer-parts.js";
import { untilToldToStop } from "./stop-signal.js";

/** How long to wait for the first workers before users are let in without them. */
const warmUpMs = 5_000;

export function define(command: Command): void {
  command
    .requiredOption("--link <source>", "where the configuration comes from: file:PATH")
    .action(async ({ link }: { link: string }) => run(link));
}

async function run(source: string): Promise<void> {
  const logger = createLogger();
  const stop = untilToldToStop();

  // 1. The configuration first: nothing is opened for a file that is wrong.
  const link = await openLink(source, logger);
  const { configuration } = link;

  // 2. The threads and the ports, still closed to users: a port in use is found before anything else happens.
  const balancer = balancerFrom(configuration, logger);
  await balancer.start();
  const admin = await openAdmin(configuration, balancer, link);

  // 3. The snapshot to every shard, then the door.
  await link.start(balancer);
  await balancer.listen(warmUpMs);
  reloadOnHangUp(link);
  logger.info("balancer ready", { url: urlOf(configuration.http.listen.host, balancer.port), admin: admin.port, shards: balancer.shardCount });

  // 4. The end, in reverse: no new configuration, users let go, then the operators' port.
  const signal = await stop;
  logger.info("balancer stopping", { signal });
  await link.stop();
  await balancer.drain();
  await admin.close();
}

async function openLink(source: string, logger: ReturnType<typeof createLogger>): Promise<FileLink> {
  if (source.startsWith("file:")) return FileLink.open({ path: source.slice("file:".length), clock: systemClock, logger });
  throw new UserError(`--link ${source}: expected file:PATH, such as file:lintel.yaml`);
}
