// What `lintel up` opens to others when it is told to serve them: the users' port, and nothing else.
import { once } from "node:events";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import t from "tap";
import { listeningSockets } from "../support/listening-sockets.js";
import { descendantsOf, startUp } from "../support/service.js";

const config = `languages:
  json: { versions: [{ version: "1", weight: 1, run: { builtin: json } }] }
`;

void t.test("lintel up --listen 0.0.0.0: only the users' port is there for other machines", async (t) => {
  const service = await startUp(t, { config, args: ["--listen", "0.0.0.0:0"] });
  const family = [service.pid, ...descendantsOf(service.pid)];
  t.ok(family.length > 1, "its worker is looked at, too");
  const sockets = listeningSockets(family);
  const beyond = sockets.filter(({ loopback }) => !loopback);
  t.ok(beyond.length > 0);
  t.same(beyond.filter(({ protocol, port }) => protocol !== "tcp" || port !== service.port), [], "nothing else beyond loopback");
  const inside = new Set(sockets.filter(({ loopback }) => loopback).map(({ port }) => port));
  t.ok(inside.has(Number(new URL(service.adminUrl).port)), "the admin port is on loopback");
  t.ok(inside.has(Number(service.manager.split(":")[1])), "so is the manager");
  t.ok(inside.size >= 3, "and the worker");

  const own = Object.values(networkInterfaces()).flat().find((one) => one !== undefined && !one.internal && one.family === "IPv4");
  if (own === undefined) {
    t.comment("this machine has no address but loopback: nobody knocked from outside");
    return;
  }
  t.ok(await answers(own.address, service.port), "the users' port answers there");
  for (const port of inside) t.notOk(await answers(own.address, port), `${port} does not`);
});

async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
