/**
 * The bytes of a configuration file as text, or one sentence why there is none. Must not know YAML.
 */
import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { codeOf, messageOf } from "../base/errors.js";
import { formatSize } from "../snapshot/quantities.js";
import { fileProblem, type Problem } from "../snapshot/problem.js";

export type TextOutcome = { readonly kind: "text"; readonly text: string } | { readonly kind: "unreadable"; readonly problem: Problem };

export interface ReadOptions {
  /** Ten thousand workers take about 300 KB; a Kubernetes ConfigMap holds 1 MiB. */
  readonly fileBytesMax: number;
  /** Refuse pipes and devices: they cannot be read a second time. */
  readonly regularOnly: boolean;
}

export const defaultReadOptions: ReadOptions = { fileBytesMax: 4 * 1024 * 1024, regularOnly: false };

/** Never rejects. */
export async function readConfigurationText(path: string, options: ReadOptions = defaultReadOptions): Promise<TextOutcome> {
  const unreadable = (message: string): TextOutcome => ({ kind: "unreadable", problem: fileProblem(path, message) });
  if (path === "" || path.includes("\0")) return { kind: "unreadable", problem: fileProblem(JSON.stringify(path), "not a file name") };
  let handle: FileHandle | undefined;
  try {
    // Before opening: opening a pipe that nobody writes to waits for ever.
    const kind = await stat(path);
    if (kind.isDirectory()) return unreadable("this is a directory; expected the configuration file itself");
    if (options.regularOnly && !kind.isFile()) return unreadable("this is a pipe or a device; expected a file that can be read again when it changes");
    handle = await open(path, constants.O_RDONLY);
    const bytes = await readUpTo(handle, options.fileBytesMax + 1);
    if (bytes.length > options.fileBytesMax) return unreadable(`larger than ${formatSize(options.fileBytesMax)}, the largest configuration file that is read`);
    return decode(path, bytes);
  } catch (thrown) {
    return unreadable(explain(thrown));
  } finally {
    await handle?.close().catch(() => undefined);
  }
}

async function readUpTo(handle: FileHandle, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < bytesMax) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(65_536, bytesMax - length)));
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

function decode(path: string, bytes: Buffer): TextOutcome {
  const text = bytes.toString("utf8");
  // A byte order mark is allowed at the start of UTF-8 text and no part of it.
  if (isUtf8(bytes)) return { kind: "text", text: text.replace(/^\uFEFF/, "") };
  // The decoder puts U+FFFD where the first wrong byte stood.
  const before = text.slice(0, text.indexOf("\uFFFD"));
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  const utf16 = bytes.length >= 2 && (bytes.readUInt16BE(0) === 0xfeff || bytes.readUInt16BE(0) === 0xfffe);
  const message = utf16 ? "this is UTF-16; save the file as UTF-8" : "a byte that is not UTF-8; save the file as UTF-8";
  return { kind: "unreadable", problem: { file: path, line, column, path: "", message } };
}

function explain(thrown: unknown): string {
  switch (codeOf(thrown)) {
    case "ENOENT":
      return "there is no such file";
    case "ENOTDIR":
      return "there is no such file: a part of its path is not a directory";
    case "EACCES":
    case "EPERM":
      return "this user may not read it; give it read permission";
    case "ELOOP":
      return "its symbolic links lead in a circle";
    default:
      return `it cannot be read: ${messageOf(thrown)}`;
  }
}
