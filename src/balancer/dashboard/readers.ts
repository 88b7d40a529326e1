/**
 * Those who have the dashboard open: each gets the events of one producer as server-sent events (WHATWG HTML, section 9.2). Bounded
 * in number; one that does not read is cut, and its browser comes back by itself. Must not know what is in an event.
 */
import type { ServerResponse } from "node:http";

export interface ReaderOptions {
  /** Every operator of a large service, with a screen on the wall. */
  readonly readersMax: number;
  /** A picture of a thousand workers is 250 KB, so this is the newest whole one and what came after. */
  readonly unreadBytesMax: number;
}

export const defaultReaderOptions: ReaderOptions = { readersMax: 16, unreadBytesMax: 1024 * 1024 };

/** How long a browser waits before it comes back. */
const retryMs = 2_000;

export class Readers {
  private readonly readers = new Set<ServerResponse>();

  constructor(private readonly options: ReaderOptions) {}

  get count(): number {
    return this.readers.size;
  }

  get full(): boolean {
    return this.readers.size >= this.options.readersMax;
  }

  /** Its head has been written; `onGone` is called once. */
  add(response: ServerResponse, onGone: () => void): void {
    this.readers.add(response);
    response.write(`retry: ${retryMs}\n\n`);
    response.once("close", () => {
      this.readers.delete(response);
      onGone();
    });
  }

  /** To one reader. */
  tell(response: ServerResponse, event: string, data: object): void {
    this.write(response, eventText(event, data));
  }

  tellAll(event: string, data: object): void {
    if (this.readers.size === 0) return;
    const text = eventText(event, data);
    for (const response of this.readers) this.write(response, text);
  }

  /** A line that is no event: a reader that vanished without a word is found by writing to it. */
  ping(): void {
    for (const response of this.readers) this.write(response, ":\n\n");
  }

  close(): void {
    for (const response of this.readers) response.end();
  }

  private write(response: ServerResponse, text: string): void {
    // A picture that was being made when they were let go comes too late: to write then would be an error that nobody catches.
    if (response.writableEnded) return;
    // What was written before counts, not this: the first event may be larger than the bound.
    if (response.writableLength > this.options.unreadBytesMax) response.destroy();
    else response.write(text);
  }
}

/** JSON has no line breaks of its own. */
function eventText(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
