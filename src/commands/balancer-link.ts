/**
 * What `--link` of `lintel balancer` stands for: the link, and the settings the balancer runs with. A file has both; with a manager
 * the settings are this machine's own. Loads only the link that is asked for.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { DeskOrReason } from "../balancer/dashboard/producer.js";
import { systemRandom } from "../base/random.js";
import { FileLink } from "../manager-link/file-link.js";
import type { LastGood } from "../manager-link/last-good.js";
import type { ManagerLink } from "../manager-link/link.js";
import { type Configuration, defaultConfiguration, parseConfiguration } from "../snapshot/configuration.js";
import { renderProblem } from "../snapshot/problem.js";
import { type SettingFlags, withSettings } from "./setting-flags.js";
import { managerAccess, type ManagerAccessFlags } from "./manager-access.js";
import { configMapName, type KubernetesFlags, refuseKubernetesFlags } from "./kubernetes-flags.js";
import { lintelVersion } from "./program.js";

export interface LinkFlags extends SettingFlags, ManagerAccessFlags, KubernetesFlags {
  readonly link: string;
  readonly config?: string;
  readonly name?: string;
  readonly state?: string;
}

export interface OpenedLink {
  readonly link: ManagerLink;
  readonly settings: Configuration;
  /** The balancer's name, where there is one. */
  readonly name?: string;
  /** Where the dashboard's changes are made. */
  readonly manager: DeskOrReason;
}

/** Part of a file's name, and of a line of a table. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Throws a UserError with every problem. */
export async function openLink(flags: LinkFlags, logger: Logger): Promise<OpenedLink> {
  const { link: source } = flags;
  if (source.startsWith("file:")) {
    for (const flag of ["config", "name", "state"] as const) {
      if (flags[flag] !== undefined) throw new UserError(`--${flag} is for a balancer with a manager (--link manager:HOST:PORT) or in a cluster (--link kubernetes); the file of --link file:… has everything`);
    }
    refuseKubernetesFlags(flags, "--link kubernetes");
    const link = await FileLink.open({ path: source.slice("file:".length), clock: systemClock, logger });
    return { link, settings: withSettings(link.configuration, flags), manager: { noDeskBecause: `This balancer runs from ${link.name} without a manager: what is changed there is served at once.` } };
  }
  if (source === "kubernetes" || source.startsWith("kubernetes:")) return clusterLink(source.slice("kubernetes:".length), flags, logger);
  refuseKubernetesFlags(flags, "--link kubernetes");
  if (source.startsWith("manager:")) return managedLink(source.slice("manager:".length), flags, logger);
  throw new UserError(`--link ${source}: expected file:PATH, such as file:lintel.yaml, manager:HOST:PORT[,HOST:PORT…], such as manager:127.0.0.1:9900, or kubernetes[:CONFIGMAP]`);
}

async function clusterLink(configMap: string, flags: LinkFlags, logger: Logger): Promise<OpenedLink> {
  const own = await ownSettings(flags, logger, "while the API server does not answer");
  const { kubernetesLink } = await import("./balancer-kubernetes.js");
  const name = configMapName(configMap === "" ? undefined : `configmap:${configMap}`, "--link kubernetes:");
  const link = await kubernetesLink({ configMap: name, balancer: own.name, disk: own.disk }, flags, logger.with({ balancer: own.name }));
  return { link, settings: own.settings, name: own.name, manager: { noDeskBecause: "This balancer follows the API server of its cluster: changes go to a manager there, with `lintel admin`." } };
}

async function managedLink(text: string, flags: LinkFlags, logger: Logger): Promise<OpenedLink> {
  const { managers, security } = await managerAccess("--link manager:", text, flags);
  const { name, settings, disk } = await ownSettings(flags, logger, "while no manager answers");
  const [{ defaultManagedLinkOptions, ManagedLink }, { defaultManagerStreamOptions }, { managerDesk }] = await Promise.all([
    import("../manager-link/managed-link.js"),
    import("../manager-link/manager-stream.js"),
    import("./manager-desk.js"),
  ]);
  const stream = { ...defaultManagerStreamOptions, security };
  const options = { ...defaultManagedLinkOptions, managers, balancer: name, program: lintelVersion(), stream };
  return { link: new ManagedLink(options, disk, systemClock, systemRandom, logger.with({ balancer: name })), settings, name, manager: { desk: managerDesk(managers, security) } };
}

interface OwnSettings {
  readonly name: string;
  readonly settings: Configuration;
  /** Undefined when nothing is kept. */
  readonly disk: LastGood | undefined;
}

/** What a balancer has of its own when its languages come from elsewhere. `when` is when it could not start without a disk. */
async function ownSettings(flags: LinkFlags, logger: Logger, when: string): Promise<OwnSettings> {
  const name = flags.name ?? hostname().replace(/[^A-Za-z0-9._-]/g, "-").slice(0, 63);
  if (!namePattern.test(name)) throw new UserError(`--name ${name}: expected up to 63 letters, digits and the characters . _ -, beginning with a letter or digit`);
  const settings = withSettings(flags.config === undefined ? defaultConfiguration() : readSettings(flags.config), flags);
  const state = flags.state ?? process.env["STATE_DIRECTORY"];
  if (state === undefined) logger.warn(`no --state: nothing is kept on disk, and this balancer could not start again ${when}`);
  const { LastGood } = await import("../manager-link/last-good.js");
  const disk = state === undefined ? undefined : new LastGood(join(state, `${name}.snapshot`));
  return { name, settings, disk };
}

/** A configuration file without languages: those come from the manager. */
function readSettings(path: string): Configuration {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw new UserError(`--config ${path} cannot be read: ${messageOf(thrown)}`);
  }
  const parsed = parseConfiguration(text, path, { role: "balancer" });
  if (parsed.kind === "invalid") throw new UserError(parsed.problems.map(renderProblem).join("\n"));
  if (parsed.configuration.languages.length > 0) throw new UserError(`${path}: languages: with --link manager: and --link kubernetes languages come from there; leave them out here`);
  return parsed.configuration;
}
