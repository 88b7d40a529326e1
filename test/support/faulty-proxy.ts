/** A TCP proxy before a real worker that spoils what the worker says, to be a worker that breaks its contract. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

export type Fault =
  | { readonly kind: "none" }
  /** Passes what it should, `delayMs` later. */
  | { readonly kind: "slow"; readonly delayMs: number }
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
      case "slow":
        setTimeout(() => client.write(bytes), fault.delayMs);
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
