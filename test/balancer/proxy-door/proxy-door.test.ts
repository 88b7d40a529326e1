// The port of the PROXY protocol in front of a real balancer: whose requests count as whose, who is let in, what passes through, how it ends.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import t, { type Test } from "tap";
import { describeBalancer } from "../../../src/balancer/metrics.js";
import { Exposition } from "../../../src/metrics/exposition.js";
import { type InProcessBalancer, startBalancerWith, versionOf } from "../../support/balancer-in-process.js";
import { BalancerProcess, freePort, until } from "../../support/balancer-process.js";
import { CertificateAuthority } from "../../support/certificates.js";
import { startLightWorker } from "../../support/light-workers.js";
import { proxyHeader, type ProxyHeaderGiven } from "../../support/proxy-header.js";
import { ask, bytesOf, connect, RawConnection, type Place } from "../../support/raw-http.js";

const alice = { client: [203, 0, 113, 1] };
const bob = { client: [203, 0, 113, 2] };
const request = bytesOf({ method: "POST", path: "/v1/lint/json", body: "{}" });
/** Requests a client may make in a test: no time that one takes gives any back. */
const burst = 3;

interface Ground extends InProcessBalancer {
  readonly users: Place;
  readonly door: Place;
}

async function start(t: Test, from: readonly string[] = ["127.0.0.1"], extra: Parameters<typeof startBalancerWith>[3] = {}): Promise<Ground> {
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [], spill: true, versions: [versionOf([worker.port])] }];
  const proxyDoor = { listen: { host: "127.0.0.1", port: 0 }, from };
  const rateLimit = { requests: 1, periodMs: 3_600_000, burst, trustedProxies: [] };
  const started = await startBalancerWith(languages, 2, {}, { rateLimit, proxyDoor, ...extra });
  t.teardown(async () => {
    await started.balancer.drain();
    worker.end();
  });
  return { ...started, users: { host: "127.0.0.1", port: started.balancer.port }, door: { host: "127.0.0.1", port: started.balancer.proxyDoor!.port } };
}

/** What is left of the client's allowance after each of `count` requests on one connection; -1 for a 429. */
async function spend(door: Place, header: ProxyHeaderGiven, count = 1): Promise<number[]> {
  const connection = await connect(door);
  const left: number[] = [];
  connection.write(proxyHeader(header));
  for (let index = 0; index < count; index++) {
    connection.write(request);
    const { status, headers } = await connection.reply();
    left.push(status === 429 ? -1 : Number(/r=(\d+)/.exec(headers["ratelimit"] ?? "")?.[1]));
  }
  connection.close();
  return left;
}

void t.test("each client has its own allowance, over all its connections and both shards", async (t) => {
  const { door, users } = await start(t);
  t.same(await spend(door, alice, 2), [2, 1]);
  t.same(await spend(door, bob), [2], "another client, through the same proxy");
  t.same(await spend(door, alice, 3), [0, -1, -1], "the same one, on another connection");
  t.same(await spend(door, { client: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9] }), [2]);
  t.same(await spend(door, { client: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 7, 7, 7, 7, 7, 7, 7, 7] }), [1], "an IPv6 network is one client");
  t.same(await spend(door, { ...alice, command: 0 }), [2], "a connection of the proxy's own counts as the proxy");
  t.match((await ask(users, { method: "POST", path: "/v1/lint/json", body: "{}" })).headers["ratelimit"], /r=1;/, "which is at this address");
});

void t.test("a header may come in pieces, together with the request; another one behind it is the client's, and believed by nobody", async (t) => {
  const { door } = await start(t);
  const connection = await connect(door);
  const header = proxyHeader(alice);
  for (const byte of header.subarray(0, -1)) {
    connection.write(Uint8Array.of(byte));
    await new Promise(setImmediate);
  }
  // Whole: the HTTP parser does not take every cut of a request's first line (test/shard/http-connections.test.ts).
  connection.write(Buffer.concat([header.subarray(-1), request]));
  t.match((await connection.reply()).headers["ratelimit"], /r=2;/);
  connection.write(Buffer.concat([proxyHeader(bob), request]));
  t.match((await connection.reply()).headers["ratelimit"], /r=1;/, "still the first one's");
  connection.close();
  const direct = await connect(door);
  direct.write(Buffer.concat([proxyHeader(alice), proxyHeader(bob), request]));
  t.match((await direct.reply()).headers["ratelimit"], /r=0;/);
  direct.close();
  t.same(await spend(door, bob), [2]);
});

void t.test("X-Forwarded-For counts behind it as it does without it: from trusted proxies alone", async (t) => {
  const { door } = await start(t, ["127.0.0.0/8"], { rateLimit: { requests: 1, periodMs: 3_600_000, burst, trustedProxies: ["203.0.113.1"] } });
  const leftOf = async (header: ProxyHeaderGiven): Promise<string | undefined> => {
    const connection = await connect(door);
    connection.write(Buffer.concat([proxyHeader(header), bytesOf({ method: "POST", path: "/v1/lint/json", body: "{}", headers: { "X-Forwarded-For": "198.51.100.9" } })]));
    const { headers } = await connection.reply();
    connection.close();
    return headers["ratelimit"];
  };
  t.match([await leftOf(alice), await leftOf(alice), await leftOf(bob)], [/r=2;/, /r=1;/, /r=2;/]);
});

