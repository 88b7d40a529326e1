/**
 * A manager in a process of its own, without a platform: `node manager-process-entry.js '{"storePath": …}'`. Prints its port
 * when it listens; a refusal ends it with exit code 2.
 */
import { systemClock } from "../../src/base/clock.js";
import { UserError } from "../../src/base/errors.js";
import { createLogger } from "../../src/base/logger.js";
import { AdminService } from "../../src/manager/admin-service.js";
import { FileAuditLog } from "../../src/manager/audit-log.js";
import { defaultFleetOptions, Fleet } from "../../src/manager/fleet.js";
import { Manager } from "../../src/manager/manager.js";
import { ManagerServer } from "../../src/manager/manager-server.js";
import { Registrations, defaultRegistrationOptions } from "../../src/manager/registrations.js";
import { FileStore } from "../../src/manager/store/file-store.js";
import { serverSecurity, type ServerSecurityOptions } from "../../src/rpc/server-security.js";
import { serviceDefinition } from "../../src/rpc/service-definition.js";

export interface ManagerProcessOptions {
  readonly storePath: string;
  readonly auditPath: string;
  readonly shared: boolean;
  readonly host: string;
  readonly security: ServerSecurityOptions;
}

async function run({ storePath, auditPath, shared, host, security: files }: ManagerProcessOptions): Promise<void> {
  const [clock, logger] = [systemClock, createLogger()];
  const security = await serverSecurity(files, clock, logger);
  const store = await FileStore.open({ path: storePath, shared, clock, logger });
  const registrations = new Registrations(defaultRegistrationOptions, clock);
  const audit = await FileAuditLog.open(auditPath);
  const manager = await Manager.open({ store, audit, platform: { refusalOf: () => Promise.resolve("") }, workers: () => registrations.workers(), clock, logger });
  const fleet = new Fleet({ ...defaultFleetOptions, rejoinMs: 0 }, clock);
  const { gate } = security;
  const admin = new AdminService({ manager, fleet, workers: [registrations], gate, clock, names: { manager: "a test", store: store.name, platform: "none" } });
  const server = new ManagerServer(security, clock);
  server.add(serviceDefinition("admin.proto", "Admin"), admin.implementation, AdminService.permissions);
  await server.listen({ host, port: 0 });
  process.once("SIGTERM", () => void server.close().then(() => manager.close()));
  process.stdout.write(`${server.port}\n`);
}

run(JSON.parse(process.argv[2] ?? "{}") as ManagerProcessOptions).catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof UserError ? thrown.message : String(thrown)}\n`);
  process.exit(thrown instanceof UserError ? thrown.exitCode : 1);
});
