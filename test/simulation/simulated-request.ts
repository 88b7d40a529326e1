/**
 * One user's request: sends its body in one or several pieces, may leave before the answer, and looks closely
 * at what it gets. Stands in for the native response object. Must not know workers.
 */
import type { HttpResponse } from "uWebSockets.js";
import type { Clock } from "../../src/base/clock.js";
import { formats } from "../../src/formats/formats.js";
import { Incoming } from "../../src/shard/incoming.js";
import type { Active, ActiveLanguage, ActiveVersion } from "../../src/shard/active.js";
import type { Problem } from "../../src/shard/problem.js";
import { RequestIds } from "../../src/shard/request-ids.js";
import type { Input } from "./input.js";
import type { SimulatedShard } from "./simulated-shard.js";
import { must, type Diary } from "./violation.js";

export interface RequestPlan {
  readonly id: string;
  readonly input: Input;
  readonly active: Active;
  readonly language: ActiveLanguage;
  readonly version: ActiveVersion | undefined;
  readonly deadlineMs: number;
  /** The pauses before the pieces of its body, the first one included. */
  readonly pausesMs: readonly number[];
  /** How long its user waits; Infinity for somebody patient. */
  readonly patienceMs: number;
  /** After the answer. */
  readonly onOver?: () => void;
}

export interface RequestWatch {
  /** The answer, while the exchange is still what it was when it settled. */
  onAnswer(request: SimulatedRequest, status: number, headers: ReadonlyMap<string, string>, body: string | Uint8Array): void;
  onLeft(request: SimulatedRequest): void;
  /** Its shard is gone, and its connection with it. */
  onLost(request: SimulatedRequest): void;
}

/** By length: a native piece is dead after the call, and its memory used again. */
const pieces = new Map<number, ArrayBuffer>();

function nativePiece(bytes: Uint8Array): ArrayBuffer {
  const piece = pieces.get(bytes.length) ?? new ArrayBuffer(bytes.length);
  pieces.set(bytes.length, piece);
  new Uint8Array(piece).set(bytes);
  return piece;
}

const ids = new RequestIds("simulated-");
const format = formats.find(({ name }) => name === "json")!;

export class SimulatedRequest {
  phase: "sending" | "waiting" | "answered" | "left" | "lost" = "sending";
  readonly startedMs: number;
  /** When its body was complete; Infinity before. */
  completeMs = Infinity;
  private readonly incoming: Incoming;

  constructor(
    readonly plan: RequestPlan,
    readonly shard: SimulatedShard,
    private readonly clock: Clock,
    private readonly watch: RequestWatch,
    private readonly diary: Diary,
  ) {
    const { active, language, version, deadlineMs, id } = plan;
    this.startedMs = clock.nowMs();
    const head = { active, language, version, filename: "", optionsJson: "", format, deadlineMs, traceparent: id, source: new Uint8Array(0), startedMs: 0 };
    this.incoming = new Incoming(this.response(), head, String(plan.input.source.length), { requestId: id, ids, rateLimit: undefined, traceparent: "", allowOrigin: "", varyByOrigin: false, isHead: false }, shard.parts.context);
  }

  start(): void {
    const { patienceMs } = this.plan;
    this.sendPiece(0, 0);
    if (patienceMs !== Infinity) this.clock.after(patienceMs, () => this.leave());
  }

  get bodyBytesMax(): number {
    return this.shard.surroundings.limits.bodyBytesMax;
  }

  get isOver(): boolean {
    return this.phase !== "sending" && this.phase !== "waiting";
  }

  lose(): void {
    if (this.isOver) return;
    this.diary.note(() => `request ${this.plan.id}: its connection is lost`);
    this.phase = "lost";
    this.watch.onLost(this);
    this.plan.onOver?.();
  }

  private leave(): void {
    if (this.isOver) return;
    this.diary.note(() => `request ${this.plan.id}: the client leaves`);
    this.phase = "left";
    this.incoming.onAborted();
    this.watch.onLeft(this);
  }

  private sendPiece(piece: number, from: number): void {
    const { input, pausesMs } = this.plan;
    const pauseMs = pausesMs[piece] ?? 0;
    const isLast = piece >= pausesMs.length - 1;
    const to = isLast ? input.source.length : Math.floor((input.source.length * (piece + 1)) / pausesMs.length);
    const send = (): void => {
      if (this.phase !== "sending") return;
      if (isLast) {
        this.phase = "waiting";
        this.completeMs = this.clock.nowMs();
      }
      this.incoming.onData(nativePiece(input.source.subarray(from, to)), isLast);
      if (!isLast) this.sendPiece(piece + 1, to);
    };
    if (pauseMs === 0) send();
    else this.clock.after(pauseMs, send);
  }

  /** What of the native object the replies use; dead after the end, or when the client has left. */
  private response(): HttpResponse {
    // What is written when nobody says otherwise.
    let status = 200;
    const headers = new Map<string, string>();
    const alive = (what: string): void => must(!this.isOver, "a reply is written once, and to nobody who left", () => `${what} after ${this.phase}`);
    const response = {
      cork: (write: () => void) => {
        alive("cork");
        write();
      },
      writeStatus: (line: string) => {
        alive("status");
        status = Number(line.slice(0, 3));
      },
      writeHeader: (name: string, value: string | Uint8Array) => {
        alive("header");
        // It is written as it is, and may bring further lines.
        const text = typeof value === "string" ? value : Buffer.from(value).toString("latin1");
        for (const line of `${name}: ${text}`.split("\r\n")) headers.set(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2));
      },
      end: (body: string | Uint8Array) => {
        alive("end");
        this.phase = "answered";
        this.watch.onAnswer(this, status, headers, body);
        this.plan.onOver?.();
      },
      /** Every client here reads. */
      tryEnd: (body: string | Uint8Array): [boolean, boolean] => {
        response.end(body);
        return [true, true];
      },
    };
    return response as unknown as HttpResponse;
  }
}

/** The code of a problem's body; "" for a report. */
export function problemCodeOf(status: number, body: string | Uint8Array): Problem["kind"] | "" {
  if (status === 200) return "";
  return (JSON.parse(body.toString()) as { code: Problem["kind"] }).code;
}
