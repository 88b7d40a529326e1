/**
 * Any bytes at all, at the ports that are not for users: a worker's gRPC port and the balancer's admin port. The process
 * goes on, does not grow, and answers the next honest question. LINTEL_FUZZ_ROUNDS=50 for a long run.
 */
import { status as grpcStatus, type ServiceError } from "@grpc/grpc-js";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import t from "tap";
import { delay } from "../../src/base/clock.js";
import { randomBelow, seededRandom, type Random } from "../../src/base/random.js";
import { clientPreface } from "../../src/http2/protocol.js";
import { BalancerProcess } from "../support/balancer-process.js";
import { startLinter } from "../support/linter-process.js";
import { waitUntil } from "../support/wait-until.js";
import { Client } from "../upstream/http2-client.js";
import { frame, settings } from "../upstream/raw-peer.js";
import { mutatedBytes, pick, randomBytes } from "./mutations.js";
import { residentBytes } from "./resident-bytes.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20_240_619);
const rounds = Number(process.env["LINTEL_FUZZ_ROUNDS"] ?? 1);
const conversationsPerRound = 150;
const growthBytesMax = 64 * 2 ** 20;
const lanes = 10;
t.setTimeout(60_000 + rounds * 30_000);

/** Says it, listens for a moment, and leaves politely or not. */
async function say(port: number, bytes: Buffer, random: Random): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(bytes);
  if (random.next() < 0.3) socket.end();
  await Promise.race([closed, delay(30)]);
  if (random.next() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
  return heard;
}

async function sayAll(port: number, random: Random, next: () => Buffer): Promise<string[]> {
  const heard: string[] = [];
  const lane = async (): Promise<void> => {
    for (let count = 0; count < conversationsPerRound / lanes; count++) heard.push(await say(port, next(), random));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return heard;
}

/** What our own client says to a worker: greeting, Watch, and one request. */
async function recordedCall(): Promise<Buffer> {
  let said = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => (said = Buffer.concat([said, chunk])));
    socket.write(settings());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new Client((server.address() as AddressInfo).port);
  await client.event(/^open/);
  const source = '{ "recorded": true }';
  client.lint(source, { filename: "a.json", optionsJson: "{}" });
  await waitUntil("the request", () => said.includes(source));
  await client.end();
  server.close();
  return said;
}

function oddConversation(random: Random, good: Buffer): Buffer {
  const kind = random.next();
  if (kind < 0.6) return mutatedBytes(random, good);
  if (kind < 0.9) {
    const frames = Array.from({ length: 1 + randomBelow(random, 8) }, () => frame(randomBelow(random, 12), randomBelow(random, 256), randomBelow(random, 6), randomBytes(random, 40)));
    return Buffer.concat([Buffer.from(clientPreface), settings(), ...frames]);
  }
  return randomBytes(random, 300);
}

void t.test(`any bytes at a worker's port (seed ${seed})`, async (t) => {
  const random = seededRandom(seed);
  const linter = await startLinter("json", "--listen", "127.0.0.1:0", "--threads", "1");
  t.teardown(() => linter.stop());
  const pid = linter.child.pid ?? 0;
  const good = await recordedCall();
  await sayAll(linter.port, random, () => oddConversation(random, good));
  const before = residentBytes(pid);
  for (let round = 0; round < rounds; round++) {
    await sayAll(linter.port, random, () => oddConversation(random, good));
    t.equal((await linter.client.report({ source: "[1,]" })).diagnostics.length, 1, "an honest request is answered");
  }
  t.equal(linter.child.exitCode, null);
  t.notMatch(linter.log(), /\n\s+at /, "nothing was thrown that nobody expected");
  const growth = residentBytes(pid) - before;
  t.ok(growth < growthBytesMax, `grew by ${Math.round(growth / 2 ** 20)} MiB`);
});

