/**
 * A proxy with Lintel's HTTP interface and none of its features: heads are read and replies are written as a shard does it, behind is
 * the shard's own gRPC client (or @grpc/grpc-js), and workers are asked in turn. What Lintel costs above it is what metrics, deadlines,
 * versions, choice and retries cost together.
 */
import * as uWS from "uWebSockets.js";
import { systemClock } from "../../../src/base/clock.js";
import { seededRandom } from "../../../src/base/random.js";
import { VersionCounter } from "../../../src/balancing/version-counter.js";
import { Active, type ActiveLanguage } from "../../../src/shard/active.js";
import { type LintHead, readLintHead } from "../../../src/shard/lint-request.js";
import { writeReport, type Answered, type ReplyMeta } from "../../../src/shard/reply.js";
import { RequestIds } from "../../../src/shard/request-ids.js";
import { continueTrace } from "../../../src/shard/trace-context.js";
import { defaultConfiguration } from "../../../src/snapshot/configuration.js";
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

// What a head is read against: one language, whatever its versions are.
const { limits, http } = defaultConfiguration();
const requestLimits = { ...limits, bodyBytesMax: http.bodyBytesMax };
const random = seededRandom(1);
const name = "python";
const language: ActiveLanguage = {
  language: name,
  snapshot: { language: name, extensions: [], spill: true, versions: [] },
  slots: { languages: {}, versions: {}, workers: {} },
  slot: 1,
  spill: true,
  extensions: [],
  versions: [],
  counter: new VersionCounter([], random),
};
const active = new Active(1, 1, 1, new Map([[name, language]]), new Map());
const meta: ReplyMeta = { requestId: "", ids: new RequestIds("bare-"), rateLimit: undefined, traceparent: "", allowOrigin: "", varyByOrigin: false, isHead: false };
const answered: Answered = { attempts: 1, spilled: false, worker: { credits: "static 1\r\nLintel-Version: 1.0.0\r\nLintel-Worker: w", reportHead: undefined } };

class Passage implements AttemptListener {
  private body: Buffer | undefined;
  private isGone = false;
  private readonly startedMs = systemClock.nowMs();

  constructor(
    private readonly res: uWS.HttpResponse,
    private readonly head: LintHead,
  ) {}

  onAborted(): void {
    this.isGone = true;
  }

  onData(chunk: ArrayBuffer, isLast: boolean): void {
    const copy = Buffer.from(new Uint8Array(chunk));
    this.body = this.body === undefined ? copy : Buffer.concat([this.body, copy]);
    if (!isLast) return;
    const connection = connections[turn++ % connections.length]!;
    const { head } = this;
    head.source = this.body;
    connection.lint(head, attemptTimeoutMs, this);
  }

  onReply(report: Uint8Array): void {
    if (!this.isGone) writeReport(this.res, report, this.head.format.mediaType, answered, systemClock.nowMs() - this.startedMs, meta, false);
  }

  onFailure(): void {
    if (this.isGone) return;
    this.res.cork(() => this.res.writeStatus("502 Bad Gateway").end());
  }
}

const app = uWS.App();
app.post("/v1/lint/:language", (res, req) => {
  const announced = req.getHeader("content-length");
  const isTraced = req.getHeader("x-request-id") !== "" || continueTrace(req.getHeader("traceparent"), random) !== "";
  const head = readLintHead(req, req.getParameter(0) ?? "", announced, "", active, requestLimits);
  if (isTraced || "kind" in head) throw new Error("the load asks for nothing unusual");
  const passage = new Passage(res, head);
  res.onAborted(() => passage.onAborted());
  res.onData((chunk, isLast) => passage.onData(chunk, isLast));
});
app.listen("127.0.0.1", 0, (socket) => {
  if (socket !== false) tellReady({ ports: [uWS.us_socket_local_port(socket)] });
});
