/** A logger whose lines a test can read. */
import { createLogger, type Logger } from "../../src/base/logger.js";

export function recordingLogger(): { readonly logger: Logger; readonly text: () => string } {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", format: "text", write: (line) => lines.push(line) });
  return { logger, text: () => lines.join("") };
}
