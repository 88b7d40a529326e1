/**
 * What `lintel manager` stands on: a store, what runs workers, and other managers where there are any; the files of this machine here,
 * a cluster in manager-kubernetes.ts, which is loaded when it is asked for. Must not know who connects to a manager.
 */
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { PeerFolder } from "../base/peer-certificates.js";
import { FleetFiles, fleetFilesSharing } from "../manager/fleet-files.js";
import type { FleetView } from "../manager/fleet-view.js";
import { defaultLocalPlatformOptions, LocalPlatform } from "../manager/platform/local-platform.js";
import { NoPlatform } from "../manager/platform/no-platform.js";
import type { Platform } from "../manager/platform/platform.js";
import { SharedFleet } from "../manager/shared-fleet.js";
import { FileStore } from "../manager/store/file-store.js";
import type { Store } from "../manager/store/store.js";
import { type KubernetesManagerFlags, refuseKubernetesFlags } from "./kubernetes-flags.js";
import { lintelVersion } from "./program.js";

export interface GroundFlags extends KubernetesManagerFlags {
  readonly store?: string;
  readonly platform: "local" | "none" | "kubernetes";
  readonly sharedStore: boolean;
  readonly keepWorkers: boolean;
}

export interface ManagerGround {
  readonly store: Store;
  readonly platform: Platform;
  /** Where the audit log is when nobody says: a file, or "-" for the standard output. */
  readonly auditLog: string;
  /** Of this manager's balancers the view of all managers. */
  share(own: FleetView): FleetView;
  /** Resolves when the workers there are have been seen. */
  start(): Promise<void>;
  /** Why this manager cannot know what is newest; "" while it can. */
  cutOff(): string;
  /** After the store and the platform, which whoever uses them closes. */
  close(): Promise<void>;
}

/** Throws a UserError that says what to do. */
export async function openGround(flags: GroundFlags, peers: PeerFolder | undefined, logger: Logger): Promise<ManagerGround> {
  if (flags.platform !== "kubernetes") return filesGround(flags, peers, logger);
  for (const flag of ["sharedStore", "keepWorkers"] as const) {
    if (flags[flag]) throw new UserError(`--${flag === "sharedStore" ? "shared-store" : "keep-workers"} is not for --platform kubernetes: there every manager shares the store, and workers stay; leave it out`);
  }
  if (peers !== undefined) throw new UserError("--mutual-tls is not for --platform kubernetes: the pods that this manager makes have no certificates; give --tls-cert, --tls-key and --tokens-file");
  const { kubernetesGround } = await import("./manager-kubernetes.js");
  return kubernetesGround(flags, logger);
}

async function filesGround(flags: GroundFlags, peers: PeerFolder | undefined, logger: Logger): Promise<ManagerGround> {
  refuseKubernetesFlags(flags, "--platform kubernetes");
  const path = storePath(flags);
  const store = await FileStore.open({ path, shared: flags.sharedStore, clock: systemClock, logger });
  const others = flags.sharedStore ? otherManagers(store, logger) : undefined;
  return {
    store,
    platform: platformFor(flags, path, peers, logger),
    auditLog: join(dirname(path), "audit.jsonl"),
    share: (own) => (others === undefined ? own : new SharedFleet(own, others, fleetFilesSharing, systemClock)),
    start: async () => others?.start(),
    cutOff: () => "",
    close: async () => others?.close(),
  };
}

/** Another name for every process: a manager that is started again is not the one that knew those balancers. */
function otherManagers({ path }: FileStore, logger: Logger): FleetFiles {
  return new FleetFiles({ directory: `${path}.fleet`, manager: `${process.pid}-${randomUUID().slice(0, 8)}`, clock: systemClock, logger });
}

function storePath({ store, sharedStore, platform }: GroundFlags): string {
  if (store === undefined) throw new UserError("--store is not given: where is the configuration kept? Expected file:PATH, such as --store file:/var/lib/lintel/manager.json");
  if (!store.startsWith("file:") || store === "file:") throw new UserError(`--store ${store}: expected file:PATH, such as file:/var/lib/lintel/manager.json`);
  if (sharedStore && platform !== "none") throw new UserError("--shared-store: managers of one store do not see each other's processes, so none of them may run workers; add --platform none");
  return store.slice("file:".length);
}

/** Balancers go on while a manager is away, so its workers do, too; told to stop, it ends them as users would want: after what they have. */
function platformFor({ platform, keepWorkers }: GroundFlags, store: string, peers: PeerFolder | undefined, logger: Logger): Platform {
  if (platform === "none") return new NoPlatform();
  const { worker } = defaultLocalPlatformOptions;
  const options = { program: lintelVersion(), worker, stateFile: `${store}.workers`, outlive: true, leaveOnClose: keepWorkers, closeTimeoutMs: worker.leaveTimeoutMs, peers };
  return new LocalPlatform(options, systemClock, logger);
}
