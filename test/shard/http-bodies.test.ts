/** How sources arrive: sizes, framings, slow ones, and clients that leave before the answer. */
import { request as httpRequest } from "node:http";
import t from "tap";
import { connect, type RawConnection } from "../support/raw-http.js";
import { waitUntil } from "../support/wait-until.js";
import { bodyBytesMax, problemOf, startHttpService, type HttpService } from "./http-service.js";

const head = (path: string, ...headers: string[]): string => `${[`POST ${path} HTTP/1.1`, "Host: x", ...headers].join("\r\n")}\r\n\r\n`;
const summaryOf = (report: unknown): unknown => (report as { summary?: unknown }).summary;

/** One connection, closed at the end. */
async function onConnection(service: HttpService, use: (connection: RawConnection) => Promise<void>): Promise<void> {
  const connection = await connect(service);
  try {
    await use(connection);
  } finally {
    connection.close();
  }
}

void t.test("bodies", async (t) => {
  const service = await startHttpService(t);
  const { lint } = service;

  await t.test("the limit is exact, and says what was sent", async (t) => {
    const source = (bytes: number): string => JSON.stringify("x".repeat(bytes - 2));
    t.match(summaryOf((await lint({ body: source(bodyBytesMax) })).json()), { errors: 0 });
    t.match(problemOf(await lint({ body: source(bodyBytesMax + 1) })), { status: 413, code: "body-too-large", detail: `The source has ${bodyBytesMax + 1} bytes; the limit is ${bodyBytesMax}.`, retryable: false });
    t.match(problemOf(await lint({ body: source(bodyBytesMax * 5) })), { status: 413, detail: new RegExp(`has ${bodyBytesMax * 5} bytes`) });
    await service.untilIdle();
  });

  await t.test("the limit counts chunks too, and the connection stays usable after a refusal", async (t) => {
    await onConnection(service, async (connection) => {
      for (const bytes of [bodyBytesMax, bodyBytesMax + 1]) {
        connection.write(head("/v1/lint/json", "Transfer-Encoding: chunked"));
        for (let left = bytes; left > 0; left -= 5_000) {
          const size = Math.min(left, 5_000);
          connection.write(`${size.toString(16)}\r\n${" ".repeat(size)}\r\n`);
        }
        connection.write("0\r\n\r\n");
        t.equal((await connection.reply()).status, bytes > bodyBytesMax ? 413 : 200);
      }
    });
  });

  await t.test("a client that sends everything before it reads sees the 413, not a reset", async (t) => {
    // Up to eight times the limit is read to its end; beyond that the answer comes early and the connection is closed.
    for (const [factor, closes] of [[2, false], [7, false], [40, true]] as const) {
      await onConnection(service, async (connection) => {
        connection.write(Buffer.concat([Buffer.from(head("/v1/lint/json", `Content-Length: ${bodyBytesMax * factor}`)), Buffer.alloc(bodyBytesMax * factor, 32)]));
        const reply = await connection.reply();
        t.match([factor, problemOf(reply)], [factor, { status: 413, code: "body-too-large" }]);
        t.equal(reply.headers["connection"], closes ? "close" : undefined);
        if (closes) await connection.ending();
      });
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const request = httpRequest({ host: service.host, port: service.port, method: "POST", path: "/v1/lint/json", agent: false }, (response) => {
          response.resume().on("close", () => resolve(response.statusCode));
        });
        // With the answer in hand the broken pipe behind it does not matter.
        request.on("error", (error) => setTimeout(() => reject(error), 500));
        request.end(Buffer.alloc(bodyBytesMax * factor, 32));
      });
      t.equal(status, 413);
    }
  });

  await t.test("chunks may be cut anywhere", async (t) => {
    const request = `${head("/v1/lint/json", "Transfer-Encoding: chunked")}1\r\n{\r\n00A\r\n"a" : [1,2\r\n2\r\n]}\r\n0\r\n\r\n`;
    const bodyAt = request.indexOf("\r\n\r\n") + 4;
    for (let cut = bodyAt; cut < request.length; cut++) {
      await onConnection(service, async (connection) => {
        connection.write(request.slice(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        connection.write(request.slice(cut));
        t.match(summaryOf((await connection.reply()).json()), { errors: 0 }, `cut at ${cut - bodyAt}`);
      });
    }
  });

  await t.test("Expect: 100-continue is answered before the body is sent", async (t) => {
    await onConnection(service, async (connection) => {
      connection.write(head("/v1/lint/json", "Expect: 100-continue", "Content-Length: 2"));
      t.equal((await connection.reply()).statusLine, "100 Continue");
      connection.write("{}");
      t.equal((await connection.reply()).status, 200);
    });
  });

  await t.test("an empty body and one that is not UTF-8 reach the linter", async (t) => {
    for (const headers of [["Content-Length: 0"], []]) {
      await onConnection(service, async (connection) => {
        connection.write(head("/v1/lint/json", ...headers));
        t.match(summaryOf((await connection.reply()).json()), { errors: 1 }, "an empty document is not JSON");
      });
    }
    t.match(problemOf(await lint({ body: Buffer.from([0x22, 0xff, 0xfe, 0x22]) })), { status: 422, code: "rejected", detail: /UTF-8/, retryable: false });
  });
  await service.untilIdle();
});

