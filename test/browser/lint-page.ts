/** The page users try the service on, as the tests use it. Must not know what is tested. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Harness, Service } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";
import { openPage, type BrowserPage } from "./chromium.js";

export interface LintPage extends BrowserPage {
  /** Replaces what is in the editor by typing, as fast as a browser takes it. */
  readonly type: (source: string) => Promise<void>;
  /** Resolves when the list shows just these findings, as "rule line:column". */
  readonly untilFindings: (...findings: readonly string[]) => Promise<void>;
  readonly source: () => Promise<string>;
  /** What the status line says. */
  readonly summary: () => Promise<string>;
}

export async function openLintPage(t: Harness, browser: Browser, service: Pick<Service, "url">, fragment = "", options: BrowserContextOptions = {}): Promise<LintPage> {
  const opened = await openPage(t, browser, `${service.url}/${fragment}`, options);
  const { page } = opened;
  await page.locator(".cm-content").waitFor();
  return {
    ...opened,
    type: async (source) => {
      await page.locator(".cm-content").click();
      await page.keyboard.press("Control+a");
      await page.keyboard.press("Delete");
      await page.keyboard.insertText(source);
    },
    untilFindings: (...findings) => untilFindings(page, findings),
    source: async () => (await page.locator(".cm-line").allInnerTexts()).map((line) => line.replace(/\n$/, "")).join("\n"),
    summary: async () => (await page.locator("#summary").innerText()).trim(),
  };
}

/** In the page's own words: rule and place of each finding, once nothing is under way. */
const shownFindings = `[...document.querySelectorAll(".finding")].map((item) => [".rule", ".place"].map((part) => item.querySelector(part).firstChild.textContent).join(" "))`;

async function untilFindings(page: Page, findings: readonly string[]): Promise<void> {
  let shown: unknown = [];
  await waitUntil(`the findings ${findings.join(", ") || "(none)"}`, async () => {
    if ((await page.locator("#summary.busy").count()) > 0) return false;
    shown = await page.evaluate(shownFindings);
    return JSON.stringify(shown) === JSON.stringify(findings);
  }, 20_000).catch((error: unknown) => {
    throw new Error(`${String(error)}; shown are ${JSON.stringify(shown)}`);
  });
}
