/** How the page looks and what it is for people with other senses: light and dark, a phone's width, axe-core on every part. */
import type { Browser } from "playwright-core";
import t, { type Test } from "tap";
import { startUp, type Service } from "../support/service.js";
import { accessibilityFaults } from "./axe.js";
import { skip, startBrowser } from "./chromium.js";
import { openLintPage } from "./lint-page.js";

const config = `
languages:
  python: { versions: [{ version: "1", run: { builtin: python, threads: 1 } }] }
  absent: { extensions: [.absent], versions: [{ version: "1", workers: ["127.0.0.1:1"] }] }
`;
const sample = ["F401 1:8", "F821 9:12", "F541 13:16"] as const;
const phone = { viewport: { width: 375, height: 720 }, hasTouch: true, isMobile: true } as const;

let service: Service;
let browser: Browser;

void t.test("the page's appearance", { skip }, async (t) => {
  service = await startUp(t, { config });
  browser = await startBrowser(t);
  for (const colorScheme of ["light", "dark"] as const) {
    await t.test(`axe finds no fault, ${colorScheme}`, (t) => accessible(t, colorScheme));
    await t.test(`axe finds no fault at a phone's width, ${colorScheme}`, (t) => phoneAccessible(t, colorScheme));
  }
  await t.test("light or dark is what the system says until the user says otherwise, and stays so", theming);
  await t.test("at a phone's width nothing is cut off", narrow);
});

async function accessible(t: Test, colorScheme: "light" | "dark"): Promise<void> {
  const { page, untilFindings, expectComplaint } = await openLintPage(t, browser, service, "", { colorScheme });
  await untilFindings(...sample);
  t.same(await accessibilityFaults(page), []);
  await page.locator(".cm-lintRange-error").hover();
  await page.locator(".cm-tooltip").getByText("Undefined name").waitFor();
  t.same(await accessibilityFaults(page), [], "with a tooltip");
  await page.mouse.move(0, 0);
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+f");
  await page.locator(".cm-search").waitFor();
  t.same(await accessibilityFaults(page), [], "with the search open");
  await page.keyboard.press("Escape");
  for (const tab of ["Report", "curl"]) {
    await page.getByRole("tab", { name: tab }).click();
    t.same(await accessibilityFaults(page), [], tab);
  }
  await page.getByRole("tab", { name: "Findings" }).click();
  expectComplaint(/503/);
  await page.getByLabel("Language").selectOption("absent");
  await page.getByRole("alert").getByText("No linter can take the request").waitFor();
  t.same(await accessibilityFaults(page), [], "with a problem");
}

async function phoneAccessible(t: Test, colorScheme: "light" | "dark"): Promise<void> {
  const { page, untilFindings } = await openLintPage(t, browser, service, "", { colorScheme, ...phone });
  await untilFindings(...sample);
  t.same(await accessibilityFaults(page), []);
}

async function theming(t: Test): Promise<void> {
  const { page } = await openLintPage(t, browser, service, "", { colorScheme: "light" });
  const background = (): Promise<unknown> => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const [light, dark] = ["rgb(255, 255, 255)", "rgb(20, 23, 28)"];
  t.equal(await background(), light);
  await page.emulateMedia({ colorScheme: "dark" });
  t.equal(await background(), dark, "follows the system");
  await page.getByRole("button", { name: "Light colours" }).click();
  t.equal(await background(), light);
  await page.reload();
  t.equal(await background(), light, "stays with the choice");
  await page.getByRole("button", { name: "Dark colours" }).click();
  t.equal(await background(), dark);
}

async function narrow(t: Test): Promise<void> {
  const { page, untilFindings } = await openLintPage(t, browser, service, "", phone);
  await untilFindings(...sample);
  t.equal(await page.evaluate("document.scrollingElement.scrollWidth"), phone.viewport.width);
  for (const name of ["Open file", "Copy link", "Dark colours"]) {
    const box = await page.getByRole("button", { name }).boundingBox();
    t.ok(box!.x >= 0 && box!.x + box!.width <= phone.viewport.width, `${name} is on the screen`);
    t.ok(box!.height >= 36 && box!.width >= 36, `${name} is large enough for a finger`);
  }
  await page.locator(".jump", { hasText: "Undefined name" }).tap();
  t.equal(await page.evaluate("document.activeElement.id"), "editor");
}
