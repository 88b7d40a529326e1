/**
 * Keeps an answer for the newest request: waits until the user pauses, drops what is out of date, tries again
 * what may be tried again, ever more slowly. Must not know what the answers mean.
 */
import { after, type Timer } from "../base/clock.js";
import { lint, type Answer, type Facts, type LintRequest, type ProblemDetails } from "./service.js";

export interface LintLoopOptions {
  /** The least pause in typing before a request: shorter, and every word would be linted. */
  readonly quietMs: number;
  /** The most: a linter that takes longer is asked again as soon as that. */
  readonly quietMsMax: number;
  /** Tries of one request before the user is asked whether to go on. */
  readonly attemptsMax: number;
  /** Before the second try; doubles with each further one. What the service asks for comes first. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
}

export const lintLoopDefaults: LintLoopOptions = { quietMs: 250, quietMsMax: 1_500, attemptsMax: 4, pauseMs: 1_000, pauseMsMax: 10_000 };

export interface LintLoopListener {
  /** A request is on its way. */
  onAsking(): void;
  onReport(request: LintRequest, text: string, facts: Facts): void;
  /** `retryInMs` is when it is tried again without the user's help; undefined when it is not. */
  onProblem(problem: ProblemDetails, retryInMs: number | undefined): void;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "asking"; readonly abort: AbortController };

export class LintLoop {
  private state: State = { kind: "idle" };
  /** How long the last answer took: who asks a slow linter waits longer before asking again. */
  private lastElapsedMs = 0;
  private newest: (() => LintRequest) | undefined;

  constructor(
    private readonly base: string,
    private readonly listener: LintLoopListener,
    private readonly options: LintLoopOptions = lintLoopDefaults,
  ) {}

  /** After the user has typed: asks once there is a pause. `request` is called then. */
  askSoon(request: () => LintRequest): void {
    const { quietMs, quietMsMax } = this.options;
    this.wait(request, Math.min(quietMsMax, Math.max(quietMs, this.lastElapsedMs)), 1);
  }

  askNow(request: () => LintRequest): void {
    this.wait(request, 0, 1);
  }

  /** The same once more, because the user says so. */
  again(): void {
    if (this.newest !== undefined) this.askNow(this.newest);
  }

  stop(): void {
    if (this.state.kind === "waiting") this.state.timer.clear();
    if (this.state.kind === "asking") this.state.abort.abort();
    this.state = { kind: "idle" };
  }

  private wait(request: () => LintRequest, delayMs: number, attempt: number): void {
    this.stop();
    this.newest = request;
    this.state = { kind: "waiting", timer: after(delayMs, () => void this.ask(request, attempt)) };
  }

  private async ask(request: () => LintRequest, attempt: number): Promise<void> {
    const abort = new AbortController();
    this.state = { kind: "asking", abort };
    this.listener.onAsking();
    const asked = request();
    let answer: Answer;
    try {
      answer = await lint(this.base, asked, abort.signal);
    } catch {
      return;
    }
    if (abort.signal.aborted) return;
    this.state = { kind: "idle" };
    this.settle(request, asked, answer, attempt);
  }

  private settle(request: () => LintRequest, asked: LintRequest, answer: Answer, attempt: number): void {
    if (answer.kind === "report") {
      this.lastElapsedMs = answer.facts.elapsedMs;
      this.listener.onReport(asked, answer.text, answer.facts);
      return;
    }
    const { attemptsMax, pauseMs, pauseMsMax } = this.options;
    const { problem, retryAfterMs } = answer;
    if (!problem.retryable || attempt >= attemptsMax) {
      this.listener.onProblem(problem, undefined);
      return;
    }
    const retryInMs = Math.min(pauseMsMax, Math.max(retryAfterMs, pauseMs * 2 ** (attempt - 1)));
    this.wait(request, retryInMs, attempt + 1);
    this.listener.onProblem(problem, retryInMs);
  }
}
