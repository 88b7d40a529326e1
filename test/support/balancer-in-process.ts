/** A balancer inside the test's own process, where a test can reach its shards and their statistics. */
import { Balancer, type BalancerOptions } from "../../src/balancer/balancer.js";
import { systemClock } from "../../src/base/clock.js";
import { createLogger } from "../../src/base/logger.js";
import type { ApiKey } from "../../src/shard/api-keys.js";
import type { Certificate } from "../../src/shard/messages.js";
import { defaultConfiguration } from "../../src/snapshot/configuration.js";
import type { Limits } from "../../src/snapshot/limits.js";
import type { LanguageSnapshot, VersionSnapshot } from "../../src/snapshot/snapshot.js";

const noRateLimit: BalancerOptions["rateLimit"] = { requests: 0, periodMs: 60_000, burst: 1, trustedProxies: [] };
/** The workers are there; a busy machine may take its time. */
const warmUpMs = 5_000;

export interface InProcessBalancer {
  readonly balancer: Balancer;
  readonly url: string;
  /** Every line of its log. */
  readonly log: readonly string[];
}

/** Resolves when it listens and serves `versions` of `language`. */
export function startBalancer(language: string, versions: readonly VersionSnapshot[], shards = 2, limits: Partial<Limits> = {}): Promise<InProcessBalancer> {
  return startBalancerWith([{ language, extensions: [], spill: true, versions }], shards, limits);
}

/** Resolves when it listens and serves these languages at revision 1. */
export async function startBalancerWith(languages: readonly LanguageSnapshot[], shards = 2, limits: Partial<Limits> = {}, { accessLog, rateLimit = noRateLimit, proxyDoor, certificate, apiKeys }: Partial<Pick<BalancerOptions, "accessLog" | "rateLimit" | "proxyDoor">> & { readonly certificate?: Certificate; readonly apiKeys?: readonly ApiKey[] } = {}): Promise<InProcessBalancer> {
  const { limits: defaults, http } = defaultConfiguration();
  const log: string[] = [];
  const logger = createLogger({ level: "info", format: "text", write: (line) => log.push(line) });
  const drained = { drainQuietMs: 50, drainTimeoutMs: 5_000 };
  const options = { name: "test", host: "127.0.0.1", port: 0, shards, tls: certificate !== undefined, asksForKeys: apiKeys !== undefined, corsOrigins: [], rateLimit, proxyDoor, page: false, accessLog, limits: { ...defaults, ...limits, bodyBytesMax: http.bodyBytesMax }, ...drained };
  const balancer = new Balancer(options, systemClock, logger);
  await balancer.start();
  if (certificate !== undefined) await balancer.renewCertificate(certificate);
  if (apiKeys !== undefined) await balancer.setApiKeys(apiKeys);
  await balancer.apply({ revision: 1, nonce: 1, languages });
  await balancer.listen(warmUpMs);
  return { balancer, url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${balancer.port}`, log };
}

/** One version with these workers. */
export function versionOf(ports: readonly number[]): VersionSnapshot {
  return { version: "1", weight: 1, workers: ports.map((port) => ({ id: `127.0.0.1:${port}`, host: "127.0.0.1", port })) };
}
