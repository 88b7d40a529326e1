// Those who have the dashboard open, over real sockets: what they get, how many there may be, and what becomes of one who does not read.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import t, { type Test } from "tap";
import { Readers } from "../../../src/balancer/dashboard/readers.js";
import { waitUntil } from "../../support/wait-until.js";

async function start(t: Test, unreadBytesMax = 1024 * 1024) {
  const readers = new Readers({ readersMax: 2, unreadBytesMax });
  const responses: ServerResponse[] = [];
  let gone = 0;
  const server = createServer((_request, response) => {
    responses.push(response);
    response.writeHead(200);
    readers.add(response, () => gone++);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const open = async (): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    const { count } = readers;
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await waitUntil("the reader is there", () => Promise.resolve(readers.count === count + 1));
    return socket;
  };
  return { readers, responses, open, gone: () => gone };
}

void t.test("every reader gets every event, once", async (t) => {
  const { readers, responses, open, gone } = await start(t);
  const [one, other] = [await open(), await open()];
  t.ok(readers.full);
  const texts = ["", ""];
  for (const [index, socket] of [one, other].entries()) socket.setEncoding("utf8").on("data", (text: string) => (texts[index] = `${texts[index] ?? ""}${text}`));
  readers.tell(responses[0]!, "whole", { a: "line\nbreak" });
  readers.tellAll("change", { b: 2 });
  readers.ping();
  await waitUntil("both have read", () => Promise.resolve(texts.every((text) => text.includes(":\n\n"))));
  t.match(texts[0], /event: whole\ndata: \{"a":"line\\nbreak"\}\n\n[^]*event: change\ndata: \{"b":2\}\n\n/);
  t.notMatch(texts[1], "whole");
  one.destroy();
  await waitUntil("it is forgotten", () => Promise.resolve(readers.count === 1 && gone() === 1));
  readers.close();
});

void t.test("what comes after they were let go is for nobody, and harms nobody", async (t) => {
  const { readers, responses, open, gone } = await start(t);
  const socket = await open();
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  responses[0]!.on("error", (error) => t.fail(error.message));
  readers.close();
  readers.tellAll("change", { late: true });
  readers.tell(responses[0]!, "whole", { late: true });
  readers.ping();
  await waitUntil("it is forgotten", () => Promise.resolve(readers.count === 0 && gone() === 1), 5_000);
  t.match(text, /retry:/);
  t.notMatch(text, "late");
});

void t.test("one who does not read is cut, and the others are not", async (t) => {
  const { readers, open } = await start(t, 10_000);
  const slow = await open();
  slow.pause();
  const quick = await open();
  let read = 0;
  quick.on("data", (data) => (read += data.length));
  let sent = 0;
  await waitUntil("the slow one is cut", () => {
    if (readers.count === 2) {
      readers.tellAll("change", { text: "x".repeat(100_000) });
      sent += 100_000;
    }
    return Promise.resolve(readers.count === 1);
  }, 20_000);
  await waitUntil("the quick one has all", () => Promise.resolve(read > sent), 20_000);
  slow.resume();
  await once(slow, "close");
  readers.close();
});
