/** What `lintel manager` and `lintel up` wire alike: a manager on a store and a platform, and what follows from its configuration. */
import { hostname } from "node:os";
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { AdminService } from "../manager/admin-service.js";
import type { AuditLog } from "../manager/audit-log.js";
import { defaultFleetOptions, Fleet } from "../manager/fleet.js";
import type { FleetView } from "../manager/fleet-view.js";
import { defaultLinkServiceOptions, LinkService } from "../manager/link-service.js";
import { linkDefinition } from "../manager/link-wire.js";
import { Manager } from "../manager/manager.js";
import { describeManager } from "../manager/metrics.js";
import { ManagerServer } from "../manager/manager-server.js";
import type { Platform } from "../manager/platform/platform.js";
import { defaultPublisherOptions, Publisher } from "../manager/publisher.js";
import { defaultRegistrationOptions, Registrations } from "../manager/registrations.js";
import { defaultRunningVersionsOptions, RunningVersions } from "../manager/running-versions.js";
import type { Store } from "../manager/store/store.js";
import { Exposition } from "../metrics/exposition.js";
import { describeProcess } from "../metrics/process-metrics.js";
import type { ServerSecurity } from "../rpc/server-security.js";
import { serviceDefinition } from "../rpc/service-definition.js";
import { lintelVersion } from "./program.js";

export interface ControlPlaneParts {
  readonly store: Store;
  readonly platform: Platform;
  readonly audit: AuditLog;
  /** How long after its start a manager waits for balancers to come back before it opens a barrier. */
  readonly rejoinMs?: number;
  /** Makes of this manager's own balancers the view of all managers. */
  readonly share?: (own: FleetView) => FleetView;
  readonly logger: Logger;
}

export interface ControlPlane {
  readonly manager: Manager;
  readonly platform: Platform;
  /** Those that follow this manager. */
  readonly fleet: Fleet;
  /** All there are, as any manager answers for them. */
  readonly balancers: FleetView;
  readonly registrations: Registrations;
  /** To be started once the workers had their chance to listen. */
  readonly publisher: Publisher;
  /** To be started when the configuration is what it should be: from then on workers run. */
  readonly running: RunningVersions;
}

/** Reads the store; nothing runs and nobody is told anything yet. Throws a UserError when the store cannot be read. */
export async function controlPlaneFrom({ store, platform, audit, rejoinMs = defaultFleetOptions.rejoinMs, share = (own) => own, logger }: ControlPlaneParts): Promise<ControlPlane> {
  const clock = systemClock;
  const registrations = new Registrations(defaultRegistrationOptions, clock);
  const fleet = new Fleet({ ...defaultFleetOptions, rejoinMs }, clock);
  const balancers = share(fleet);
  const workers = () => [...platform.workers(), ...registrations.workers()];
  const manager = await Manager.open({ store, platform, audit, workers, clock, logger });
  const publisher = new Publisher(manager, [platform, registrations], defaultPublisherOptions, clock);
  const running = new RunningVersions(manager, platform, balancers, defaultRunningVersionsOptions, clock);
  return { manager, platform, fleet, balancers, registrations, publisher, running };
}

export interface ServerParts {
  readonly security: ServerSecurity;
  /** The store's name, for status. */
  readonly store: string;
  /** Why this manager cannot know what is newest; "" while it can. */
  readonly cutOff?: () => string;
  readonly logger: Logger;
}

/** The port of administrators, balancers and workers, not open yet. */
export function serverFor({ manager, platform, fleet, balancers, registrations, publisher }: ControlPlane, { security, store, cutOff = () => "", logger }: ServerParts): ManagerServer {
  const clock = systemClock;
  const server = new ManagerServer(security, clock);
  const names = { manager: `${hostname()}:${process.pid}`, store, platform: platform.name };
  const admin = new AdminService({ manager, fleet: balancers, workers: [platform, registrations], gate: security.gate, names, clock });
  server.add(serviceDefinition("admin.proto", "Admin"), admin.implementation, AdminService.permissions);
  const link = new LinkService(publisher, fleet, registrations, { ...defaultLinkServiceOptions, cutOff }, clock, logger);
  server.add(linkDefinition, link.implementation, { Follow: "follow", Join: "join" });
  return server;
}

/** What a scraper of a manager gets. */
export function metricsFor({ manager, platform, fleet, registrations }: ControlPlane): Exposition {
  const exposition = new Exposition();
  describeProcess(exposition, lintelVersion(), systemClock);
  describeManager(exposition, { configuration: manager, fleet, platform, registrations });
  return exposition;
}
