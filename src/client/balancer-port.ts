/** Talks to a balancer's admin port. Must not know what its answers mean. */
import { messageOf, UserError } from "../base/errors.js";

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A balancer answers at once, except while a reload starts workers. */
export const defaultAnswerTimeoutMs = 60_000;

/** Somebody is there, perhaps, and has not answered in time. */
export class AdminAnswerLate extends UserError {}

/** Throws a UserError when nobody answers at `base`, or something that is no admin port does. */
export async function askAdmin(base: string, method: "GET" | "POST", path: string, timeoutMs = defaultAnswerTimeoutMs): Promise<AdminAnswer> {
  const url = new URL(path, base);
  let response: Response;
  try {
    response = await fetch(url, { method, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") throw new AdminAnswerLate(`no answer from the admin port at ${base} within ${timeoutMs} ms`, 1);
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new UserError(`no answer from the admin port at ${base} (${cause}); is lintel running, and is this its --admin address?`, 1);
  }
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) as unknown };
  } catch {
    throw new UserError(`${url.href} answered ${response.status} with something that is not an admin port's answer: ${text.slice(0, 200).trim()}`, 1);
  }
}
