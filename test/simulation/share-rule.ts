/** The rule of shares: after any N picks since a snapshot, version i has had nᵢ with |nᵢ − N·wᵢ| < 1 + k·wᵢ. */
import type { ActiveLanguage } from "../../src/shard/active.js";
import { must } from "./violation.js";

/** Counts a language's picks from here on. */
export function watchShares({ language, versions, counter }: ActiveLanguage): void {
  const weights = versions.map(({ weight }) => weight);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const withWeight = weights.filter((weight) => weight > 0).length;
  const picked = weights.map(() => 0);
  let picks = 0;
  const pick = counter.pick.bind(counter);
  counter.pick = () => {
    const index = pick();
    if (index < 0) {
      must(sum === 0, "a version with weight gets picked", () => language);
      return index;
    }
    picks++;
    picked[index]!++;
    must(weights[index]! > 0, "weight 0 gets nothing", () => `${language} ${versions[index]!.version}`);
    weights.forEach((weight, other) => {
      const share = weight / sum;
      const bound = 1 + withWeight * share;
      must(Math.abs(picked[other]! - picks * share) < bound, "the shares hold after any number of picks", () => `${language} ${versions[other]!.version}: ${picked[other]!} of ${picks} at ${share.toFixed(3)}`);
    });
    return index;
  };
}
