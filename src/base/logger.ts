/**
 * The only door to the log. One event a line on stderr: readable text on a terminal, JSON elsewhere.
 * Never a source file's content: callers log identities and counts.
 */
import type { Writable } from "node:stream";
import { systemClock } from "./clock.js";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every event. */
  with(fields: LogFields): Logger;
}

export const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly write: (line: string) => void;
}

/** The format and level a process uses when no flag says otherwise. */
export function defaultLoggerOptions(): LoggerOptions {
  const level = process.env["LINTEL_LOG_LEVEL"];
  return {
    level: logLevels.find((known) => known === level) ?? "info",
    format: process.stderr.isTTY ? "text" : "json",
    write: (line) => process.stderr.write(line),
  };
}

/** Where the log goes, for what is a log of its own and belongs beside it. */
export function logStream(): Writable {
  return process.stderr;
}

export function createLogger(options: LoggerOptions = defaultLoggerOptions(), bound: LogFields = {}): Logger {
  const threshold = logLevels.indexOf(options.level);
  const log = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (logLevels.indexOf(level) < threshold) return;
    const all = { ...bound, ...fields };
    options.write(options.format === "json" ? jsonLine(level, message, all) : textLine(level, message, all));
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

function jsonLine(level: LogLevel, message: string, fields: LogFields): string {
  const time = new Date(systemClock.wallMs()).toISOString();
  return `${JSON.stringify({ time, level, msg: message, ...fields })}\n`;
}

function textLine(level: LogLevel, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${String(value)}`);
  const prefix = level === "info" ? "" : `${level}: `;
  return `${prefix}${message}${pairs.join("")}\n`;
}
