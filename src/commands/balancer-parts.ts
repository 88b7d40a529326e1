/** What `lintel balancer` and `lintel up` wire alike: a balancer from a configuration, its admin port, its end. */
import { hostname } from "node:os";
import { AdminServer } from "../balancer/admin-server.js";
import { Balancer, type BalancerOptions } from "../balancer/balancer.js";
import { Dashboard } from "../balancer/dashboard/dashboard.js";
import type { DeskOrReason } from "../balancer/dashboard/producer.js";
import { describeBalancer } from "../balancer/metrics.js";
import { migratesConnections } from "../balancer/port-lock.js";
import { delay, systemClock } from "../base/clock.js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { PeerCertificates } from "../base/peer-certificates.js";
import type { ManagerLink } from "../manager-link/link.js";
import { Exposition } from "../metrics/exposition.js";
import { describeProcess } from "../metrics/process-metrics.js";
import { formatAddress } from "../snapshot/address.js";
import type { Configuration } from "../snapshot/configuration.js";
import { lintelVersion } from "./program.js";
import type { ServiceManager } from "./service-manager.js";

/** `name` is not given where nobody else asks for it. */
export function balancerFrom({ http, accessLog, limits, shards }: Configuration, logger: Logger, peers: PeerCertificates | undefined, name = `${hostname()} ${http.listen.port}`): Balancer {
  return new Balancer(
    {
      name,
      host: http.listen.host,
      port: http.listen.port,
      shards,
      workerTls: peers,
      asksForKeys: http.apiKeys !== "",
      tls: http.tls.cert !== "",
      limits: { ...limits, bodyBytesMax: http.bodyBytesMax },
      corsOrigins: http.cors.origins,
      rateLimit: { ...http.rateLimit, trustedProxies: http.trustedProxies },
      proxyDoor: proxyDoorOf(http),
      page: http.page,
      accessLog: accessLog.path === "" ? undefined : accessLog,
      drainQuietMs: limits.drainQuietMs,
      drainTimeoutMs: limits.drainTimeoutMs,
    },
    systemClock,
    logger,
  );
}

/** `manager` is where the dashboard's changes are made; `metrics` has what else is in this process. */
export function adminFor(balancer: Balancer, link: ManagerLink, manager: DeskOrReason, logger: Logger, metrics = new Exposition()): AdminServer {
  describeProcess(metrics, lintelVersion(), systemClock);
  describeBalancer(metrics, balancer);
  const dashboard = new Dashboard({ balancer, link: link.name, program: lintelVersion(), manager, clock: systemClock, logger });
  return new AdminServer(balancer, link, metrics, dashboard, systemClock);
}

/** At every start, because when the process is replaced it is too late: the one that leaves has the connections. */
export async function sayWhatReplacingLoses(logger: Logger): Promise<void> {
  if ((await migratesConnections()) !== false) return;
  logger.warn("net.ipv4.tcp_migrate_req is 0: when this balancer is replaced, connections that wait in its queue are reset (4 to 17 in ten replacements under load); set it to 1, as systemd/60-lintel.conf does");
}

/** How long a predecessor may take to close its admin port before the log says that it does not. */
const handOverMs = 5_000;
const askAgainMs = 20;

/**
 * For a successor, before it takes over: whether it has its admin port already, because the predecessor has another one. Throws
 * when it could never have it.
 */
export async function listenAdminIfFree(admin: AdminServer, { admin: { listen } }: Configuration): Promise<boolean> {
  const failure = await admin.tryListen(listen);
  if (failure === undefined) return true;
  if (codeOf(failure) === "EADDRINUSE") return false;
  throw new UserError(`cannot listen on the admin address ${formatAddress(listen)}: ${messageOf(failure)}`);
}

/**
 * For a successor that has taken over: the predecessor closes its admin port a moment after its lock. Whoever else has it,
 * users are served: it goes on trying in the background.
 */
export async function listenAdminAfter(admin: AdminServer, { admin: { listen } }: Configuration, logger: Logger): Promise<void> {
  const endMs = systemClock.nowMs() + handOverMs;
  while (systemClock.nowMs() < endMs) {
    if ((await admin.tryListen(listen)) === undefined) return;
    await delay(askAgainMs);
  }
  logger.error("the admin port is in use by another program; trying again until it is free", { address: formatAddress(listen) });
  const again = systemClock.every(handOverMs, () => {
    void admin.tryListen(listen).then((failure) => {
      if (failure === undefined) systemClock.clear(again);
    });
  });
}

/** SIGHUP reloads the configuration; what came of it is in the log, and in the service's status. */
export function reloadOnHangUp(link: ManagerLink, service: ServiceManager): void {
  process.on("SIGHUP", () => void reload(link, service));
}

async function reload(link: ManagerLink, service: ServiceManager): Promise<void> {
  await service.tell("RELOADING=1", "STATUS=reading the configuration again");
  const outcome = await link.reload();
  const status = outcome.kind === "refused" ? `the configuration was refused; the one before it goes on serving (${outcome.problems.length} problems, see the log)` : `serving revision ${outcome.revision}`;
  await service.tell("READY=1", `STATUS=${status}`);
}

function proxyDoorOf({ proxyProtocol: { listen, from } }: Configuration["http"]): BalancerOptions["proxyDoor"] {
  return listen && { listen, from };
}

/** "http://127.0.0.1:8080", with a name a browser can use when it listens everywhere. */
export function urlOf({ listen: { host }, tls }: Configuration["http"], port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `${tls.cert === "" ? "http" : "https"}://${name}:${port}`;
}
