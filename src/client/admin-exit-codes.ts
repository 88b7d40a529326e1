/** How `lintel admin` ends, so that scripts can tell. Must not know what for. */
import { exitCodes } from "../base/errors.js";

export const adminExitCodes = {
  ...exitCodes,
  /** Somebody else changed the configuration first (--if-revision). */
  conflict: 3,
  /** Durable, but not active on every shard of every balancer before the timeout of --wait. */
  notEverywhere: 4,
  /** No or an unknown token, or a role that may not. */
  notAllowed: 6,
} as const;
