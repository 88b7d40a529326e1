/** Users who keep their connection: single ones, and those who know a second address for the service. */
import { Agent, request } from "node:http";
import { delay } from "../../src/base/clock.js";
import { realJsonFiles } from "./real-files.js";

export interface Reply {
  readonly status: number;
  /** Whether it said "Connection: close". */
  readonly closes: boolean;
  /** Whether it came on a connection that had been used before. */
  readonly reused: boolean;
}

const [file] = realJsonFiles(1);

/** One connection that is kept alive as long as the server lets it. */
export class KeptAlive {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly url: string) {}

  /** Rejects with whether the connection had been used before as `reused`. */
  ask(path = file!.path, source: Buffer = file!.source): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.url}${path}`, { method: "POST", agent: this.agent, headers: { "Content-Length": source.length } }, (response) => {
        response.resume();
        response.on("end", () => resolve({ status: response.statusCode ?? 0, closes: response.headers.connection?.startsWith("close") ?? false, reused: outgoing.reusedSocket }));
        response.on("error", reject);
      });
      outgoing.on("error", (error) => reject(Object.assign(error, { reused: outgoing.reusedSocket })));
      outgoing.end(source);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Somebody with two addresses for the service, who goes to the second when the first has gone. */
export class User {
  answered = 0;
  answeredElsewhere = 0;
  toldToClose = 0;
  /** New connections that were not to be had: no harm, nothing had been sent to anybody. */
  refused = 0;
  /** Requests on a connection that had worked before, lost. */
  cut = 0;
  private stopped = false;
  private at = 0;
  private readonly done: Promise<void>;

  constructor(urls: readonly [string, string], language: string) {
    this.done = this.run(urls, language);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  private async run(urls: readonly [string, string], language: string): Promise<void> {
    const connections = urls.map((url) => new KeptAlive(url));
    while (!this.stopped) {
      try {
        const { status, closes } = await connections[this.at]!.ask(`/v1/lint/${language}`);
        if (status !== 200) throw new Error(`status ${status}`);
        this.answered++;
        if (closes) this.toldToClose++;
        if (this.at === 1) this.answeredElsewhere++;
      } catch (error) {
        if ((error as { reused?: boolean }).reused === false) this.refused++;
        else this.cut++;
        this.at = 1;
      }
      await delay(20);
    }
    for (const connection of connections) connection.close();
  }
}
