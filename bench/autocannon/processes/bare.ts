/**
 * A proxy with none of Lintel's features: uWebSockets.js in front, the shard's own gRPC client (or
 * @grpc/grpc-js) behind, workers in turn. What Lintel costs above it is what its features cost.
 */
import * as uWS from "uWebSockets.js";
import type { AttemptListener, Connection } from "../../../src/upstream/connection.js";
import { openGrpcConnection } from "../../micro/grpc-js-connection.js";
import { createHttp2Connector } from "../../../src/upstream/http2-connector.js";
import { endWithParent, processOptions, tellReady } from "./child-side.js";

export interface BareOptions {
  readonly client: "own" | "grpc-js";
  readonly workers: readonly number[];
}

endWithParent();
const { client, workers } = processOptions() as BareOptions;
const open = client === "own" ? createHttp2Connector().open : openGrpcConnection;
const attemptTimeoutMs = 2_000;

function connect(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const connection = open(
      { host: "127.0.0.1", port, connectTimeoutMs: 5_000, reportBytesMax: 16 * 1024 * 1024 },
      { onOpen: () => resolve(connection), onDraining: () => undefined, onClosed: (reason) => reject(new Error(reason)) },
    );
  });
}

const connections = await Promise.all(workers.map(connect));
let turn = 0;

class Passage implements AttemptListener {
  private body: Buffer | undefined;
  private isGone = false;

  constructor(private readonly res: uWS.HttpResponse) {}

  onAborted(): void {
    this.isGone = true;
  }

  onData(chunk: ArrayBuffer, isLast: boolean): void {
    const copy = Buffer.from(new Uint8Array(chunk));
    this.body = this.body === undefined ? copy : Buffer.concat([this.body, copy]);
    if (!isLast) return;
    const connection = connections[turn++ % connections.length]!;
    connection.lint({ source: this.body, filename: "", optionsJson: "", traceparent: "" }, attemptTimeoutMs, this);
  }

  onReply(report: Uint8Array): void {
    if (this.isGone) return;
    const { res } = this;
    res.cork(() => {
      res.writeHeader("Content-Type", "application/json");
      res.end(report);
    });
  }

  onFailure(): void {
    if (this.isGone) return;
    this.res.cork(() => this.res.writeStatus("502 Bad Gateway").end());
  }
}

const app = uWS.App();
app.post("/*", (res) => {
  const passage = new Passage(res);
  res.onAborted(() => passage.onAborted());
  res.onData((chunk, isLast) => passage.onData(chunk, isLast));
});
app.listen("127.0.0.1", 0, (socket) => {
  if (socket !== false) tellReady({ ports: [uWS.us_socket_local_port(socket)] });
});
