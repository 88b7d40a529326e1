/** What `lintel balancer` and `lintel up` wire alike: a balancer from a configuration, its admin port, its end. */
import { AdminServer } from "../balancer/admin-server.js";
import { Balancer } from "../balancer/balancer.js";
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import type { ManagerLink } from "../manager-link/link.js";
import type { Configuration } from "../snapshot/configuration.js";

export function balancerFrom({ http, limits, shards }: Configuration, logger: Logger): Balancer {
  return new Balancer(
    {
      host: http.listen.host,
      port: http.listen.port,
      shards,
      limits: { ...limits, bodyBytesMax: http.bodyBytesMax },
      corsOrigins: http.cors.origins,
      drainQuietMs: limits.drainQuietMs,
      drainTimeoutMs: limits.drainTimeoutMs,
    },
    systemClock,
    logger,
  );
}

export async function openAdmin(configuration: Configuration, balancer: Balancer, link: ManagerLink): Promise<AdminServer> {
  const admin = new AdminServer(balancer, link, systemClock);
  await admin.listen(configuration.admin.listen);
  return admin;
}

/** SIGHUP reloads the configuration; what came of it is in the log. */
export function reloadOnHangUp(link: ManagerLink): void {
  process.on("SIGHUP", () => void link.reload());
}

/** "http://127.0.0.1:8080", with a name a browser can use when it listens everywhere. */
export function urlOf(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
