/**
 * An analysis thread: piscina loads this file in each and calls it with one request at a time. It turns bytes into
 * the bytes of a reply; nothing it throws leaves it. Must not know queues or gRPC.
 */
import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { messageOf } from "../base/errors.js";
import type { AnalysisOutcome, AnalysisTask, Introduction, ThreadRequest, ThreadSettings } from "./analysis.js";
import { LimitBroken, Rejection, type Analyzer } from "./analyzers/analyzer.js";
import { parseOptions } from "./analyzers/options.js";
import { loadAnalyzer } from "./analyzers/registry.js";
import { reportOf } from "./messages.js";
import { reportResponse, type ReportIdentity } from "./report-bytes.js";

const settings = workerData as ThreadSettings;
const loading = loadAnalyzer(settings.analyzer);
// Reported by whoever asks first; until then it is not "unhandled".
loading.catch(() => undefined);

/** Longer texts of errors are cut: they travel in an HTTP/2 header. */
const errorCharactersMax = 500;

export default async function answer(request: ThreadRequest): Promise<unknown> {
  const analyzer = await loading;
  if (request.kind === "introduce") return introduce(analyzer);
  const outcome = await analyze(analyzer, request);
  return outcome.kind === "reported" ? handOver(outcome) : outcome;
}

/** Transfers the memory of a reply to the network thread, which would otherwise get a copy. */
function handOver(outcome: AnalysisOutcome & { kind: "reported" }): unknown {
  const transferable = { [transferableSymbol]: outcome.response.bytes.buffer, [valueSymbol]: outcome };
  return move(transferable);
}

async function analyze(analyzer: Analyzer, task: AnalysisTask): Promise<AnalysisOutcome> {
  try {
    const text = decode(task.source);
    const source = { bytes: task.source, text, filename: task.filename, options: parseOptions(task.optionsJson) };
    const found = await analyzer.analyze(source);
    return { kind: "reported", response: reportResponse(identityOf(analyzer), found, settings.reportBytesMax) };
  } catch (error) {
    return failureOf(error);
  }
}

function identityOf({ linterName, linterVersion }: Analyzer): ReportIdentity {
  return { language: settings.language, linterName, linterVersion };
}

function decode(source: Uint8Array): string {
  if (!isUtf8(source)) throw new Rejection(`The source is not valid UTF-8${firstInvalid(source)}.`);
  return Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString("utf8");
}

/** Where the text stops being UTF-8: the longest prefix that can still be continued, by bisection. */
function firstInvalid(source: Uint8Array): string {
  const canContinue = (length: number): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(source.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let low = 0;
  let high = source.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (canContinue(middle)) low = middle;
    else high = middle - 1;
  }
  return low === source.length ? ": it ends within a character" : ` at byte ${low + 1}`;
}

function failureOf(error: unknown): AnalysisOutcome {
  if (error instanceof Rejection) return { kind: "rejected", message: cut(error.message) };
  if (error instanceof LimitBroken) return { kind: "killed", message: cut(error.message) };
  if (isTooDeep(error)) return { kind: "rejected", message: "The source is nested too deeply to be analysed." };
  // A trap in WebAssembly: its memory is in no defined state from then on.
  const tainted = error instanceof Error && error.name === "RuntimeError";
  return { kind: "crashed", message: cut(`The analysis failed: ${messageOf(error)}`), tainted };
}

function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes("call stack");
}

function cut(message: string): string {
  const line = message.replace(/\s+/g, " ").trim();
  return line.length > errorCharactersMax ? `${line.slice(0, errorCharactersMax)} …` : line;
}

/** Analyses the self-test twice: it warms the thread up, and an answer that differs is no answer to compare with. */
async function introduce(analyzer: Analyzer): Promise<Introduction> {
  const { linterName, linterVersion, documentationUrl, selfTest } = analyzer;
  const source = Buffer.from(selfTest.source, "utf8");
  const first = await hashOfSelfTest(analyzer, source);
  const second = await hashOfSelfTest(analyzer, source);
  const stable = first !== undefined && second !== undefined && first.equals(second);
  return {
    linterName,
    linterVersion,
    documentationUrl,
    ...(stable ? { selfTest: { source, filename: selfTest.filename, reportSha256: first } } : {}),
  };
}

async function hashOfSelfTest(analyzer: Analyzer, source: Uint8Array): Promise<Buffer | undefined> {
  const outcome = await analyze(analyzer, { source, filename: analyzer.selfTest.filename, optionsJson: "" });
  return outcome.kind === "reported" ? createHash("sha256").update(reportOf(outcome.response)).digest() : undefined;
}
