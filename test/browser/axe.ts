/** axe-core on a page: what keeps people with other senses or other hands from using it. Must not know what is on the page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type * as axe from "axe-core";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** WCAG 2.2 at level AA, and what axe itself holds for good practice. */
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** One sentence for each fault. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // Not a script element: the page's Content-Security-Policy allows none from outside.
  await page.evaluate(source);
  const results = await page.evaluate((runOnly) => (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly }), tags);
  return results.violations.flatMap(({ id, impact, help, nodes }) => nodes.map(({ target, failureSummary }) => `${impact ?? "fault"}: ${id}: ${help}: ${target.join(" ")}: ${failureSummary ?? ""}`));
}
