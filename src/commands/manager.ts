/** `lintel manager`: the control plane alone, for balancers and workers of this and other machines. */
import { dirname, join } from "node:path";
import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { createLogger, type Logger } from "../base/logger.js";
import { FileAuditLog } from "../manager/audit-log.js";
import { defaultLocalPlatformOptions, LocalPlatform } from "../manager/platform/local-platform.js";
import { NoPlatform } from "../manager/platform/no-platform.js";
import type { Platform } from "../manager/platform/platform.js";
import { FileStore } from "../manager/store/file-store.js";
import { serverSecurity, type ServerSecurity } from "../rpc/server-security.js";
import { formatAddress } from "../snapshot/address.js";
import { defaultManager } from "./admin-connection.js";
import { controlPlaneFrom, metricsFor, serverFor } from "./manager-parts.js";
import { lintelVersion } from "./program.js";
import { ServiceManager } from "./service-manager.js";
import { addressOf } from "./setting-flags.js";
import { untilToldToStop } from "./stop-signal.js";

interface Flags {
  readonly store: string;
  readonly platform: "local" | "none";
  readonly listen: string;
  readonly metrics?: string;
  readonly sharedStore: boolean;
  readonly keepWorkers: boolean;
  readonly auditLog?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly tokensFile?: string;
}

export function define(command: Command): void {
  command
    .requiredOption("--store <place>", "where the configuration is kept: file:PATH")
    .addOption(new Option("--platform <name>", "what runs workers: processes of this machine, or nothing").choices(["local", "none"]).default("local"))
    .option("--listen <host:port>", "where administrators, balancers and workers connect", defaultManager)
    .option("--metrics <host:port>", "serve metrics there, on loopback (default: nowhere)")
    .option("--shared-store", "other managers use the same store; needs --platform none", false)
    .option("--keep-workers", "leave the workers running when this manager is told to stop; the next one takes them over", false)
    .option("--audit-log <file>", "who changed what (default audit.jsonl beside the store)")
    .option("--tls-cert <file>", "the certificate of this manager (PEM)")
    .option("--tls-key <file>", "its key")
    .option("--client-ca <file>", "callers must show a certificate of this authority")
    .option("--tokens-file <file>", "who may do what: lines of ROLE NAME SECRET")
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const logger = createLogger();
  const service = ServiceManager.connect(logger);
  const stop = untilToldToStop();

  // 1. What is typed, and who may call: nothing is opened for a mistake.
  const path = storePath(flags);
  const address = addressOf(flags.listen, "--listen");
  const metricsAddress = flags.metrics === undefined ? undefined : addressOf(flags.metrics, "--metrics");
  const security = await securityOf(flags, logger);

  // 2. The store, before any port: a manager that comes back serves the newest revision before anything else.
  const store = await FileStore.open({ path, shared: flags.sharedStore, clock: systemClock, logger });
  const audit = await FileAuditLog.open(flags.auditLog ?? join(dirname(path), "audit.jsonl"));
  const platform = platformFor(flags, path, logger);
  const plane = await controlPlaneFrom({ store, platform, audit, logger });

  // 3. The port, so that one in use is found before any worker starts, and administrators need not wait for workers.
  const server = serverFor(plane, { security, store: store.name, logger });
  const metrics = metricsFor(plane);
  try {
    await server.listen(address, "--listen");
    if (metricsAddress !== undefined) await metrics.listen(metricsAddress);

    // 4. The workers: what an earlier manager left is taken over here. Then the snapshots: the publisher gives those that start a
    //    moment, and does not keep balancers waiting for one that cannot.
    plane.running.start();
    plane.publisher.start();
    await service.tell("READY=1");
    service.startWatchdog(() => Promise.resolve(true));
    logger.info("manager ready", { address: formatAddress({ host: address.host, port: server.port }), ...(metricsAddress && { metrics: metrics.port }), store: store.name, platform: platform.name, revision: plane.manager.current.revision });
    logger.info("manager stopping", { signal: await stop });
    void service.tell("STOPPING=1");
  } finally {
    // 5. The end. The port first: balancers go on with what they have, and must not be told that their workers are gone.
    await server.close();
    if (metricsAddress !== undefined) await metrics.close();
    await platform.close();
    await plane.manager.close();
  }
}

function storePath({ store, sharedStore, platform }: Flags): string {
  if (!store.startsWith("file:") || store === "file:") throw new UserError(`--store ${store}: expected file:PATH, such as file:/var/lib/lintel/manager.json`);
  if (sharedStore && platform !== "none") throw new UserError("--shared-store: managers of one store do not see each other's processes, so none of them may run workers; add --platform none");
  return store.slice("file:".length);
}

function securityOf({ tlsCert, tlsKey, clientCa, tokensFile }: Flags, logger: Logger): Promise<ServerSecurity> {
  const options = {
    ...(tlsCert !== undefined && { certificateFile: tlsCert }),
    ...(tlsKey !== undefined && { keyFile: tlsKey }),
    ...(clientCa !== undefined && { clientCaFile: clientCa }),
    ...(tokensFile !== undefined && { tokensFile }),
  };
  return serverSecurity(options, systemClock, logger);
}

/** Balancers go on while a manager is away, so its workers do, too; told to stop, it ends them as users would want: after what they have. */
function platformFor({ platform, keepWorkers }: Flags, store: string, logger: Logger): Platform {
  if (platform === "none") return new NoPlatform();
  const { worker } = defaultLocalPlatformOptions;
  const options = { program: lintelVersion(), worker, stateFile: `${store}.workers`, outlive: true, leaveOnClose: keepWorkers, closeTimeoutMs: worker.leaveTimeoutMs };
  return new LocalPlatform(options, systemClock, logger);
}
