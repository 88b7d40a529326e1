/**
 * The canonical report for one or several files: an array with one element per file, each the report
 * with its file's name in front. (The service answers a single source with the bare report.)
 */
import type { FileReport } from "./file-report.js";

export function renderJson(files: readonly FileReport[]): string {
  return `${JSON.stringify(files.map(({ filename, report }) => ({ filename, ...report })))}\n`;
}
