/** How a balancer stands, as managers are told it. Must not know what carries the message. */
import type { StandingMessage } from "../snapshot/link-messages.js";
import type { BalancerStanding } from "./link.js";

export function standingMessage({ shardRevisions, notReadyBecause, waiting }: BalancerStanding): StandingMessage {
  return { shardRevisions, ready: notReadyBecause === "", notReadyBecause, waiting: waiting.map((one) => ({ ...one, shard: String(one.shard) })) };
}
