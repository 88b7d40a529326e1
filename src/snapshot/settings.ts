/**
 * The settings of a configuration, which is all of it but the languages, as text by their path. For telling
 * people what differs. Must not know which of them can change while running.
 */
import { formatAddress } from "./address.js";
import type { Configuration } from "./configuration.js";
import { formatDuration, formatSize } from "./quantities.js";

export interface SettingChange {
  /** "http.listen" */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** "http.listen" -> "127.0.0.1:8080", "limits.deadlineMs" -> "10s". */
export function settingsOf({ http, admin, accessLog, shards, limits }: Configuration): Map<string, string> {
  const settings = new Map<string, string>([
    ["http.listen", formatAddress(http.listen)],
    ["http.tls.cert", http.tls.cert || "(none)"],
    ["http.tls.key", http.tls.key || "(none)"],
    ["http.apiKeys", http.apiKeys || "(none)"],
    ["http.bodyBytesMax", formatSize(http.bodyBytesMax)],
    ["http.page", String(http.page)],
    ["http.rateLimit.requests", String(http.rateLimit.requests)],
    ["http.rateLimit.periodMs", formatDuration(http.rateLimit.periodMs)],
    ["http.rateLimit.burst", String(http.rateLimit.burst)],
    ["http.trustedProxies", http.trustedProxies.join(" ") || "(none)"],
    ["http.proxyProtocol.listen", http.proxyProtocol.listen === undefined ? "(none)" : formatAddress(http.proxyProtocol.listen)],
    ["http.proxyProtocol.from", http.proxyProtocol.from.join(" ") || "(none)"],
    ["http.cors.origins", http.cors.origins.join(" ") || "(none)"],
    ["admin.listen", formatAddress(admin.listen)],
    ["accessLog.path", accessLog.path || "(none)"],
    ["accessLog.sample", String(accessLog.sample)],
    ["accessLog.errors", String(accessLog.errors)],
    ["shards", String(shards)],
  ]);
  for (const [name, value] of Object.entries(limits)) settings.set(`limits.${name}`, formatLimit(name, value));
  return settings;
}

function formatLimit(name: string, value: number): string {
  if (/Ms(Max|Min)?$/.test(name)) return formatDuration(value);
  return name.toLowerCase().includes("bytes") ? formatSize(value) : String(value);
}

export function changedSettings(before: Configuration, after: Configuration): SettingChange[] {
  const old = settingsOf(before);
  return Array.from(settingsOf(after), ([path, text]) => ({ path, before: old.get(path) ?? "", after: text })).filter((change) => change.before !== change.after);
}
