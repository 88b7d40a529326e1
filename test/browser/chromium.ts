/**
 * Debian's Chromium, driven by Playwright, as a user's browser that complains: a message on the console, a violation of
 * the Content-Security-Policy or a request to another host fails the test. Must not know what is on a page.
 */
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import type { Harness } from "../support/service.js";
import { missing } from "../interop/debian.js";

/** The reason to skip, or false. */
export const skip = missing("chromium", ["chromium", "--version"]);

/** How long anything on a page may take; generous, because the machine may be busy. */
const timeoutMs = 20_000;

export interface BrowserPage {
  readonly page: Page;
  /** Messages that a test expects: the browser itself reports every reply of 400 and more. There must be one. */
  readonly expectComplaint: (pattern: RegExp) => void;
}

/** One browser for the tests of a file, closed at the end of `t`. */
export async function startBrowser(t: Harness): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--disable-gpu"] });
  t.teardown(() => browser.close());
  return browser;
}

/** A page with its own storage, at `url`. What it complains about fails `t` when it is closed, which the end of `t` does. */
export async function openPage(t: Harness, browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<BrowserPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 }, ...options });
  context.setDefaultTimeout(timeoutMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  const expected: RegExp[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`the console says: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`an error was thrown: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith("blob:")) complaints.push(`a request left the host: ${request.url()}`);
  });
  t.teardown(async () => {
    await context.close();
    const unexpected = complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint)));
    const missed = expected.filter((pattern) => !complaints.some((complaint) => pattern.test(complaint))).map(({ source }) => `it should have complained: ${source}`);
    // A test that has ended takes no more assertions.
    if (unexpected.length + missed.length > 0) throw new Error(["the browser:", ...unexpected, ...missed].join("\n"));
  });
  await page.goto(url);
  return { page, expectComplaint: (pattern) => expected.push(pattern) };
}
