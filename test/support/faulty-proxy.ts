/** A TCP proxy before a real worker that spoils what the worker says, to be a worker that breaks its contract. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

export type Fault =
  | { readonly kind: "none" }
  /** Answers every request as if it were one that nobody has sent. */
  | { readonly kind: "wrong-id" }
  /** Overwrites the bytes of replies with noise. */
  | { readonly kind: "garbage" }
  /** Sends the first half of each piece and then closes. */
  | { readonly kind: "truncate" };

export class FaultyProxy {
  /** From the next piece on. */
  fault: Fault = { kind: "none" };
  port = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly workerPort: number) {
    this.server = createServer((client) => this.serve(client));
  }

  get id(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    const address = this.server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  private serve(client: Socket): void {
    const worker = connect(this.workerPort, "127.0.0.1");
    for (const socket of [client, worker]) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.sockets.delete(socket);
        client.destroy();
        worker.destroy();
      });
    }
    client.on("data", (bytes) => worker.write(bytes));
    worker.on("data", (bytes) => this.answer(client, bytes));
  }

  private answer(client: Socket, bytes: Buffer): void {
    const { fault } = this;
    switch (fault.kind) {
      case "none":
        client.write(bytes);
        break;
      case "wrong-id":
        client.write(withWrongIds(bytes));
        break;
      case "garbage":
        client.write(Buffer.from(bytes.map((byte, index) => (byte * 31 + index * 17 + 7) & 0xff)));
        break;
      case "truncate":
        client.end(bytes.subarray(0, Math.ceil(bytes.length / 2)));
        break;
    }
  }
}

const frameHeaderBytes = 9;
/** Further on than any request of a test gets. */
const idOffset = 1_000_000;

/** HTTP/2 frames with their stream ids moved; a piece of a loopback connection begins with a frame as good as always. */
function withWrongIds(bytes: Buffer): Buffer {
  const moved = Buffer.from(bytes);
  for (let at = 0; at + frameHeaderBytes <= moved.length; at += frameHeaderBytes + moved.readUIntBE(at, 3)) {
    const id = moved.readUInt32BE(at + 5);
    if (id > 0) moved.writeUInt32BE(id + idOffset, at + 5);
  }
  return moved;
}
