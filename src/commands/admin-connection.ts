/**
 * What every `lintel admin` command that talks to a manager has in common: where the manager is, who asks, how the answer is
 * printed. Must not know what is asked.
 */
import { userInfo } from "node:os";
import { type Command, Option } from "commander";
import { stringify } from "yaml";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { AdminService, defaultTimeoutMs } from "../client/admin-service.js";
import { wantsColor, writeAll } from "../client/terminal.js";
import { parseDuration } from "../snapshot/quantities.js";
import { managerAccess, type ManagerAccessFlags, withManagerAccess } from "./manager-access.js";

export const defaultManager = "127.0.0.1:9900";

export type OutputFormat = "table" | "json" | "yaml";

export interface ConnectionFlags extends ManagerAccessFlags {
  readonly manager: string;
  readonly output: OutputFormat;
}

export interface WaitFlags {
  /** A duration; undefined when nobody waits. */
  readonly wait?: string;
}

/** Long enough for a new version's workers to start and be connected; a person looks up sooner. */
const defaultWait = "30s";
/** The contract counts in 32 bits. */
const waitMsMax = 24 * 3_600_000;

export function withConnectionFlags(command: Command): Command {
  command.addOption(new Option("--manager <host:port,…>", "where the managers are; asked in turn until one answers").env("LINTEL_MANAGER").default(defaultManager));
  return withManagerAccess(withOutputFlag(command));
}

export function withOutputFlag(command: Command): Command {
  return command.addOption(new Option("-o, --output <format>", "how to print the answer").choices(["table", "json", "yaml"]).default("table"));
}

/**
 * `--wait` alone, or `--wait=30s`: what follows after a space is no timeout but the next argument, so that
 * `weights python --wait 1.0=90` means what it says.
 */
export function withWaitFlag(command: Command, what: string): Command {
  command.option("--wait [=timeout]", `${what} (default ${defaultWait}; exit code 4 and who lags when it takes longer)`);
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (words) => {
    const end = words.includes("--") ? words.indexOf("--") : words.length;
    return parse(words.map((word, index) => (word === "--wait" && index < end ? `--wait=${defaultWait}` : word)));
  };
  return command;
}

/** Undefined when nobody waits. */
export function waitMsOf({ wait }: WaitFlags): number | undefined {
  if (wait === undefined) return undefined;
  const ms = parseDuration(wait);
  if (ms === undefined || ms > waitMsMax) throw new UserError(`--wait=${wait}: expected a duration of at most a day, such as --wait=30s or --wait=2m`);
  return ms;
}

export async function withAdminService(flags: ConnectionFlags, use: (service: AdminService) => Promise<void>): Promise<void> {
  const service = await adminServiceFor(flags, defaultTimeoutMs);
  try {
    await use(service);
  } finally {
    service.close();
  }
}

/** Throws a UserError when the flags make no sense. */
export async function adminServiceFor(flags: ConnectionFlags, timeoutMs: number): Promise<AdminService> {
  const { managers, security } = await managerAccess("--manager", flags.manager, flags);
  const { credentials, token } = security;
  return new AdminService({ managers, credentials, token, user: userName(), timeoutMs, clock: systemClock });
}

/** Of whoever types; a user without a name in the system has none here either. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

/** A document as it is, or the text that `render` makes of it. */
export async function print(output: OutputFormat, document: object, render: (color: boolean) => string): Promise<void> {
  switch (output) {
    case "json":
      await writeAll(process.stdout, `${JSON.stringify(document, null, 2)}\n`);
      break;
    case "yaml":
      await writeAll(process.stdout, stringify(document));
      break;
    case "table":
      await writeAll(process.stdout, render(stdoutColor()));
      break;
  }
}

export function stdoutColor(): boolean {
  return wantsColor("auto", process.env, process.stdout.isTTY);
}
