/** Numbers as a person reads them at a glance. Pure. Must not know what they count. */

/** What is not known, or was not measured. */
export const nothing = "–";

export function count(value: number): string {
  return value.toLocaleString("en");
}

export function rate(perSecond: number): string {
  return perSecond === 0 ? "0" : perSecond.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** -1 stands for none. */
export function duration(ms: number): string {
  if (ms < 0) return nothing;
  if (ms >= 1_000) return `${(ms / 1_000).toLocaleString("en", { maximumSignificantDigits: 3 })} s`;
  return `${ms < 10 ? ms.toLocaleString("en", { maximumSignificantDigits: 2 }) : Math.round(ms)} ms`;
}

/** -1 stands for none. */
export function percent(share: number): string {
  if (share < 0) return nothing;
  return `${(share * 100).toLocaleString("en", { maximumFractionDigits: share < 0.1 ? 1 : 0 })} %`;
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** "5 min"; 0 stands for never. */
export function since(unixMs: number, nowUnixMs: number): string {
  if (unixMs === 0) return nothing;
  const ms = Math.max(0, nowUnixMs - unixMs);
  for (const [unit, unitMs] of units) if (ms >= unitMs) return `${Math.floor(ms / unitMs)} ${unit}`;
  return "now";
}
