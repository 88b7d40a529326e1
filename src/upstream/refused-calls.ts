/**
 * Calls that a connection cannot take. Their listeners hear so in a turn of its own, since a call must not
 * fail from within the function that makes it. Must not know why they were refused.
 */
import type { AttemptListener, Ticket } from "./connection.js";

/** Beyond all stream ids, which are the tickets of the others. */
const firstTicket = 2 ** 32;

export class RefusedCalls {
  private readonly listeners = new Map<Ticket, AttemptListener>();
  private lastTicket = firstTicket;

  add(listener: AttemptListener, reason: string): Ticket {
    const ticket = ++this.lastTicket;
    this.listeners.set(ticket, listener);
    setImmediate(() => this.fail(ticket, reason));
    return ticket;
  }

  /** Whether the ticket is one of a refused call; if so its listener hears nothing. */
  cancel(ticket: Ticket): boolean {
    this.listeners.delete(ticket);
    return ticket > firstTicket;
  }

  /** The connection ends: nobody is to hear of it after that. */
  failAll(reason: string): void {
    for (const ticket of [...this.listeners.keys()]) this.fail(ticket, reason);
  }

  private fail(ticket: Ticket, reason: string): void {
    const listener = this.listeners.get(ticket);
    this.listeners.delete(ticket);
    listener?.onFailure({ kind: "not-sent", message: reason, queueDepth: -1 });
  }
}
