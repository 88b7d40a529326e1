/**
 * Where an object is not as it should be: every field that is wanted is compared, what else is there is not ours. Pure; must
 * not know what objects are for.
 */

/** Paths such as "spec.template.spec.containers[linter].image"; none when all is as wanted. */
export function driftOf(wanted: unknown, found: unknown, path = ""): string[] {
  if (Array.isArray(wanted)) return arrayDrift(wanted, found, path);
  if (typeof wanted === "object" && wanted !== null) {
    const there = typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
    return Object.entries(wanted).flatMap(([name, value]) => driftOf(value, there[name], path === "" ? name : `${path}.${name}`));
  }
  return isSame(wanted, found, path) ? [] : [path];
}

/** By what the API server knows the items of such a list apart. */
const keys = ["name", "containerPort", "mountPath", "topologyKey"];

function arrayDrift(wanted: readonly unknown[], found: unknown, path: string): string[] {
  const there: readonly unknown[] = Array.isArray(found) ? found : [];
  const key = keys.find((one) => wanted.length > 0 && wanted.every((item) => typeof item === "object" && item !== null && one in item));
  // Of a list without a key every item is ours.
  if (key === undefined) return wanted.length === there.length && wanted.every((item, index) => driftOf(item, there[index]).length === 0) ? [] : [path];
  return wanted.flatMap((item) => {
    const value = (item as Record<string, unknown>)[key];
    const match = there.find((other) => typeof other === "object" && other !== null && (other as Record<string, unknown>)[key] === value);
    return driftOf(item, match, `${path}[${String(value)}]`);
  });
}

/** An empty value is not kept by the API server; quantities it writes in its own way. */
function isSame(wanted: unknown, found: unknown, path: string): boolean {
  if (wanted === found || ((wanted === "" || wanted === false) && found === undefined)) return true;
  return /\.(cpu|memory|sizeLimit)$/.test(path) && typeof wanted === "string" && typeof found === "string" && quantity(wanted) !== undefined && quantity(wanted) === quantity(found);
}

const suffixes: Readonly<Record<string, number>> = { "": 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** "500m" and "0.5" are the same; undefined for what is no quantity. */
export function quantity(text: string): number | undefined {
  const [, number = "", suffix = ""] = /^(\d+(?:\.\d+)?)([numkMGT]|[KMGT]i)?$/.exec(text) ?? [];
  const factor = suffixes[suffix];
  return number === "" || factor === undefined ? undefined : Number((Number(number) * factor).toPrecision(12));
}
