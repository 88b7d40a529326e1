/**
 * The page users try the service on, served by a shard from memory. Must not know what is on it, nor
 * requests for reports: a page costs their path nothing.
 */
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { assert } from "../base/assert.js";
import type { PageFile } from "./page-files.js";
import { pageReply, prefersHtml } from "./page-reply.js";
import { endWith, writeHead, type ReplyMeta } from "./reply.js";
import type { Unread } from "./unread-replies.js";

export class Page {
  private readonly files: ReadonlyMap<string, PageFile>;

  /** No files: there is no page. */
  constructor(files: readonly PageFile[]) {
    this.files = new Map(files.map((file) => [`/${file.path}`, file]));
  }

  /** All but the page itself, whose path has something for other clients, too. */
  get assetPaths(): readonly string[] {
    return [...this.files.keys()].filter((path) => path !== "/");
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  /** Whether this client wants HTML. */
  isWanted(req: HttpRequest): boolean {
    return prefersHtml(req.getHeader("accept"));
  }

  /** `path` is one that `has` says yes to. Undefined when the reply is complete. */
  write(res: HttpResponse, req: HttpRequest, path: string, meta: ReplyMeta, closeConnection: boolean): Unread | undefined {
    const file = this.files.get(path);
    assert(file !== undefined, "only paths of the page lead here");
    const { status, headers, body } = pageReply(file, { acceptEncoding: req.getHeader("accept-encoding"), ifNoneMatch: req.getHeader("if-none-match") });
    let unread: Unread | undefined;
    res.cork(() => {
      res.writeStatus(status);
      writeHead(res, meta);
      for (const [name, value] of headers) res.writeHeader(name, value);
      if (body !== undefined) {
        unread = endWith(res, body, meta, closeConnection);
        return;
      }
      if (closeConnection) res.writeHeader("Connection", "close");
      res.endWithoutBody();
    });
    return unread;
  }
}
