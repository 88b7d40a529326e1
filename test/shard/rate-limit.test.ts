// The rate limit of a real balancer: one allowance over all shards, told in every answer, and for each client its own.
import t from "tap";
import { startBalancerWith, versionOf } from "../support/balancer-in-process.js";
import { startLightWorker } from "../support/light-workers.js";
import { ask, bytesOf, connect, type RawReply } from "../support/raw-http.js";
import { balancerMetrics } from "../../src/metrics/definitions.js";
import { describeBalancer } from "../../src/balancer/metrics.js";
import { Exposition } from "../../src/metrics/exposition.js";

void t.test("a client has so many requests whatever shard it comes to; the answers say how many are left", async (t) => {
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [], spill: true, versions: [versionOf([worker.port])] }];
  // An hour for one: no time that a test takes gives any back.
  const { balancer } = await startBalancerWith(languages, 2, {}, { rateLimit: { requests: 1, periodMs: 3_600_000, burst: 10, trustedProxies: ["127.0.0.0/8"] } });
  t.teardown(async () => {
    await balancer.drain();
    worker.end();
  });
  const place = { host: "127.0.0.1", port: balancer.port };
  const lint = (client: string, path = "/v1/lint/json"): Promise<RawReply> => ask(place, { method: "POST", path, body: "{}", headers: { "X-Forwarded-For": client } });

  const replies: RawReply[] = [];
  // A connection each, so that both shards get some; what is malformed counts as well.
  for (let count = 0; count < 14; count++) replies.push(await lint("203.0.113.7", count === 3 ? "/v1/lint/none" : "/v1/lint/json"));
  t.same(replies.map(({ status }) => status), [200, 200, 200, 404, 200, 200, 200, 200, 200, 200, 429, 429, 429, 429]);
  t.same(replies.map(({ headers }) => /^"default";r=(\d+);t=\d+$/.exec(headers["ratelimit"] ?? "")?.[1]), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0].map(String));
  t.ok(replies.every(({ headers }) => headers["ratelimit-policy"] === '"default";q=10;w=36000'));
  const [refused] = replies.slice(-1);
  t.match(refused?.json(), { code: "rate-limited", retryable: true, status: 429 });
  const waitSeconds = Number(refused?.headers["retry-after"]);
  t.ok(waitSeconds > 3_500 && waitSeconds <= 3_600, `${waitSeconds} s`);

  t.equal((await lint("203.0.113.8")).status, 200, "another client has its own");
  t.equal((await lint("6.6.6.6, 203.0.113.7")).status, 429, "and what a client says itself makes it no other");
  t.equal((await lint("2001:db8::1")).headers["ratelimit"]?.startsWith('"default";r=9'), true);
  t.equal((await lint("2001:db8::2")).headers["ratelimit"]?.startsWith('"default";r=8'), true, "one network is one client");
  t.equal((await ask(place, { path: "/v1/languages", headers: { "X-Forwarded-For": "203.0.113.7" } })).status, 200, "only lint requests count");

  const exposition = new Exposition();
  describeBalancer(exposition, balancer);
  const counted = [...(await exposition.text()).matchAll(new RegExp(`^${balancerMetrics.rateLimited.name}\\{shard="\\d"\\} (\\d+)$`, "gm"))].map(([, value]) => Number(value));
  t.equal(counted.reduce((sum, one) => sum + one, 0), 5);
  t.equal(counted.length, 2);
});

/** PROXY protocol, version 2: "this is TCP over IPv4 from 203.0.113.LAST". */
function proxyHeader(last: number): Buffer {
  return Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12, 203, 0, 113, last, 127, 0, 0, 1, 4, 210, 0, 80]);
}

void t.test("a PROXY header makes a client no other: the parser reads it, and nobody believes it", async (t) => {
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [], spill: true, versions: [versionOf([worker.port])] }];
  const { balancer } = await startBalancerWith(languages, 1, {}, { rateLimit: { requests: 1, periodMs: 3_600_000, burst: 2, trustedProxies: ["127.0.0.0/8"] } });
  t.teardown(async () => {
    await balancer.drain();
    worker.end();
  });
  const connection = await connect({ host: "127.0.0.1", port: balancer.port });
  const request = bytesOf({ method: "POST", path: "/v1/lint/json", body: "{}" });
  const statuses: number[] = [];
  for (const last of [1, 2, 3]) {
    connection.write(Buffer.concat([proxyHeader(last), request]));
    statuses.push((await connection.reply()).status);
  }
  connection.close();
  t.same(statuses, [200, 200, 429]);
});
