/** The admin service of a real manager in this process, on a port of its own, with a fleet that is as its test says. */
import type { Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { AdminService, type WorkerSource } from "../../src/manager/admin-service.js";
import type { WorkerSeen } from "../../src/manager/admin-status.js";
import type { BalancerState, BarrierState, FleetView, VersionWaiting } from "../../src/manager/fleet-view.js";
import type { Manager } from "../../src/manager/manager.js";
import { ManagerServer } from "../../src/manager/manager-server.js";
import { serverSecurity, type ServerSecurityOptions } from "../../src/rpc/server-security.js";
import { serviceDefinition } from "../../src/rpc/service-definition.js";
import { managerFolder, type ManagerFolder } from "./manager-in-process.js";
import { recordingLogger } from "./recording-logger.js";

export class SaidFleet implements FleetView {
  acked = 0;
  waitingNow: VersionWaiting[] = [];
  private readonly listeners: (() => void)[] = [];

  barrier(revision: number): BarrierState {
    const open = this.acked >= revision;
    return { revision, open, laggards: open ? [] : [{ balancer: "b1", shardRevisions: [this.acked, this.acked], reason: "the change is on its way" }] };
  }

  balancers(): BalancerState[] {
    return [{ balancer: "b1", instance: "i1", connected: true, stale: false, acked: this.acked, ackedUnixMs: 5, shards: [this.acked, this.acked], ready: true, reason: "", program: "0.1.0" }];
  }

  waiting(): VersionWaiting[] {
    return this.waitingNow;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  becomes(acked: number): void {
    this.acked = acked;
    for (const listener of this.listeners) listener();
  }
}

export interface AdminServerGiven {
  readonly host?: string;
  readonly security?: ServerSecurityOptions;
  readonly workers?: readonly WorkerSeen[];
}

export interface AdminServer extends ManagerFolder {
  readonly manager: Manager;
  readonly fleet: SaidFleet;
  /** As this machine reaches it. */
  readonly address: string;
  /** As a manager that is told to stop; calls that are open are cut. */
  readonly stop: () => Promise<void>;
}

export async function startAdminServer(t: Test, { host = "127.0.0.1", security: files = {}, workers = [] }: AdminServerGiven): Promise<AdminServer> {
  const security = await serverSecurity(files, systemClock, recordingLogger().logger);
  const server = new ManagerServer(security, systemClock);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= server.close());
  t.teardown(stop);
  const folder = managerFolder(t);
  const source: WorkerSource = { workers: () => workers, onChange: () => undefined };
  const manager = await folder.open({ workers: () => workers });
  const fleet = new SaidFleet();
  const names = { manager: "a test", store: `file:${folder.storePath}`, platform: "none" };
  const admin = new AdminService({ manager, fleet, workers: [source], gate: security.gate, names, clock: systemClock });
  server.add(serviceDefinition("admin.proto", "Admin"), admin.implementation, AdminService.permissions);
  await server.listen({ host, port: 0 });
  return { ...folder, manager, fleet, address: `127.0.0.1:${server.port}`, stop };
}
