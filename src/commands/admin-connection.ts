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
import { type ClientSecurity, clientSecurity } from "../rpc/client-security.js";
import { type Address, addressHint, formatAddress, isLoopback, parseAddress } from "../snapshot/address.js";
import { parseDuration } from "../snapshot/quantities.js";

export const defaultManager = "127.0.0.1:9900";

export type OutputFormat = "table" | "json" | "yaml";

export interface ConnectionFlags {
  readonly manager: string;
  readonly output: OutputFormat;
  readonly tokenFile?: string;
  readonly tls: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
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
  return command
    .addOption(new Option("--manager <host:port,…>", "where the managers are; asked in turn until one answers").env("LINTEL_MANAGER").default(defaultManager))
    .addOption(new Option("-o, --output <format>", "how to print the answer").choices(["table", "json", "yaml"]).default("table"))
    .addOption(new Option("--token-file <file>", "who asks: a file with a token (or LINTEL_TOKEN in the environment)").env("LINTEL_TOKEN_FILE"))
    .option("--tls", "encrypted, trusting the system's certificate authorities", false)
    .addOption(new Option("--tls-ca <file>", "encrypted, trusting this certificate authority").env("LINTEL_TLS_CA"))
    .addOption(new Option("--tls-cert <file>", "the client's certificate").env("LINTEL_TLS_CERT"))
    .addOption(new Option("--tls-key <file>", "its key").env("LINTEL_TLS_KEY"));
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
  const service = adminServiceFor(flags, defaultTimeoutMs);
  try {
    await use(service);
  } finally {
    service.close();
  }
}

/** Throws a UserError when the flags make no sense. */
export function adminServiceFor(flags: ConnectionFlags, timeoutMs: number): AdminService {
  const managers = flags.manager.split(",").map((one) => managerGiven(one.trim()));
  const { credentials, encrypted, token } = securityOf(flags);
  const exposed = encrypted || token === "" ? undefined : managers.find(({ host }) => !isLoopback(host));
  if (exposed !== undefined) throw new UserError(`the token would travel readable by everybody to ${formatAddress(exposed)}; use --tls or --tls-ca`);
  return new AdminService({ managers: managers.map(formatAddress), credentials, token, user: userName(), timeoutMs, clock: systemClock });
}

function securityOf({ tls, tlsCa, tlsCert, tlsKey, tokenFile }: ConnectionFlags): ClientSecurity {
  const token = process.env["LINTEL_TOKEN"];
  return clientSecurity({
    tls,
    ...(tlsCa !== undefined && { caFile: tlsCa }),
    ...(tlsCert !== undefined && { certificateFile: tlsCert }),
    ...(tlsKey !== undefined && { keyFile: tlsKey }),
    ...(tokenFile !== undefined && { tokenFile }),
    ...(token !== undefined && { token }),
  });
}

/** Of whoever types; a user without a name in the system has none here either. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

function managerGiven(text: string): Address {
  const address = parseAddress(text, { portZero: false });
  if (address === undefined) throw new UserError(`--manager ${text}: expected HOST:PORT, such as ${defaultManager}${addressHint(text)}`);
  return address;
}

/** A document as it is, or the text that `render` makes of it. */
export function print(output: OutputFormat, document: object, render: (color: boolean) => string): Promise<void> {
  switch (output) {
    case "json":
      return writeAll(process.stdout, `${JSON.stringify(document, null, 2)}\n`);
    case "yaml":
      return writeAll(process.stdout, stringify(document));
    case "table":
      return writeAll(process.stdout, render(stdoutColor()));
  }
}

export function stdoutColor(): boolean {
  return wantsColor("auto", process.env, process.stdout.isTTY);
}
