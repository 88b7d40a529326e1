/**
 * Random and mutated requests over plain sockets: never a crash, a hang or growth. What is whole gets the
 * answer that a model of the interface predicts; what is broken gets an answer or a clean end.
 */
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { randomBelow, seededRandom, type Random } from "../../src/base/random.js";
import { connect, type RawConnection, type RawReply, type RawRequest } from "../support/raw-http.js";
import { DescribedInterface } from "./described-interface.js";
import { bodyBytesMax, startHttpService, type HttpService } from "./http-service.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20_240_616);

const pick = <T>(random: Random, values: readonly T[]): T => values[randomBelow(random, values.length)]!;

interface Case {
  readonly request: RawRequest;
  readonly bytes: Buffer;
  readonly status: number;
}

/** Each makes a request wrong in one way, with the status that follows; "" for one that is right. */
const defects: readonly (readonly [query: string, headers: Readonly<Record<string, string>>, status: number])[] = [
  ["", {}, 200],
  ["format=text", { Accept: "nonsense, */*;q=0.1" }, 200],
  ["filename=%F0%9F%98%80.json&format=gitlab", {}, 200],
  ["version=1.0", { "X-Request-Id": "fuzz" }, 200],
  ["version=2.0", {}, 404],
  ["format=xml", {}, 400],
  ["options=%7B", {}, 400],
  ["filename=%", {}, 400],
  ["a=1&a=2", {}, 400],
  ["", { Accept: "image/*" }, 406],
  ["", { "Content-Encoding": "zstd" }, 415],
  ["", { "Lintel-Deadline-Ms": "0x10" }, 400],
];

function randomCase(random: Random): Case {
  const kind = random.next();
  if (kind < 0.15) return documentCase(random);
  const [query, headers, status] = kind < 0.6 ? defects[randomBelow(random, 4)]! : pick(random, defects);
  const unknown = random.next() < 0.1;
  const path = `${pick(random, unknown ? ["/v1/lint/cobol", "/v1/lint/c%2B%2B%2B"] : ["/v1/lint/json", "/v1/lint/%6a%73on"])}?${query}`;
  const size = pick(random, [0, 1, 2, 100, bodyBytesMax - 1, bodyBytesMax, bodyBytesMax + 1, bodyBytesMax * 3]);
  const body = Buffer.alloc(size, pick(random, [" ", "{", "[1,\n", "\r\n\r\n", "GET / HTTP/1.1\r\n"]));
  const predicted = query.includes("%&") || query === "filename=%" || query === "a=1&a=2" ? 400 : unknown ? 404 : status;
  const request = { method: "POST", path, headers, body };
  return { request, bytes: framed(random, request, body), status: predicted === 200 && size > bodyBytesMax ? 413 : predicted };
}

function documentCase(random: Random): Case {
  const path = pick(random, ["/", "/v1/languages", "/openapi.json", "/nothing/%00", "/v1/lint/json"]);
  const method = pick(random, ["GET", "HEAD", "OPTIONS"]);
  const request = { method, path };
  const status = path.startsWith("/nothing") ? 404 : method === "OPTIONS" ? 204 : path.startsWith("/v1/lint") ? 405 : 200;
  return { request, bytes: framed(random, request, undefined), status };
}

