/**
 * The manager's differences as lines of a diff: what goes, and what comes in its place. Pure. Must not know how they are shown.
 */

export interface DiffLine {
  readonly sign: "less" | "more" | "same";
  readonly text: string;
}

/** "python 1: weight 100 -> 99" becomes two lines; what is removed or added is one. */
export function diffLines(differences: readonly string[]): DiffLine[] {
  return differences.flatMap((difference): DiffLine[] => {
    const change = /^(.* )(\S+) -> (\S+)$/.exec(difference);
    if (change !== null) {
      const [, what = "", before = "", after = ""] = change;
      return [
        { sign: "less", text: `${what}${before}` },
        { sign: "more", text: `${what}${after}` },
      ];
    }
    return [{ sign: /\b(removed|no longer)\b/.test(difference) ? "less" : "more", text: difference }];
  });
}
