/**
 * The floor: uWebSockets.js reads the body and replies on the next turn, nothing else. No balancer on this
 * stack can cost less. Also the HTTP/1.1 backend behind nginx and HAProxy, then replying at once.
 */
import * as uWS from "uWebSockets.js";
import { endWithParent, processOptions, tellReady } from "./child-side.js";
import { sampleReport } from "../sample-report.js";

export interface FloorOptions {
  /** How many ports; a backend stands for several servers. */
  readonly count: number;
  readonly reportBytes: number;
  readonly replyLater: boolean;
}

endWithParent();
const { count, reportBytes, replyLater } = processOptions() as FloorOptions;
const report = sampleReport(reportBytes);
/** Replies due at the end of the turn. */
const due: uWS.HttpResponse[] = [];

function replyNow(res: uWS.HttpResponse): void {
  res.cork(() => {
    res.writeHeader("Content-Type", "application/json");
    res.end(report);
  });
}

function replyToAll(): void {
  for (const res of due) if (!gone.has(res)) replyNow(res);
  due.length = 0;
  gone.clear();
}

const gone = new Set<uWS.HttpResponse>();

function read(res: uWS.HttpResponse): void {
  let body: Buffer | undefined;
  res.onAborted(() => gone.add(res));
  res.onData((chunk, isLast) => {
    const copy = Buffer.from(new Uint8Array(chunk));
    body = body === undefined ? copy : Buffer.concat([body, copy]);
    if (!isLast) return;
    if (!replyLater) {
      replyNow(res);
      return;
    }
    if (due.length === 0) setImmediate(replyToAll);
    due.push(res);
  });
}

const ports: number[] = [];
for (let index = 0; index < count; index++) {
  const app = uWS.App();
  app.any("/*", read);
  app.listen("127.0.0.1", 0, (socket) => {
    if (socket !== false) ports.push(uWS.us_socket_local_port(socket));
  });
}
tellReady({ ports });
