/**
 * Two processes of one user on one SO_REUSEPORT port share it silently. This lock makes that an error that
 * names the holder. It is a socket in Linux's abstract namespace: per network namespace like the port itself, and
 * gone with its process, so no stale lock is ever left behind.
 */
import { connect, createServer, type Server } from "node:net";
import { codeOf, messageOf, UserError } from "../base/errors.js";

export interface PortLock {
  release(): Promise<void>;
}

/** Throws a UserError when another program has the port, naming it when it is a balancer. Port 0 needs no lock. */
export async function lockPort(host: string, port: number): Promise<PortLock> {
  if (port === 0) return { release: () => Promise.resolve() };
  const name = `\0lintel-balancer-port-${port}`;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(String(process.pid));
  });
  server.unref();
  if (process.platform === "linux") {
    const refused = await listening(server, { path: name });
    if (refused !== "") {
      const holder = await askHolder(name);
      throw new UserError(`port ${port} is in use by the Lintel balancer with process id ${holder}; stop it, or choose another port`);
    }
  }
  try {
    await probe(host, port);
  } catch (error) {
    await closed(server);
    throw error;
  }
  return { release: () => closed(server) };
}

/** uWebSockets.js does not say why a port cannot be had; an ordinary socket does. */
async function probe(host: string, port: number): Promise<void> {
  const server = createServer();
  const code = await listening(server, { host, port });
  await closed(server);
  if (code === "") return;
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (code === "EADDRINUSE") throw new UserError(`cannot listen on ${where}: the port is in use by another program; choose another port`);
  if (code === "EACCES") throw new UserError(`cannot listen on ${where}: ports below 1024 need the right to bind them; choose another port or grant CAP_NET_BIND_SERVICE`);
  if (code === "EADDRNOTAVAIL") throw new UserError(`cannot listen on ${where}: this machine does not have the address ${host}`);
  throw new UserError(`cannot listen on ${where}: ${code}`);
}

function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<string> {
  return new Promise((resolve) => {
    server.once("error", (error) => resolve(codeOf(error) || messageOf(error)));
    server.listen(where, () => resolve(""));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function askHolder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(name);
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("data", (data) => (text += data.toString()));
    socket.on("error", () => resolve("unknown"));
    socket.on("close", () => resolve(text === "" ? "unknown" : text));
  });
}