void t.test(`any message to a worker (seed ${seed})`, async (t) => {
  const random = seededRandom(seed);
  const linter = await startLinter("json", "--listen", "127.0.0.1:0", "--threads", "1");
  t.teardown(() => linter.stop());
  const asIs = (message: Buffer): Buffer => message;
  const ask = (message: Buffer): Promise<string> =>
    new Promise((resolve) => {
      const answered = (error: ServiceError | null): void => {
        const code = grpcStatus[error?.code ?? grpcStatus.OK];
        // grpc-js answers so when our decoder refuses; no balancer sends what is no message.
        resolve(code === "INTERNAL" && /deserializ/i.test(error?.details ?? "") ? "no message" : code);
      };
      linter.client.linter.makeUnaryRequest("/lintel.v1.Linter/Lint", asIs, asIs, message, { deadline: Date.now() + 20_000 }, answered);
    });
  const good = Buffer.from("\x0a\x05[1,2]\x12\x06a.json\x1a\x02{}", "latin1");
  const statuses = new Map<string, number>();
  for (let count = 0; count < conversationsPerRound * rounds; count++) {
    const code = await ask(pick(random, [() => mutatedBytes(random, good), () => randomBytes(random, 200), () => oddFields(random), () => oddFields(random)])());
    statuses.set(code, (statuses.get(code) ?? 0) + 1);
  }
  t.comment([...statuses].map(([code, count]) => `${count} x ${code}`).join(", "));
  const expected = new Set(["OK", "INVALID_ARGUMENT", "no message"]);
  t.same([...statuses.keys()].filter((code) => !expected.has(code)), [], "analysed or refused");
  t.equal(await ask(good), "OK");
});

const oddTexts = ["", "a.json", "{}", "[]", '{"rules":{}}', '{"rules":', "null", "../../x", "\0", "a\r\nb", "x".repeat(5_000), "[".repeat(50_000), '{"__proto__":{"a":1}}', '"', "1e999"];

/** Well-formed fields with any content, UTF-8 or not. */
function oddFields(random: Random): Buffer {
  const fields = [1, 2, 3, 4, 99].filter(() => random.next() < 0.7);
  return Buffer.concat(fields.flatMap((field) => {
    const content = random.next() < 0.3 ? randomBytes(random, 300) : Buffer.from(pick(random, oddTexts));
    return [varint((field << 3) | 2), varint(content.length), content];
  }));
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value & 127) | 128]), varint(value >>> 7)]);
}

const requestLine = "GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const targets = ["//", "///x", "http://[", "http://a b/", "*", "\\", "/%", "/%00", "/status?%", "/../../etc/passwd", "/metrics/", "//localhost/status", "?", "#", "/\u00e9"];

void t.test(`any bytes at the admin port (seed ${seed})`, async (t) => {
  const random = seededRandom(seed);
  const balancer = await BalancerProcess.start({ shards: 1, languages: { json: [{ version: "1", weight: 0, workers: [] }] } });
  t.teardown(() => balancer.stop());
  const pid = balancer.child?.pid ?? 0;
  const next = (): Buffer => {
    if (random.next() < 0.3) return Buffer.from(`${pick(random, ["GET", "POST", "HEAD", "DELETE", "OPTIONS"])} ${pick(random, targets)} HTTP/1.1\r\nHost: ${pick(random, ["localhost", "localhost", "localhost", "", "[::1", "example.org", "127.0.0.1:x"])}\r\n\r\n`, "latin1");
    return mutatedBytes(random, Buffer.from(requestLine));
  };
  await sayAll(balancer.adminPort, random, next);
  const before = residentBytes(pid);
  for (let round = 0; round < rounds; round++) {
    const answers = await sayAll(balancer.adminPort, random, next);
    const failed = answers.filter((answer) => /^HTTP\/1\.1 5/.test(answer));
    t.same(failed.slice(0, 3), [], "no answer says that the balancer failed");
    t.equal((await balancer.status()).shards[0]?.restarts, 0);
  }
  const growth = residentBytes(pid) - before;
  t.ok(growth < growthBytesMax, `grew by ${Math.round(growth / 2 ** 20)} MiB`);
});
