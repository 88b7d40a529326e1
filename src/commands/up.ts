/** `lintel up`: everything on this machine. */
import type { Command } from "commander";
import { UserError } from "../base/errors.js";
import { createLogger } from "../base/logger.js";
import { type Configuration } from "../snapshot/configuration.js";
import { formatAddress, parseAddress } from "../snapshot/address.js";
import { StandaloneLink } from "../standalone/standalone-link.js";
import { adminFor, balancerFrom, reloadOnHangUp, urlOf } from "./balancer-parts.js";
import { ServiceManager } from "./service-manager.js";
import { untilToldToStop } from "./stop-signal.js";

interface Flags {
  readonly config?: string;
  readonly listen?: string;
  readonly admin?: string;
  readonly shards?: string;
}

/** The workers listen already when users are let in; a shard only needs to connect. */
const warmUpMs = 5_000;

export function define(command: Command): void {
  command
    .option("--config <file>", "what to run; without it every built-in linter")
    .option("--listen <host:port>", "where users connect (default 127.0.0.1:8080)")
    .option("--admin <host:port>", "where status and metrics are served (default 127.0.0.1:9901)")
    .option("--shards <number>", "threads that serve users (default one per core)")
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const logger = createLogger();
  const service = ServiceManager.connect(logger);
  const stop = untilToldToStop();

  // 1. The configuration first: nothing is started for a file that is wrong.
  const link = await StandaloneLink.open(flags.config, logger);
  const configuration = withFlags(link.configuration, flags);

  // 2. The ports, still closed to users: one that is in use is found before any worker starts.
  const balancer = balancerFrom(configuration, logger);
  await balancer.start();
  try {
    const admin = adminFor(balancer, link);
    await admin.listen(configuration.admin.listen);

    // 3. The workers, then the door.
    const started = await Promise.race([link.start(balancer), stop]);
    if (started === undefined) {
      await balancer.listen(warmUpMs);
      reloadOnHangUp(link, service);
      service.startWatchdog(() => balancer.isWell());
      await service.tell("READY=1");
      process.stdout.write(welcome(configuration, balancer.port, admin.port, balancer.shardCount));
      await stop;
    }

    // 4. The end: no new configuration, users let go, then the operators' port.
    process.stdout.write("lintel: stopping …\n");
    void service.tell("STOPPING=1");
    await link.stop();
    await balancer.drain();
    await admin.close();
  } finally {
    // 5. Whatever happened, no process is left behind and the shards let go of their handles.
    await link.stopWorkers();
    await balancer.drain();
  }
  process.stdout.write("lintel: stopped\n");
}

function withFlags(configuration: Configuration, { listen, admin, shards }: Flags): Configuration {
  return {
    ...configuration,
    ...(listen !== undefined && { http: { ...configuration.http, listen: addressOf(listen, "--listen") } }),
    ...(admin !== undefined && { admin: { listen: addressOf(admin, "--admin") } }),
    ...(shards !== undefined && { shards: shardsOf(shards) }),
  };
}

function addressOf(text: string, flag: string): { host: string; port: number } {
  const address = parseAddress(text, { portZero: true });
  if (address === undefined) throw new UserError(`${flag} ${text}: expected an address such as 127.0.0.1:8080`);
  return address;
}

function shardsOf(text: string): number {
  const shards = Number(text);
  if (!Number.isInteger(shards) || shards < 1 || shards > 256) throw new UserError(`--shards ${text}: expected a whole number from 1 to 256`);
  return shards;
}

function welcome({ http, admin, languages }: Configuration, port: number, adminPort: number, shards: number): string {
  const url = urlOf(http.listen.host, port);
  const names = languages.map(({ language, versions }) => `${language} ${versions.map(({ version }) => version).join(" and ")}`);
  const first = languages.some(({ language }) => language === "python") ? "python" : (languages[0]?.language ?? "LANGUAGE");
  return [
    `lintel: ready at ${url} (${shards} shard${shards === 1 ? "" : "s"})`,
    "",
    `  linters   ${names.join(", ")}`,
    `  try       printf 'import os\\n' | curl --data-binary @- ${url}/v1/lint/${first}`,
    `  or        npx lintel lint --url ${url} FILE…`,
    `  status    http://${formatAddress({ host: admin.listen.host, port: adminPort })}/status`,
    "  stop      Ctrl-C",
    "",
  ].join("\n");
}
