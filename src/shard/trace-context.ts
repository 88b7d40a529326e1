/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context-2/): a request that comes with a trace goes on in it, as a step of its own. One
 * without starts none: whoever wants to follow a request says so, and all others cost nothing. Must not know requests.
 */
import type { Random } from "../base/random.js";

/** Version 00: trace id, the id of the caller's step, flags. Later versions begin alike and may have more behind it. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** What is taken over; for the description of the interface. */
export const wellFormedTraceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/;
const noTrace = "0".repeat(32);
const noStep = "0".repeat(16);
/** Sampled, and that the trace id is random; others mean nothing yet and are not passed on. */
const knownFlags = 0b11;

/**
 * The traceparent of this request's own step, for the worker and the reply: of the caller's trace, or of a new one that is not sampled when
 * what came is none (section 3.2.2.5: start anew). "" for "".
 */
export function continueTrace(traceparent: string, random: Random): string {
  if (traceparent === "") return "";
  const [, version = "", traceId = "", stepId = "", flags = "", more] = form.exec(traceparent) ?? [];
  const isTaken = version !== "" && version !== "ff" && traceId !== noTrace && stepId !== noStep && (version !== "00" || more === undefined);
  if (!isTaken) return `00-${randomId(random, 32)}-${randomId(random, 16)}-00`;
  const kept = Number.parseInt(flags, 16) & knownFlags;
  return `00-${traceId}-${randomId(random, 16)}-0${kept}`;
}

/** Hexadecimal digits, a multiple of eight, never all zero. */
function randomId(random: Random, chars: number): string {
  let id = "";
  while (id.length < chars) id += Math.floor(random.next() * 0x1_0000_0000).toString(16).padStart(8, "0");
  return /[^0]/.test(id) ? id : `${id.slice(1)}1`;
}
