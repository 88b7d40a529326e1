/** Clients that hold connections without being of any use: they send a byte a second, or never read their reply. */
import { connect, type Socket } from "node:net";

export type BadKind =
  /** Its head never ends: a byte a second. */
  | "slow-head"
  /** Its body never ends: a byte a second. */
  | "slow-body"
  /** Sends a whole request and reads nothing. It hears of its end only by a reset. */
  | "deaf"
  /** Asks for a document over and over, many times at once, and reads nothing. */
  | "greedy"
  /** Asks for a document ten times a second, and reads nothing. */
  | "patient";

export class BadClients {
  /** What those the server has ended were told: "408", "200", or "" when they were closed without a word; and how many. */
  readonly endings: Record<string, number> = {};
  private readonly sockets = new Set<Socket>();
  private readonly sending = new Set<Socket>();
  private readonly timer: NodeJS.Timeout;
  private readonly adding = new Set<NodeJS.Timeout>();
  private added = 0;

  constructor(
    private readonly port: number,
    private readonly path: string,
  ) {
    // A tenth of them at a time, as they would if nobody had set them going together.
    let turn = 0;
    this.timer = setInterval(() => {
      turn++;
      let index = 0;
      for (const socket of this.sending) if (index++ % 10 === turn % 10 && socket.writable) socket.write("x");
    }, 100);
  }

  /** Those the server has not ended yet. */
  get open(): number {
    return this.sockets.size;
  }

  /** `count` of them, spread over `overMs`. */
  add(kind: BadKind, count: number, overMs: number): void {
    const steps = Math.max(1, Math.ceil(overMs / 20));
    let step = 0;
    let left = count;
    const timer = setInterval(() => {
      const now = Math.ceil(left / (steps - step++));
      for (let index = 0; index < now; index++) this.addOne(kind);
      left -= now;
      if (left > 0) return;
      clearInterval(timer);
      this.adding.delete(timer);
    }, 20);
    this.adding.add(timer);
  }

  stop(): void {
    clearInterval(this.timer);
    for (const timer of this.adding) clearInterval(timer);
    for (const socket of this.sockets) socket.destroy();
  }

  private addOne(kind: BadKind): void {
    const head = `POST ${this.path} HTTP/1.1\r\nHost: x\r\n`;
    if (kind === "slow-head") this.sending.add(this.begin(`${head}X-Slow: `));
    else if (kind === "slow-body") this.sending.add(this.begin(`${head}Content-Length: 100000\r\n\r\n`));
    else if (kind === "deaf") {
      // Each its own input: a copy of one that is in flight would wait for it.
      const source = String(this.added++);
      this.begin(`${head}Content-Length: ${source.length}\r\n\r\n${source}`).pause();
    } else if (kind === "greedy") this.ask(this.begin(""));
    else this.askSlowly(this.begin(""));
  }

  private ask(socket: Socket): void {
    socket.pause();
    const requests = `GET ${this.path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1_000);
    const more = (): void => {
      while (!socket.destroyed && socket.write(requests));
    };
    socket.on("drain", more);
    more();
  }

  private askSlowly(socket: Socket): void {
    socket.pause();
    const timer = setInterval(() => socket.write(`GET ${this.path} HTTP/1.1\r\nHost: x\r\n\r\n`), 100);
    socket.once("close", () => clearInterval(timer));
  }

  private begin(start: string): Socket {
    const socket = connect(this.port, "127.0.0.1");
    let heard = "";
    this.sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (data) => (heard += data.toString("latin1")));
    socket.once("close", () => {
      this.sockets.delete(socket);
      this.sending.delete(socket);
      const status = /^HTTP\/1\.1 (\d+)/.exec(heard)?.[1] ?? "";
      this.endings[status] = (this.endings[status] ?? 0) + 1;
    });
    socket.write(start);
    return socket;
  }
}
