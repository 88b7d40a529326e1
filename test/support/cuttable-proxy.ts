/** A TCP proxy that can be cut as a network is: nothing comes through and nobody is told. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

export class CuttableProxy {
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(targetPort: number): Promise<CuttableProxy> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const proxy = new CuttableProxy(server, typeof address === "object" && address !== null ? address.port : 0);
    server.on("connection", (client) => proxy.serve(client, targetPort));
    return proxy;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** What was on its way arrives now. */
  mend(): void {
    this.isCut = false;
    for (const socket of this.sockets) socket.resume();
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private serve(client: Socket, targetPort: number): void {
    const target = connect(targetPort, "127.0.0.1");
    for (const [from, to] of [[client, target], [target, client]] as const) {
      this.sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (bytes) => to.write(bytes));
      from.on("error", () => undefined);
      from.on("close", () => {
        this.sockets.delete(from);
        to.destroy();
      });
      if (this.isCut) from.pause();
      else from.resume();
    }
  }
}
