/** `lintel up`: everything on this machine: a manager, its workers, and a balancer. */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { systemClock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import { createLogger, type Logger } from "../base/logger.js";
import type { PeerFolder } from "../base/peer-certificates.js";
import { FileAuditLog, noAuditLog } from "../manager/audit-log.js";
import { BarrierWaits, defaultBarrierWaitOptions } from "../manager/barrier-waits.js";
import type { BarrierState } from "../manager/fleet-view.js";
import { describeManager } from "../manager/metrics.js";
import { defaultLocalPlatformOptions, LocalPlatform } from "../manager/platform/local-platform.js";
import { untilListening } from "../manager/platform/until-listening.js";
import { FileStore } from "../manager/store/file-store.js";
import { MemoryStore } from "../manager/store/memory-store.js";
import type { Store } from "../manager/store/store.js";
import { Exposition } from "../metrics/exposition.js";
import { clientSecurity } from "../rpc/client-security.js";
import { peerChannelCredentials } from "../rpc/mutual-tls.js";
import { serverSecurity } from "../rpc/server-security.js";
import { type Address, formatAddress, isLoopback } from "../snapshot/address.js";
import type { Configuration } from "../snapshot/configuration.js";
import { ConfiguredChanges } from "../standalone/configured-changes.js";
import { defaultEmbeddedLinkOptions, EmbeddedLink } from "../standalone/embedded-link.js";
import { defaultManager } from "./admin-connection.js";
import { adminFor, balancerFrom, reloadOnHangUp, urlOf } from "./balancer-parts.js";
import { AdminServiceDesk, deskTimeoutMs } from "./manager-desk.js";
import { type ControlPlane, controlPlaneFrom, serverFor } from "./manager-parts.js";
import { lintelVersion } from "./program.js";
import { type MutualTlsFlags, mutualTlsOf, withMutualTlsFlag } from "./mutual-tls.js";
import { PortFiles } from "./port-files.js";
import { ServiceManager } from "./service-manager.js";
import { addressOf, type SettingFlags, withSettingFlags, withSettings } from "./setting-flags.js";
import { untilToldToStop } from "./stop-signal.js";

interface Flags extends SettingFlags, MutualTlsFlags {
  readonly config?: string;
  readonly state?: string;
  readonly manager: string;
  readonly tokensFile?: string;
}

/** The workers listen already when users are let in; a shard only needs to connect. */
const warmUpMs = 5_000;
/** The slowest built-in linter listens after about 2 s on two busy cores. What is later joins when it comes. */
const startTimeoutMs = 30_000;
/** A reload returns when its workers serve, or after as long as a start may take. */
const reloadTimeoutMs = 40_000;

export function define(command: Command): void {
  command
    .option("--config <file>", "what to run; without it every built-in linter")
    .option("--state <dir>", "where to keep what administrators change; without it a restart forgets it");
  withSettingFlags(withMutualTlsFlag(command))
    .option("--manager <host:port>", "where `lintel admin` connects", defaultManager)
    .option("--tokens-file <file>", "who may change what: lines of ROLE NAME SECRET; without it everybody on this machine may")
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const logger = createLogger();
  const service = ServiceManager.connect(logger);
  const stop = untilToldToStop();
  let signal: NodeJS.Signals | undefined;
  void stop.then((told) => (signal = told));
  const stopping = (): boolean => signal !== undefined;

  // 1. The configuration first: nothing is started for a file that is wrong.
  const { path, store, changes } = await configured(flags, logger);
  const configuration = withSettings(changes.configuration, flags);
  const files = await PortFiles.open(configuration, logger);
  const managerAddress = managerAddressOf(flags.manager);
  const peers = mutualTlsOf(flags);
  const security = await serverSecurity({ ...(flags.tokensFile !== undefined && { tokensFile: flags.tokensFile }), ...(peers !== undefined && { peers }) }, systemClock, logger);

  // 2. The ports, still closed to users: one that is in use is found before any worker starts.
  const balancer = balancerFrom(configuration, logger, peers);
  await balancer.start();
  const platform = platformFor(configuration, path, peers, logger);
  const open: { close(): Promise<void> }[] = [];
  try {
    const audit = path === undefined ? noAuditLog : await FileAuditLog.open(join(path, "audit.jsonl"));
    const plane = await controlPlaneFrom({ store, platform, audit, rejoinMs: 0, logger });
    const link = files.reloadedWith(linkFor(plane, changes, logger));
    const metrics = new Exposition();
    files.describe(metrics);
    describeManager(metrics, { configuration: plane.manager, fleet: plane.fleet, platform, registrations: plane.registrations });
    const server = serverFor(plane, { security, store: store.name, logger });
    const admin = adminFor(balancer, link, { desk: deskFor(() => formatAddress({ host: managerAddress.host, port: server.port }), peers) }, logger, metrics);
    await admin.listen(configuration.admin.listen);
    open.push(admin);
    await files.start(balancer);
    await server.listen(managerAddress, "--manager");
    open.push(server, plane.manager);

    // 3. The configuration becomes the manager's, its workers run, then the door.
    await changes.start(plane.manager);
    plane.running.start();
    await untilListening(platform, startTimeoutMs, stopping, systemClock, logger);
    plane.publisher.start();
    if (!stopping() && (await Promise.race([link.start(balancer), stop])) === undefined) {
      const waits = new BarrierWaits(plane.fleet, defaultBarrierWaitOptions, systemClock);
      changes.whenActive((revision) => whyNotActive(waits, revision));
      await balancer.listen(warmUpMs);
      reloadOnHangUp(link, service);
      service.startWatchdog(() => balancer.isWell());
      await service.tell("READY=1");
      process.stdout.write(welcome(configuration, { http: balancer.port, admin: admin.port, manager: server.port, managerHost: managerAddress.host }, balancer.shardCount));
      await stop;
    }

    // 4. The end: no new configuration, users let go, then the operators' ports.
    process.stdout.write("lintel: stopping …\n");
    void service.tell("STOPPING=1");
    platform.freeze();
    await changes.stop();
    await link.stop();
    await balancer.drain();
  } finally {
    // 5. Whatever happened, nothing stays open, no process is left behind, and the shards let go of their handles.
    await files.stop();
    await Promise.all(open.map((one) => one.close()));
    await platform.close();
    await balancer.drain();
  }
  process.stdout.write("lintel: stopped\n");
}

/** What is to be run, and where it is kept. */
async function configured({ config, state }: Flags, logger: Logger): Promise<{ readonly path: string | undefined; readonly store: Store; readonly changes: ConfiguredChanges }> {
  const changes = await ConfiguredChanges.open({ path: config, appliedPath: state === undefined ? undefined : join(state, "applied-configuration") }, logger);
  if (state === undefined) return { path: undefined, store: new MemoryStore(), changes };
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw new UserError(`--state ${state}: this cannot be a directory to keep anything in: ${messageOf(thrown)}`);
  }
  return { path: state, store: await FileStore.open({ path: join(state, "manager.json"), shared: false, clock: systemClock, logger }), changes };
}

