/**
 * Lints many files at once, a bounded number at a time, and collects what became of each in the order
 * the files were given. Must not know HTTP, formats or terminals.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { unnamedFile, type FileReport } from "../formats/file-report.js";
import type { Report } from "../formats/report.js";
import { ServiceError } from "./lint-service.js";
import { readFailure, type Failed, type Skipped, type SourceFile } from "./source-files.js";

export interface LintFilesOptions {
  readonly concurrency: number;
  /** Whether reports need their sources (a format's `usesSource`). Kept only where a character is not ASCII. */
  readonly keepSources: boolean;
  /** Rejects with a ServiceError. `filename` is what the service may know of the name. */
  readonly lint: (file: SourceFile, filename: string, source: Uint8Array) => Promise<Report>;
  readonly readStdin: () => Promise<Buffer>;
  /** Called once for every file that is done, whatever became of it. */
  readonly onSettled: () => void;
}

export interface LintedFiles {
  readonly linted: readonly FileReport[];
  readonly skipped: readonly Skipped[];
  readonly failed: readonly Failed[];
  /** Why the run was given up, and how many files that left; undefined when it was not. */
  readonly givenUp?: { readonly message: string; readonly files: number };
}

/** Larger files are refused here: the service would refuse them too, after all of it had been sent. */
const sourceBytesMax = 32 * 1024 * 1024;
/** As far as git looks for a NUL before it calls a file text. */
const binaryLookBytes = 8000;

type Settled = { readonly kind: "linted"; readonly file: FileReport } | { readonly kind: "skipped" } | { readonly kind: "failed"; readonly message: string };

/** Rejects for nothing but a bug. */
export async function lintFiles(files: readonly SourceFile[], options: LintFilesOptions): Promise<LintedFiles> {
  const settled: (Settled | undefined)[] = files.map(() => undefined);
  let next = 0;
  let hopeless: string | undefined;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < files.length && hopeless === undefined; at = next++) {
      const file = files[at];
      if (file === undefined) return;
      try {
        settled[at] = await lintOne(file, options);
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        if (error.hopeless) hopeless ??= error.message;
        else settled[at] = { kind: "failed", message: error.message };
      }
      options.onSettled();
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, files.length) }, lane));
  return collect(files, settled, hopeless);
}

async function lintOne(file: SourceFile, options: LintFilesOptions): Promise<Settled> {
  let bytes: Buffer;
  try {
    bytes = await (file.path === unnamedFile ? options.readStdin() : readFile(file.path));
  } catch (error) {
    return { kind: "failed", message: readFailure(error) };
  }
  if (!file.named && bytes.subarray(0, binaryLookBytes).includes(0)) return { kind: "skipped" };
  if (bytes.length > sourceBytesMax) return { kind: "failed", message: `it has ${bytes.length} bytes; the limit is ${sourceBytesMax}` };
  const report = await options.lint(file, sentName(file.name), bytes);
  const keep = options.keepSources && bytes.some((byte) => byte >= 0x80);
  return { kind: "linted", file: { filename: file.name, report, ...(keep ? { source: new TextDecoder().decode(bytes) } : {}) } };
}

/** The service takes no longer name and no control character in it: it is there for the dialect alone. */
const sentNameCharsMax = 1024;
// eslint-disable-next-line no-control-regex -- finding them is its purpose
const controls = /[\u0000-\u001f\u007f]/g;

/** Folders above the working folder say more about a machine than about a file: they stay here. */
function sentName(name: string): string {
  if (name === unnamedFile) return "";
  const outside = name.startsWith("/") || name.startsWith("../") || name.includes(":");
  return (outside || name.length > sentNameCharsMax ? basename(name) : name).replace(controls, "_").slice(-sentNameCharsMax);
}

function collect(files: readonly SourceFile[], settled: readonly (Settled | undefined)[], hopeless: string | undefined): LintedFiles {
  const linted: FileReport[] = [];
  const skipped: Skipped[] = [];
  const failed: Failed[] = [];
  let left = 0;
  files.forEach(({ name }, at) => {
    const one = settled[at];
    if (one === undefined) left++;
    else if (one.kind === "linted") linted.push(one.file);
    else if (one.kind === "skipped") skipped.push({ name, reason: "binary" });
    else failed.push({ name, message: one.message });
  });
  return { linted, skipped, failed, ...(hopeless === undefined ? {} : { givenUp: { message: hopeless, files: left } }) };
}
