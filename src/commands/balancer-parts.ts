/** What `lintel balancer` and `lintel up` wire alike: a balancer from a configuration, its admin port, its end. */
import { AdminServer } from "../balancer/admin-server.js";
import { Balancer } from "../balancer/balancer.js";
import { delay, systemClock } from "../base/clock.js";
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

export function adminFor(balancer: Balancer, link: ManagerLink): AdminServer {
  return new AdminServer(balancer, link, systemClock);
}

/** A predecessor closes its admin port a moment after its lock: `patient` waits for that. */
export async function listenAdmin(admin: AdminServer, { admin: { listen } }: Configuration, patient = false): Promise<void> {
  const endMs = systemClock.nowMs() + (patient ? handOverMs : 0);
  let failure: unknown;
  do {
    try {
      await admin.listen(listen);
      return;
    } catch (error) {
      failure = error;
      await delay(20);
    }
  } while (systemClock.nowMs() < endMs);
  throw failure;
}

/** How long a predecessor may take to close its admin port. */
const handOverMs = 5_000;

/** SIGHUP reloads the configuration; what came of it is in the log. */
export function reloadOnHangUp(link: ManagerLink): void {
  process.on("SIGHUP", () => void link.reload());
}

/** "http://127.0.0.1:8080", with a name a browser can use when it listens everywhere. */
export function urlOf(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
