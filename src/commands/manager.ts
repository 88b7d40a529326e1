/** `lintel manager`: the control plane alone, for balancers and workers of this and other machines. */
import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { createLogger, type Logger } from "../base/logger.js";
import type { PeerFolder } from "../base/peer-certificates.js";
import { type AuditLog, FileAuditLog, StreamAuditLog } from "../manager/audit-log.js";
import { serverSecurity, type ServerSecurity } from "../rpc/server-security.js";
import { formatAddress } from "../snapshot/address.js";
import { defaultManager } from "./admin-connection.js";
import { withKubernetesManagerFlags } from "./kubernetes-flags.js";
import { type GroundFlags, openGround } from "./manager-ground.js";
import { controlPlaneFrom, metricsFor, serverFor } from "./manager-parts.js";
import { type MetricsFlags, MetricsPort, withMetricsFlags } from "./metrics-port.js";
import { type MutualTlsFlags, mutualTlsOf, withMutualTlsFlag } from "./mutual-tls.js";
import { ServiceManager } from "./service-manager.js";
import { addressOf } from "./setting-flags.js";
import { untilToldToStop } from "./stop-signal.js";

interface Flags extends GroundFlags, MetricsFlags, MutualTlsFlags {
  readonly listen: string;
  readonly auditLog?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly tokensFile?: string;
}

export function define(command: Command): void {
  command
    .option("--store <place>", "where the configuration is kept: file:PATH, or configmap:NAME with Kubernetes (default: configmap:lintel-configuration)")
    .addOption(new Option("--platform <name>", "what runs workers: processes of this machine, pods of a cluster, or nothing").choices(["local", "kubernetes", "none"]).default("local"))
    .option("--listen <host:port>", "where administrators, balancers and workers connect", defaultManager)
    .option("--shared-store", "other managers use the same store; needs --platform none", false)
    .option("--keep-workers", "leave the workers running when this manager is told to stop; the next one takes them over", false)
    .option("--audit-log <file>", "who changed what: a file, or - for the standard output (default: audit.jsonl beside the store; - with Kubernetes)")
    .option("--tls-cert <file>", "the certificate of this manager (PEM)")
    .option("--tls-key <file>", "its key")
    .option("--client-ca <file>", "callers must show a certificate of this authority")
    .option("--tokens-file <file>", "who may do what: lines of ROLE NAME SECRET");
  withKubernetesManagerFlags(withMetricsFlags(withMutualTlsFlag(command))).action(run);
}

async function run(flags: Flags): Promise<void> {
  const logger = createLogger();
  const service = ServiceManager.connect(logger);
  const stop = untilToldToStop();

  if (flags.check === true) {
    process.exitCode = await check(flags);
    return;
  }
  // 1. What is typed, and who may call: nothing is opened for a mistake.
  const address = addressOf(flags.listen, "--listen");
  const metrics = await MetricsPort.from(flags);
  const peers = mutualTlsOf(flags);
  const security = await securityOf(flags, peers, logger);

  // 2. The store, before any port: a manager that comes back serves the newest revision before anything else.
  const ground = await openGround(flags, peers, logger);
  const { store, platform } = ground;
  const audit = await auditLog(flags.auditLog ?? ground.auditLog);
  const plane = await controlPlaneFrom({ store, platform, audit, share: (own) => ground.share(own), logger });

  // 3. The port, so that one in use is found before any worker starts, and administrators need not wait for workers.
  const server = serverFor(plane, { security, store: store.name, cutOff: () => ground.cutOff(), logger });
  try {
    await server.listen(address, "--listen");
    await metrics.open(metricsFor(plane));

    // 4. The workers: what an earlier manager left is taken over here. Then the snapshots: the publisher gives those that start a
    //    moment, and does not keep balancers waiting for one that cannot.
    plane.running.start();
    const told = await Promise.race([ground.start(), stop]);
    if (told === undefined) {
      const place = formatAddress({ host: address.host, port: server.port });
      plane.publisher.start();
      await service.tell("READY=1", `STATUS=at ${place} since revision ${plane.manager.current.revision}`);
      service.startWatchdog(() => Promise.resolve(true));
      logger.info("manager ready", { address: place, ...(metrics.port !== undefined && { metrics: metrics.port }), store: store.name, platform: platform.name, revision: plane.manager.current.revision });
    }
    logger.info("manager stopping", { signal: await stop });
    void service.tell("STOPPING=1");
  } finally {
    // 5. The end. The port first: balancers go on with what they have, and must not be told that their workers are gone.
    await server.close();
    await metrics.close();
    await platform.close();
    await plane.manager.close();
    await ground.close();
  }
}

async function check(flags: Flags): Promise<number> {
  if (flags.platform !== "kubernetes") throw new UserError("--check looks at a cluster; add --platform kubernetes");
  const { checkKubernetes } = await import("./manager-kubernetes.js");
  return checkKubernetes(flags, (line) => process.stdout.write(`${line}\n`));
}

async function auditLog(place: string): Promise<AuditLog> {
  return place === "-" ? new StreamAuditLog("the standard output", process.stdout) : FileAuditLog.open(place);
}

function securityOf({ tlsCert, tlsKey, clientCa, tokensFile }: Flags, peers: PeerFolder | undefined, logger: Logger): Promise<ServerSecurity> {
  const options = {
    ...(peers !== undefined && { peers }),
    ...(tlsCert !== undefined && { certificateFile: tlsCert }),
    ...(tlsKey !== undefined && { keyFile: tlsKey }),
    ...(clientCa !== undefined && { clientCaFile: clientCa }),
    ...(tokensFile !== undefined && { tokensFile }),
  };
  return serverSecurity(options, systemClock, logger);
}
