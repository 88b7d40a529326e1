/** Whom `lintel admin status` asks: a manager, or the cluster itself. */
import type { BarrierMessage, StatusReplyMessage } from "../rpc/admin-messages.js";

export interface StatusSource {
  status(): Promise<StatusReplyMessage>;
  /** Resolves when the revision is active everywhere, or with the laggards after `timeoutMs`. */
  wait(revision: number, timeoutMs: number): Promise<BarrierMessage>;
  /** Status again at every change. */
  watch(): AsyncGenerator<StatusReplyMessage>;
  close(): void | Promise<void>;
}
