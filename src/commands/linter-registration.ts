/** `lintel linter --manager …`: what the flags say of registering, and the registration. Loads gRPC's client only when there is a manager. */
import type { Command } from "commander";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import { systemRandom } from "../base/random.js";
import { type Address, addressHint, isLoopback, parseAddress } from "../snapshot/address.js";
import { type ManagerAccess, managerAccess, type ManagerAccessFlags, withManagerAccess } from "./manager-access.js";

export interface RegistrationFlags extends ManagerAccessFlags {
  readonly manager?: string;
  readonly advertise?: string;
}

export function withRegistrationFlags(command: Command): Command {
  command
    .option("--manager <host:port,…>", "register at these managers, at every one of them")
    .option("--advertise <host:port>", "where balancers reach this worker (default: --listen, or for every address the one that the manager sees)");
  return withManagerAccess(command);
}

/** What is known before the worker starts. */
export interface RegistrationPlan {
  readonly access: ManagerAccess;
  /** An empty host is the address that the manager sees; port 0 is the one the worker gets. */
  readonly reachedAt: Address;
}

/** Undefined when the worker is not to register. Throws a UserError when the flags make no sense. */
export async function registrationPlan(flags: RegistrationFlags, listen: Address): Promise<RegistrationPlan | undefined> {
  const { manager, advertise } = flags;
  if (manager === undefined) {
    if (advertise !== undefined) throw new UserError("--advertise says where balancers reach this worker, but without --manager nobody is told");
    return undefined;
  }
  const access = await managerAccess("--manager", manager, flags);
  const reachedAt = advertise === undefined ? reachedWhere(listen) : advertised(advertise);
  const far = access.managers.find((one) => !isLoopback(parseAddress(one, { portZero: false })?.host ?? ""));
  if (isLoopback(reachedAt.host) && far !== undefined) {
    throw new UserError(`this worker would listen on ${listen.host}, which nobody but this machine reaches, while the manager ${far} is elsewhere; give --listen an address of this machine or 0.0.0.0, or say with --advertise where balancers reach it`);
  }
  return { access, reachedAt };
}

/** Registers; resolves with how to leave. */
export async function register({ access, reachedAt }: RegistrationPlan, worker: { language: string; version: string; port: number }, logger: Logger): Promise<() => Promise<void>> {
  const { defaultRegistrationOptions, Registration } = await import("../linter/registration.js");
  const { language, version, port } = worker;
  const place = { host: reachedAt.host, port: reachedAt.port === 0 ? port : reachedAt.port };
  const registration = new Registration({ ...defaultRegistrationOptions, ...access, language, version, ...place }, systemClock, systemRandom, logger);
  return () => registration.leave();
}

function reachedWhere({ host }: Address): Address {
  return { host: host === "0.0.0.0" || host === "::" ? "" : host, port: 0 };
}

function advertised(text: string): Address {
  const address = parseAddress(text, { portZero: false });
  if (address === undefined) throw new UserError(`--advertise ${text}: expected HOST:PORT, such as 10.0.0.5:7070${addressHint(text)}`);
  return address;
}
