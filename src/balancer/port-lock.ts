/**
 * Two processes of one user on one SO_REUSEPORT port share it silently. This lock makes that an error that
 * names the holder, and tells a successor whom to follow. It is per network namespace like the port itself.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { systemClock } from "../base/clock.js";
import { codeOf, UserError } from "../base/errors.js";
import { askHolder, closed, listening, lockWithin, type ProcessLock, tryLock } from "../base/process-lock.js";
import { formatAddress } from "../snapshot/address.js";

export type PortLock = ProcessLock;

/** A predecessor lets go within milliseconds of being told. */
const retryPauseMs = 5;

/**
 * A free port of the system's choosing. The shards cannot leave that to their listener: it does not share a port that it
 * got for 0, so the second shard would be refused.
 */
export async function choosePort(host: string): Promise<number> {
  const server = createServer();
  const code = await listening(server, { host, port: 0 });
  const address = server.address();
  await closed(server);
  if (code !== "" || address === null || typeof address === "string") throw refusal(host, 0, code);
  return address.port;
}

/** Throws a UserError when another program has the port, naming it when it is a balancer. */
export async function lockPort(host: string, port: number): Promise<PortLock> {
  const lock = await tryLock(nameOf(port));
  if (lock === undefined) {
    const holder = await holderOf(port);
    throw new UserError(
      `port ${port} is in use by the Lintel balancer with process id ${holder ?? "unknown"}; stop it or choose another one with --listen (from a \`lintel balancer\` another one takes over with --replace)`,
    );
  }
  try {
    await probe(host, port);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}

/** The process id of the balancer that has the port; undefined when none has. */
export async function holderOf(port: number): Promise<number | undefined> {
  const text = await askHolder(nameOf(port));
  const pid = Number(text);
  return text !== "" && Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/**
 * Makes the balancer `pid` leave and takes its lock. It must be a balancer of this user: any local process could
 * have taken the abstract name and told us another process's id. Throws a UserError when another successor was first.
 */
export async function succeed(port: number, pid: number, timeoutMs: number): Promise<PortLock> {
  await tellToLeave(port, pid);
  const lock = await lockWithin(nameOf(port), timeoutMs, retryPauseMs, systemClock);
  if (lock !== undefined) return lock;
  const holder = await holderOf(port);
  if (holder !== undefined && holder !== pid) throw anotherSuccessor(port, holder);
  throw new UserError(`the balancer with process id ${pid} did not let go of port ${port} within ${timeoutMs} ms`);
}

async function tellToLeave(port: number, pid: number): Promise<void> {
  const holder = await holderOf(port);
  // Gone by itself meanwhile: there is nobody to tell.
  if (holder === undefined) return;
  if (holder !== pid) throw anotherSuccessor(port, holder);
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (!commandLine.split("\0").includes("balancer")) throw new UserError(`process ${pid} holds port ${port} but is not a Lintel balancer; not replacing it`);
  try {
    process.kill(pid, "SIGQUIT");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw new UserError(`the balancer with process id ${pid} on port ${port} cannot be told to leave (${codeOf(error)}); replace it as the user it runs as`);
  }
}

function anotherSuccessor(port: number, holder: number): UserError {
  return new UserError(`port ${port} was taken over by another balancer, with process id ${holder}, while this one started; try again if it is still needed`);
}

/**
 * Whether closing a listener hands its waiting connections to another one on the port (Linux 5.14, off by default); undefined
 * where a hardened service may not look (`ProcSubset=pid`): its unit sees to the setting.
 */
export async function migratesConnections(): Promise<boolean | undefined> {
  const path = "/proc/sys/net/ipv4/tcp_migrate_req";
  const text = await readFile(path, "utf8").catch(() => (existsSync("/proc/sys") ? "0" : undefined));
  return text === undefined ? undefined : text.trim() === "1";
}

function nameOf(port: number): string {
  return `lintel-balancer-port-${port}`;
}

/** uWebSockets.js does not say why a port cannot be had; an ordinary socket does. */
async function probe(host: string, port: number): Promise<void> {
  const server = createServer();
  const code = await listening(server, { host, port });
  await closed(server);
  if (code !== "") throw refusal(host, port, code);
}

function refusal(host: string, port: number, code: string): UserError {
  const where = `cannot listen on ${formatAddress({ host, port })}`;
  if (code === "EADDRINUSE") return new UserError(`${where}: the port is in use by another program; choose another one with --listen`);
  if (code === "EACCES") return new UserError(`${where}: ports below 1024 need the right to bind them; choose another one with --listen or grant CAP_NET_BIND_SERVICE`);
  if (code === "EADDRNOTAVAIL") return new UserError(`${where}: this machine does not have the address ${host}`);
  return new UserError(`${where}: ${code}`);
}