// Every character is a finding: megabytes of report, far beyond what the sockets buffer.
const talkative = `[${"x,".repeat(bodyBytesMax / 2 - 1)}`;
const askForMuch = (connection: RawConnection): void => connection.write(head("/v1/lint/json?format=sarif", `Content-Length: ${talkative.length}`) + talkative);

void t.test("slow clients, whose time is soon up", async (t) => {
  const service = await startHttpService(t, { requestTimeout: "2s" });

  await t.test("an upload that does not arrive in time is 408, whatever its answer would have been", async (t) => {
    const cases: readonly (readonly [first: string, status: number])[] = [
      [head("/v1/lint/json", "Content-Length: 10"), 408],
      [`${head("/v1/lint/json", "Content-Length: 10")}{`, 408],
      [`${head("/v1/lint/json", "Transfer-Encoding: chunked")}1\r\n{\r\n`, 408],
      [`${head("/v1/lint/none", "Content-Length: 10")}{`, 404],
    ];
    await Promise.all(
      cases.map(([first, status]) =>
        onConnection(service, async (connection) => {
          const startMs = performance.now();
          connection.write(first);
          const trickle = setInterval(() => connection.write(first.includes("chunked") ? "1\r\n \r\n" : ""), 100);
          const reply = await connection.reply();
          clearInterval(trickle);
          const { code } = problemOf(reply);
          t.equal(reply.status, status, first);
          t.equal(code, status === 408 ? "request-timeout" : "unknown-language");
          t.equal(reply.headers["connection"], "close");
          t.ok(performance.now() - startMs >= 1_990, "not before the limit");
          await connection.ending();
        }),
      ),
    );
    await service.untilIdle();
  });

  await t.test("a client that does not read its answer holds no more than that, and is cut when the time is up", async (t) => {
    const held = (): Promise<number> => service.metric("lintel_shard_reply_bytes_held");
    const before = await service.metric("lintel_requests_total", 'code="499"');
    await onConnection(service, async (connection) => {
      connection.socket.pause();
      askForMuch(connection);
      await waitUntil("bytes to be held for it", async () => (await held()) > 0);
      t.equal((await service.lint()).status, 200);
      await waitUntil("it to be cut", async () => (await service.metric("lintel_requests_total", 'code="499"')) === before + 1);
      t.equal(await held(), 0);
      connection.socket.resume();
      await connection.ending();
    });
  });
});

void t.test("leaving clients, and one that is late", async (t) => {
  const service = await startHttpService(t);

  await t.test("a client that leaves while it sends gives its bytes back", async (t) => {
    const connection = await connect(service);
    connection.write(head("/v1/lint/json", `Content-Length: ${bodyBytesMax}`) + " ".repeat(bodyBytesMax - 1));
    await waitUntil("its bytes to be held", async () => (await service.metric("lintel_shard_body_bytes_held")) === bodyBytesMax - 1);
    connection.close();
    await service.untilIdle();
    t.equal(await service.metric("lintel_requests_total", 'code="499"'), 1);
  });

  await t.test("a client that leaves while its source is analysed frees the worker", async (t) => {
    const before = await service.metric("lintel_requests_total", 'code="499"');
    const connections = await Promise.all(Array.from({ length: 4 }, () => connect(service)));
    // Under different names, because copies of an input that was never answered would wait for the first.
    for (const [index, connection] of connections.entries()) connection.write(`${head(`/v1/lint/waiting?filename=${index}`, "Content-Length: 2")}9\n`);
    await waitUntil("all to be at the worker", async () => (await service.metric("lintel_worker_in_flight", 'language="waiting"')) === 4);
    for (const connection of connections.slice(0, 2)) connection.close();
    for (const connection of connections.slice(2)) connection.socket.resetAndDestroy();
    await service.untilIdle();
    t.equal(await service.metric("lintel_requests_total", 'code="499"'), before + 4);
    const reply = await service.lint({ path: "/v1/lint/waiting", body: "0\n" });
    t.equal(reply.status, 200, "the places are free again");
  });

  await t.test("a client that reads its answer late gets all of it", async (t) => {
    await onConnection(service, async (connection) => {
      connection.socket.pause();
      askForMuch(connection);
      await waitUntil("bytes to be held for it", async () => (await service.metric("lintel_shard_reply_bytes_held")) > 0);
      connection.socket.resume();
      const { text } = await connection.reply();
      const report = JSON.parse(text) as { runs: { results: unknown[] }[] };
      t.ok(text.length > 1_000_000 && (report.runs[0]?.results.length ?? 0) > 1_000, `${text.length} bytes`);
    });
    await service.untilIdle();
  });
});
