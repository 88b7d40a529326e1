/**
 * The rate limit of the public port: who asks (client-address.ts), whether it may (balancing/rate-limit.ts), and what the reply says of it
 * (draft-ietf-httpapi-ratelimit-headers-10). Must not know what is asked for.
 */
import { ProxiedClients } from "../balancing/proxied-clients.js";
import { RateLimit, rateLimitKeyOf, type RateLimitOptions } from "../balancing/rate-limit.js";
import type { Clock } from "../base/clock.js";
import { ClientAddresses } from "./client-address.js";

export interface ClientLimitOptions extends RateLimitOptions {
  /** Networks of proxies whose word on who the client is is taken. */
  readonly trustedProxies: readonly string[];
  /** Who came through the port of the PROXY protocol (ProxiedClients); undefined when there is none. */
  readonly proxied: SharedArrayBuffer | undefined;
  /** All shards have the same. */
  readonly memory: SharedArrayBuffer;
  readonly seed: number;
  /** When the balancer started, in milliseconds since 1970: time counts from there. */
  readonly epochMs: number;
}

export interface Admission {
  /** Seconds to wait when it is refused; 0 when it is not. */
  readonly retryAfterSeconds: number;
  /** The value of RateLimit. */
  readonly header: string;
}

export class ClientLimit {
  /** The value of RateLimit-Policy. */
  readonly policy: string;
  private readonly limit: RateLimit;
  private readonly addresses: ClientAddresses;

  constructor(
    private readonly options: ClientLimitOptions,
    private readonly clock: Clock,
  ) {
    const { requests, periodMs, burst, memory, trustedProxies, proxied } = options;
    this.limit = new RateLimit(memory, { requests, periodMs, burst });
    this.addresses = new ClientAddresses(trustedProxies, proxied && new ProxiedClients(proxied));
    // The time in which a whole burst comes back: what q and w say together is the rate.
    this.policy = `"default";q=${burst};w=${Math.ceil((burst * periodMs) / requests / 1_000)}`;
  }

  /** Counts one request, unless it is refused. `forwarded` gives X-Forwarded-For, "" for none; `caller` is who has shown a key, "" for nobody: then the address counts. */
  admit(remote: string, forwarded: () => string, caller: string): Admission {
    const { seed, epochMs } = this.options;
    // No address has a blank in it.
    const client = caller === "" ? this.addresses.clientOf(remote, forwarded) : `key ${caller}`;
    const key = rateLimitKeyOf(client, seed);
    const { allowed, remaining, resetMs, retryAfterMs } = this.limit.take(key, this.clock.wallMs() - epochMs);
    return { retryAfterSeconds: allowed ? 0 : Math.max(1, Math.ceil(retryAfterMs / 1_000)), header: `"default";r=${remaining};t=${Math.ceil(resetMs / 1_000)}` };
  }
}