/** Workers end with this program: without it there is nobody to ask them anything. The list is for those that hang. */
function platformFor({ http }: Configuration, state: string | undefined, peers: PeerFolder | undefined, logger: Logger): LocalPlatform {
  const options = { ...defaultLocalPlatformOptions, program: lintelVersion(), sourceBytesMax: http.bodyBytesMax, peers };
  return new LocalPlatform(state === undefined ? options : { ...options, stateFile: join(state, "workers.json") }, systemClock, logger);
}

function linkFor({ manager, publisher, fleet }: ControlPlane, changes: ConfiguredChanges, logger: Logger): EmbeddedLink {
  const options = { ...defaultEmbeddedLinkOptions, name: changes.name, balancer: "up", instance: randomUUID().slice(0, 8), program: lintelVersion() };
  return new EmbeddedLink(options, publisher, fleet, (request) => changes.reload(manager, request), systemClock, logger);
}

/** The manager in this process, asked as if it were elsewhere: what the dashboard changes goes through the same gate. */
function deskFor(address: () => string, peers: PeerFolder | undefined): AdminServiceDesk {
  const credentials = peers === undefined ? clientSecurity({ tls: false }).credentials : peerChannelCredentials(peers, { anyName: true });
  return new AdminServiceDesk({ name: "manager of `lintel up`", managers: () => [address()], service: { credentials, timeoutMs: deskTimeoutMs, clock: systemClock }, isPrivate: true });
}

/** "" when it is active, else who lags and why. */
async function whyNotActive(waits: BarrierWaits, revision: number): Promise<string> {
  const { laggards } = await new Promise<BarrierState>((resolve) => void waits.wait(revision, reloadTimeoutMs, resolve));
  return laggards.map(({ balancer, reason }) => `${balancer}: ${reason}`).join("; ");
}

/** It runs programs for whoever asks, and asks nobody for proof. */
function managerAddressOf(text: string): Address {
  const address = addressOf(text, "--manager");
  if (!isLoopback(address.host)) throw new UserError(`--manager ${text}: the manager of \`lintel up\` only listens on loopback (127.0.0.1, ::1 or localhost); for more, run \`lintel manager\` with TLS and tokens`);
  return address;
}

function welcome({ http, admin, languages }: Configuration, ports: Readonly<Record<"http" | "admin" | "manager", number>> & { readonly managerHost: string }, shards: number): string {
  const url = urlOf(http, ports.http);
  const names = languages.map(({ language, versions }) => `${language} ${versions.map(({ version }) => version).join(" and ")}`);
  const first = languages.some(({ language }) => language === "python") ? "python" : (languages[0]?.language ?? "LANGUAGE");
  const manager = formatAddress({ host: ports.managerHost, port: ports.manager });
  return [
    `lintel: ready at ${url} (${shards} shard${shards === 1 ? "" : "s"})`,
    "",
    `  linters   ${names.join(", ")}`,
    `  try       printf 'import os\\n' | curl --data-binary @- ${url}/v1/lint/${first}`,
    `  or        npx lintel lint --url ${url} FILE…`,
    `  dashboard http://${formatAddress({ host: admin.listen.host, port: ports.admin })}/`,
    `  status    http://${formatAddress({ host: admin.listen.host, port: ports.admin })}/status`,
    `  admin     npx lintel admin status${manager === defaultManager ? "" : ` --manager ${manager}`}`,
    "  stop      Ctrl-C",
    "",
  ].join("\n");
}