/** The request with its names in any case, its headers in any order, its body in one piece or in chunks. */
function framed(random: Random, { method = "", path, headers = {} }: RawRequest, body: Buffer | undefined): Buffer {
  const lines = Object.entries({ Host: "x", ...headers }).map(([name, value]) => `${anyCase(random, name)}:${pick(random, ["", " ", "  "])}${value}`);
  const chunked = body !== undefined && random.next() < 0.4;
  if (chunked) lines.push("Transfer-Encoding: chunked");
  else if (body !== undefined) lines.push(`${anyCase(random, "Content-Length")}: ${body.length}`);
  lines.sort(() => random.next() - 0.5);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  if (body === undefined || !chunked) return Buffer.concat([head, body ?? Buffer.alloc(0)]);
  const pieces: Uint8Array[] = [head];
  for (let at = 0; at < body.length; ) {
    const size = 1 + randomBelow(random, 1 + randomBelow(random, body.length - at));
    pieces.push(Buffer.from(`${pick(random, ["", "0", "000"])}${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from("\r\n"));
    at += size;
  }
  return Buffer.concat([...pieces, Buffer.from("0\r\n\r\n")]);
}

function anyCase(random: Random, name: string): string {
  return pick(random, [name, name.toLowerCase(), name.toUpperCase()]);
}

/** Writes in random pieces, but never cuts the request line, which this release of the parser takes amiss. */
async function writeInPieces(random: Random, connection: RawConnection, bytes: Buffer): Promise<void> {
  let at = 0;
  let end = bytes.indexOf("\r\n") + 2;
  for (let pieces = randomBelow(random, 6); pieces > 0 && at < bytes.length; pieces--) {
    end = Math.max(end, at + 1 + randomBelow(random, bytes.length - at));
    connection.write(bytes.subarray(at, end));
    at = end;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (at < bytes.length) connection.write(bytes.subarray(at));
}

void t.test(`whole requests get the predicted answers (seed ${seed})`, async (t) => {
  const service = await startHttpService(t);
  const described = new DescribedInterface();
  const faults: string[] = [];
  await inParallel(8, async (lane) => {
    const random = seededRandom(seed + lane);
    for (let connections = 0; connections < 20; connections++) {
      const connection = await connect(service);
      for (let requests = 1 + randomBelow(random, 6); requests > 0; requests--) {
        const { request, bytes, status } = randomCase(random);
        await writeInPieces(random, connection, bytes);
        const reply = await connection.reply({ head: request.method === "HEAD" }).catch((error: unknown) => String(error));
        if (typeof reply === "string") {
          faults.push(`${JSON.stringify(bytes.subarray(0, 300).toString("latin1"))}: ${status} predicted, ${reply}`);
          break;
        }
        if (reply.status !== status) faults.push(`${JSON.stringify(bytes.subarray(0, 300).toString("latin1"))}: ${status} predicted, ${reply.statusLine} ${reply.text.slice(0, 200)}`);
        faults.push(...described.faultsOf(request, reply));
      }
      connection.close();
    }
  });
  t.same(faults.slice(0, 5), []);
  await isUnharmed(t, service);
});

const insertions = ["\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", "\0", "\x7f", "\xff", "%", "%00", "?", "&", "=", "#", "0", "-1", "99999999999999999999", "ffffffffffffffff\r\n", "0\r\n\r\n", ";x=y", "HTTP/1.1", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n", "Upgrade: websocket\r\n", "Host: y\r\n", "GET ", "../", "x".repeat(5_000)];

/** A request or two with a few edits in the first kilobyte, where the head is. */
function mutated(random: Random): Buffer {
  let text = Buffer.concat(Array.from({ length: 1 + randomBelow(random, 2) }, () => randomCase(random).bytes)).toString("latin1");
  for (let edits = 1 + randomBelow(random, 5); edits > 0; edits--) {
    const at = randomBelow(random, Math.min(text.length, 1_000) + 1);
    const length = random.next() < 0.3 ? randomBelow(random, 40) : randomBelow(random, 2);
    const other = randomBelow(random, text.length + 1);
    const inserted = pick(random, [() => pick(random, insertions), () => String.fromCharCode(randomBelow(random, 256)), () => text.slice(other, other + 30), () => ""])();
    text = text.slice(0, at) + inserted + text.slice(at + length);
  }
  return Buffer.from(random.next() < 0.2 ? text.slice(0, randomBelow(random, text.length + 1)) : text, "latin1");
}

const documentedStatuses = new Set([100, 200, 204, 400, 404, 405, 406, 408, 413, 415, 422, 431, 503, 504, 505]);

void t.test(`broken requests get an answer or a clean end, and nothing is left of them (seed ${seed})`, async (t) => {
  const service = await startHttpService(t);
  const faults: string[] = [];
  const round = (first: number): Promise<void> =>
    inParallel(16, async (lane) => {
      const random = seededRandom(seed + first + lane);
      for (let requests = 0; requests < 40; requests++) {
        const bytes = mutated(random);
        const fault = await faultOf(service, bytes, random);
        if (fault !== "") faults.push(`${JSON.stringify(bytes.subarray(0, 500).toString("latin1"))}: ${fault}`);
      }
    });
  await round(1_000);
  await service.untilIdle();
  const before = residentBytes(service);
  await round(2_000);
  await isUnharmed(t, service);
  t.same(faults.slice(0, 3), []);
  const growth = residentBytes(service) - before;
  t.ok(growth < 64 * 1024 * 1024, `grew by ${Math.round(growth / 1024)} KiB`);
});

/** "" when what came back is a row of whole replies, whatever they are. */
async function faultOf(service: HttpService, bytes: Buffer, random: Random): Promise<string> {
  const connection = await connect(service);
  connection.write(bytes);
  if (random.next() < 0.2) connection.socket.end();
  // Long enough for what is answered; what waits for more bytes is left alone.
  const ended = await Promise.race([connection.ending().then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), 40))]);
  const left = random.next() < 0.5;
  if (left) connection.socket.resetAndDestroy();
  else connection.close();
  return faultOfBytes(connection, ended);
}

function faultOfBytes({ received }: RawConnection, ended: boolean): string {
  const text = received.toString("latin1");
  for (const status of text.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
    if (!documentedStatuses.has(Number(status[1]))) return `an undocumented status ${status[1]!}`;
  }
  if (text !== "" && !text.startsWith("HTTP/1.1 ")) return `not a reply: ${text.slice(0, 100)}`;
  const complete = /\r\n\r\n/.test(text);
  return ended && text !== "" && !complete ? `half a reply: ${text.slice(0, 200)}` : "";
}

async function isUnharmed(t: Test, service: HttpService): Promise<void> {
  await service.untilIdle();
  const { shards } = (await service.status()) as { shards: readonly { restarts: number }[] };
  t.same(shards.map(({ restarts }) => restarts), [0], "no shard was restarted");
  t.equal(await service.metric("lintel_requests_total", 'code="500"'), 0);
  const reply: RawReply = await service.lint();
  t.equal(reply.status, 200);
}

function residentBytes(service: HttpService): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${service.pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

async function inParallel(lanes: number, run: (lane: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
}
