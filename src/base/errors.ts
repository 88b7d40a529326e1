/**
 * Errors that people read. What goes wrong on the path of a request has its own types
 * (`upstream/failure.ts`, `shard/problem.ts`); these are for operators and command-line users.
 */

/** Exit codes of every command; `admin` adds its own (see commands/admin.ts). */
export const exitCodes = { ok: 0, findings: 1, failed: 1, usage: 2 } as const;

/**
 * Something the person at the terminal can mend: one clear sentence that says what, where, what was
 * expected and what to do. Printed without a stack; ends the command with `exitCode`.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  constructor(
    message: string,
    readonly exitCode: number = exitCodes.usage,
  ) {
    super(message);
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system error code of anything that was thrown (`EADDRINUSE`), or "". */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
}