void t.test("who is no trusted proxy, or says nothing right, is let go at once, and the log says why", async (t) => {
  for (const [from, bytes, reason] of [
    ["10.0.0.0/8", proxyHeader(alice), "it is not in http.proxyProtocol.from"],
    ["127.0.0.1", request, "it did not begin with a header of the PROXY protocol, version 2"],
    ["127.0.0.1", proxyHeader({ ...alice, family: 0x12 }), "its PROXY header is of no TCP connection"],
  ] as const) {
    const { door, log } = await start(t, [from]);
    const connection = await connect(door);
    connection.write(Buffer.concat([bytes, request]));
    await connection.ending();
    t.equal(connection.received.length, 0, "no answer");
    await until(() => log.some((line) => line.includes("http.proxyProtocol was refused") && line.includes(reason) && line.includes("127.0.0.1")), 5_000, () => `the log to say: ${reason}\n${log.join("\n")}`);
    connection.close();
  }
});

void t.test("TLS passes through: the header is in front of the handshake", async (t) => {
  const folder = t.testdir({});
  const authority = new CertificateAuthority(folder);
  authority.issue("one", "/CN=one");
  const [cert, key] = ["one.crt", "one.key"].map((name) => readFileSync(join(folder, name), "utf8")) as [string, string];
  const { door } = await start(t, ["127.0.0.1"], { certificate: { cert, key } });
  const plain = await connect(door);
  plain.write(proxyHeader(alice));
  plain.socket.removeAllListeners("data");
  const socket = connectTls({ socket: plain.socket, ca: readFileSync(authority.caFile), servername: "localhost", checkServerIdentity: () => undefined });
  await once(socket, "secureConnect");
  const secure = new RawConnection(socket);
  secure.write(request);
  const { status, headers } = await secure.reply();
  t.match([status, headers["ratelimit"]], [200, /r=2;/]);
  secure.close();
});

void t.test("a client that leaves is gone at the shard as well; many large answers arrive whole", async (t) => {
  const { balancer, door, users } = await start(t);
  const expected = await ask(users, { path: "/openapi.json" });
  const connection = await connect(door);
  connection.write(proxyHeader(alice));
  // One after the other: the HTTP server ends a connection that asks on while an answer waits to be read.
  for (let count = 0; count < 50; count++) {
    connection.write(bytesOf({ path: "/openapi.json" }));
    if (!(await connection.reply()).body.equals(expected.body)) t.fail(`answer ${count} is another one`);
  }
  const connections = async (): Promise<number> => {
    const exposition = new Exposition();
    describeBalancer(exposition, balancer);
    return [...(await exposition.text()).matchAll(/^lintel_shard_connections\{.*\} (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
  };
  await until(async () => (await connections()) === 1, 5_000, () => "one connection to be left");
  connection.close();
  await until(async () => (await connections()) === 0, 5_000, () => "the connection to be gone");
  t.pass("none is left");
});

void t.test("a balancer that drains says so through it, and cuts nobody who is being answered", async (t) => {
  const { balancer, door } = await start(t);
  const connection = await connect(door);
  connection.write(Buffer.concat([proxyHeader(alice), request]));
  await connection.reply();
  const drained = balancer.drain();
  connection.write(request);
  const { status, headers } = await connection.reply();
  t.match([status, headers["connection"]], [200, "close"]);
  await connection.ending();
  await drained;
  await t.rejects(connect(door), { code: "ECONNREFUSED" });
});

void t.test("a real balancer: its file names the port, and one that replaces it takes the port over", async (t) => {
  const worker = await startLightWorker("json", "1");
  const port = await freePort();
  const balancer = await BalancerProcess.start({ http: { rateLimit: { requests: 1, periodMs: "1h", burst: 1 }, proxyProtocol: { listen: `127.0.0.1:${port}`, from: ["127.0.0.1"] } }, limits: { drainQuietMs: 0 }, languages: { json: [{ version: "1", weight: 1, workers: [worker.id] }] } });
  t.teardown(async () => {
    await balancer.stop();
    worker.end();
  });
  const door = { host: "127.0.0.1", port };
  t.same([await spend(door, alice), await spend(door, alice), await spend(door, bob)], [[0], [-1], [0]]);
  const before = balancer.child!;
  await balancer.spawn(["--replace"]);
  await until(() => before.exitCode !== null, 20_000, () => "the one before to leave");
  t.equal(before.exitCode, 0, balancer.log);
  t.same(await spend(door, alice), [0], "the new one counts anew");
});
