/** Connections: kept alive, shared, cut anywhere; and what is no HTTP/1.1. */
import t from "tap";
import { headBytesMax } from "../../src/shard/head-limit.js";
import { bytesOf, connect, type RawConnection, type RawReply } from "../support/raw-http.js";
import { startHttpService } from "./http-service.js";

const lint = (id: string): Buffer => bytesOf({ method: "POST", path: "/v1/lint/json", headers: { "X-Request-Id": id }, body: "{}" });

void t.test("connections", async (t) => {
  const service = await startHttpService(t);

  /** Sends the pieces one by one and tells the first reply, or how the connection ended without one. */
  const outcomeOf = async (...pieces: readonly (string | Uint8Array)[]): Promise<RawReply | "end" | "reset"> => {
    const connection = await connect(service);
    try {
      for (const piece of pieces) {
        connection.write(piece);
        await new Promise((resolve) => setTimeout(resolve, pieces.length > 1 ? 2 : 0));
      }
      return await connection.reply().catch(() => connection.ending());
    } finally {
      connection.close();
    }
  };
  const statusOf = async (...pieces: readonly (string | Uint8Array)[]): Promise<number | string> => {
    const outcome = await outcomeOf(...pieces);
    return typeof outcome === "string" ? outcome : outcome.status;
  };

  await t.test("a connection is reused until somebody says close", async (t) => {
    const connection = await connect(service);
    for (let index = 0; index < 50; index++) {
      connection.write(lint(`id-${index}`));
      const reply = await connection.reply();
      t.same([reply.status, reply.headers["x-request-id"]], [200, `id-${index}`]);
    }
    t.equal(await service.metric("lintel_shard_connections"), 1);
    connection.write("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    t.equal((await connection.reply()).status, 404);
    t.equal(await connection.ending(), "end");
    connection.close();
  });

  await t.test("documents may be asked for one behind the other; a report may not, and the connection is closed", async (t) => {
    const connection = await connect(service);
    connection.write(Buffer.concat(["a", "b", "c"].map((id) => bytesOf({ path: "/", headers: { "X-Request-Id": id } }))));
    for (const id of ["a", "b", "c"]) t.equal((await connection.reply()).headers["x-request-id"], id);
    connection.write(Buffer.concat([lint("d"), lint("e")]));
    t.equal(await connection.ending(), "end");
    t.equal(connection.received.length, 0, "no reply that could be taken for another's");
    connection.close();
    await service.untilIdle();
  });

  await t.test("a request may arrive in any pieces, except for a cut around its version", async (t) => {
    const request = bytesOf({ method: "POST", path: "/v1/lint/json?filename=x.json", headers: { Accept: "*/*" }, body: "{}" });
    const targetEnd = request.indexOf(" HTTP/1.1");
    const refused: string[] = [];
    for (let first = 1; first < request.length; first += 16) {
      const cuts = Array.from({ length: Math.min(16, request.length - first) }, (_, index) => first + index);
      const outcomes = await Promise.all(cuts.map((cut) => statusOf(request.subarray(0, cut), request.subarray(cut))));
      outcomes.forEach((status, index) => status !== 200 && refused.push(`${cuts[index]!}: ${status}`));
    }
    // A known fault of this release of the HTTP parser, mended in later ones: it takes a cut there for another version. When that
    // one is used, `known` has to become empty. (Two pieces may arrive as one, so not every cut shows it every time.)
    const known = [5, ...Array.from({ length: 10 }, (_, index) => targetEnd + 1 + index)].map((cut) => `${cut}: 505`);
    t.same(refused.filter((one) => !known.includes(one)), []);
  });

  await t.test("a request without a body may arrive in pieces too", async (t) => {
    for (const [method, framing, status] of [["POST", "Content-Length: 0", 200], ["POST", "Content-Length: 00", 200], ["POST", "Accept: */*", 200], ["DELETE", "Content-Length: 0", 405]] as const) {
      const line = `${method} /v1/lint/json HTTP/1.1\r\n`;
      for (const cut of [1, 10, 20, framing.length + 9, framing.length + 11]) {
        const rest = `Host: x\r\n${framing}\r\n\r\n`;
        t.equal(await statusOf(line + rest.slice(0, cut), rest.slice(cut)), status, `${line}${rest} cut at ${line.length + cut}`);
      }
    }
  });

  await t.test("the head has a limit", async (t) => {
    const request = (bytes: number): string => {
      const start = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
      return `${start}${"a".repeat(bytes - start.length - 4)}\r\n\r\n`;
    };
    t.equal(await statusOf(request(headBytesMax)), 200);
    t.equal(await statusOf(request(headBytesMax + 64)), 431);
    // Whoever is still sending may see the end of the connection before the answer.
    t.ok([431, "end", "reset"].includes(await statusOf(request(1_000_000))));
    const headers = (count: number): string => `GET / HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(count)}\r\n`;
    t.equal(await statusOf(headers(90)), 200);
    t.equal(await statusOf(headers(110)), 431);
    t.equal(await statusOf(`GET /?${"a".repeat(headBytesMax)} HTTP/1.1\r\nHost: x\r\n\r\n`), 431);
  });

  await t.test("what is no HTTP/1.1 is refused and the connection closed", async (t) => {
    for (const [request, status] of [
      ["GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505],
      ["GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
      ["GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 505],
      ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello hello hello\r\n\r\n", 505],
      ["GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", 400],
      ["POST /v1/lint/json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400],
      ["POST /v1/lint/json HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}", 400],
      ["POST /v1/lint/json HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}", 400],
      ["POST /v1/lint/json HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}", 400],
      ["POST /v1/lint/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400],
      ["POST /v1/lint/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n", 400],
    ] as const) {
      const outcome = await outcomeOf(request);
      if (typeof outcome === "string") {
        t.fail(`${JSON.stringify(request)} should be answered, not ended with ${outcome}`);
        continue;
      }
      t.same([request, outcome.status, outcome.headers["connection"]], [request, status, "close"]);
    }
    await service.untilIdle();
  });

  await t.test("a client that closes its sending side gets what is ready at once, and never half an answer", async (t) => {
    const endingAfter = async (bytes: Uint8Array): Promise<RawConnection> => {
      const connection = await connect(service);
      connection.socket.end(bytes);
      await connection.ending();
      connection.close();
      return connection;
    };
    t.match((await endingAfter(bytesOf({ path: "/" }))).received.toString("latin1"), /^HTTP\/1\.1 200 OK/);
    t.match((await endingAfter(lint("x"))).received.toString("latin1"), /^$|^HTTP\/1\.1 200 OK[^]*\}$/);
  });
});
