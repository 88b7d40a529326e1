/** The operators' dashboard in a real browser, against a real `lintel up` whose manager asks for tokens. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import t, { type Test } from "tap";
import { administratorOf, type Administrator } from "../support/run-admin.js";
import { folderWith } from "../support/run-lintel.js";
import { startUp, type Service } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";
import { accessibilityFaults } from "./axe.js";
import { openPage, skip, startBrowser, type BrowserPage } from "./chromium.js";

const config = `
languages:
  json: { versions: [{ version: "1", weight: 3, run: { builtin: json, threads: 1 } }, { version: "2", weight: 1, run: { builtin: json, threads: 1 } }] }
  absent: { extensions: [.absent], versions: [{ version: "1", workers: ["127.0.0.1:1"] }] }
`;
const tokens = { vera: "0123456789abcdef-vera", olga: "0123456789abcdef-olga" };
const phone = { viewport: { width: 375, height: 720 }, hasTouch: true, isMobile: true } as const;
const waitMs = 20_000;

let service: Service;
let admin: Administrator;
let browser: Browser;

void t.test("the dashboard", { skip }, async (t) => {
  const { path, remove } = folderWith({ tokens: `viewer vera ${tokens.vera}\noperator olga ${tokens.olga}\n`, token: tokens.olga });
  for (const name of ["tokens", "token"]) chmodSync(join(path, name), 0o600);
  t.teardown(remove);
  const up = await startUp(t, { config, args: ["--tokens-file", join(path, "tokens")] });
  service = up;
  admin = administratorOf(up.manager, ["--token-file", join(path, "token")]);
  browser = await startBrowser(t);
  await t.test("whether it is well, and why not", glance);
  await t.test("a weight change made elsewhere arrives", arriving);
  await t.test("a page in the background takes no place, and catches up", resting);
  await t.test("requests appear in the charts and in the real shares", flowing);
  await t.test("who signs in sets weights, sees the change as a diff, and undoes it", changing);
  await t.test("a worker is drained and undrained", draining);
  await t.test("a wrong token is refused, and a viewer changes nothing", refusing);
  await t.test("a token that is taken out of its file ends what it began", (t) => revoking(t, join(path, "tokens")));
  for (const colorScheme of ["light", "dark"] as const) await t.test(`axe finds no fault, ${colorScheme}`, (t) => accessible(t, colorScheme));
  await t.test("at a phone's width nothing is cut off", narrow);
});

async function open(t: Test, options: Parameters<typeof openPage>[3] = {}): Promise<BrowserPage> {
  const opened = await openPage(t, browser, `${service.adminUrl}/`, options);
  await opened.page.locator("#live[data-state=live]").waitFor();
  await opened.page.locator("#languages .language").first().waitFor();
  return opened;
}

/** What the row of a version says of its weight and wanted share. */
async function versionRow(page: Page, version: string): Promise<string> {
  const cells = await page.locator("#languages tbody", { hasText: "json" }).locator("tr", { has: page.locator(`th:text-is("${version}")`) }).locator("td").allInnerTexts();
  return `${cells[0] ?? ""} ${cells[1]?.split(",")[0] ?? ""}`.trim();
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Token").fill(token);
  await page.locator("#sign-in-form").getByRole("button", { name: "Sign in" }).click();
}

async function glance(t: Test): Promise<void> {
  const { page } = await open(t);
  t.equal(await page.locator("#verdict-sentence").innerText(), "Users see failures.");
  t.match(await page.locator("#verdict-reasons li").allInnerTexts(), ["absent has no usable worker.", /^1 of 3 workers cannot be used: 127\.0\.0\.1:1 \(.*ECONNREFUSED/]);
  t.match(await page.locator("#read-only").innerText(), /^Read-only until you sign in/);
  t.equal(await page.getByRole("button", { name: /Weights|Drain|Undo/ }).count(), 0);
  t.match(await page.locator("#workers tbody tr:not(.spacer)").allInnerTexts(), [/127\.0\.0\.1:1\s+absent 1/, /json-1-1\s+json 1\s+ready/, /json-2-1\s+json 2\s+ready/]);
  t.match(await page.locator("#shards tbody tr").allInnerTexts(), [/shard 0\s+1\s+0\s+\d+\s+0\s+serves/]);
  await page.getByLabel("not ready only").check();
  t.equal(await page.locator("#workers tbody tr:not(.spacer)").count(), 1);
  await page.getByLabel("not ready only").uncheck();
  await page.getByLabel("Find").fill("json-2");
  t.equal(await page.locator("#workers-count").innerText(), "1 of 3");
}

async function arriving(t: Test): Promise<void> {
  const { page } = await open(t);
  t.equal(await versionRow(page, "1"), "3 75 %");
  await admin.does("weights", "json", "1=1", "2=1", "--reason", "halves");
  await waitUntil("the new share", async () => (await versionRow(page, "1")) === "1 50 %" && (await versionRow(page, "2")) === "1 50 %", waitMs);
  await page.locator("#changes > li", { hasText: "json 1: weight 3 -> 1" }).waitFor();
  await waitUntil("the revision of each shard", async () => (await page.locator("#shards tbody td").first().innerText()) === "2", waitMs);
}

async function resting(t: Test): Promise<void> {
  const { page } = await open(t);
  const hide = (hidden: boolean): Promise<unknown> => page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} }); document.dispatchEvent(new Event("visibilitychange"))`);
  const readers = async (): Promise<string> => {
    const replies = await Promise.all(Array.from({ length: 16 }, async () => {
      const leave = new AbortController();
      const { status } = await fetch(`${service.adminUrl}/dashboard/events`, { signal: leave.signal });
      return { status, leave };
    }));
    for (const { leave } of replies) leave.abort();
    return replies.map(({ status }) => status).sort().join(" ");
  };
  await waitUntil("the page takes a place", async () => (await readers()).endsWith("200 503"), waitMs);
  await hide(true);
  await waitUntil("the page has left its place", async () => !(await readers()).includes("503"), waitMs);
  await admin.does("weights", "json", "1=1", "2=3");
  t.equal(await versionRow(page, "2"), "1 50 %", "and shows nothing new");
  await hide(false);
  await waitUntil("it has caught up", async () => (await versionRow(page, "2")) === "3 75 %", waitMs);
  await admin.does("undo");
  await waitUntil("the share as it was", async () => (await versionRow(page, "2")) === "1 50 %", waitMs);
}

async function flowing(t: Test): Promise<void> {
  const { page } = await open(t);
  for (let count = 0; count < 40; count++) await (await fetch(`${service.url}/v1/lint/json`, { method: "POST", body: `[${count}]` })).text();
  const row = page.locator("#languages tr", { has: page.locator('th:text-is("2")') });
  await row.getByText("50 %, 50 %").waitFor();
  await page.locator("#languages .language", { hasText: "json" }).getByText(/p50 .* p99/).waitFor();
  // A chart that has a line has more than its grid: colours of the accent among its pixels.
  const drawn = await page.evaluate(`(() => {
    const canvas = document.querySelector("#requests-chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let blue = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && data[at + 2] > data[at] + 80) blue++;
    return blue;
  })()`);
  t.ok((drawn as number) > 20, `${String(drawn)} blue points`);
}

async function changing(t: Test): Promise<void> {
  const { page } = await open(t);
  await signIn(page, tokens.olga);
  await page.locator("#operator", { hasText: "olga · operator" }).waitFor();
  await page.locator("#changes", { hasText: "“halves”" }).waitFor();
  await page.getByRole("button", { name: "Weights of json" }).click();
  await page.getByLabel("Weight of 2").fill("9");
  t.match(await page.locator(".weight output").allInnerTexts(), ["10 %", "90 %"]);
  await page.getByRole("button", { name: "Review" }).click();
  await page.locator("#change-diff .line").first().waitFor();
  t.same((await page.locator("#change-diff").innerText()).trim().split(/\n+/), ["- json 2: weight 1", "+ json 2: weight 9"]);
  t.equal(await versionRow(page, "2"), "1 50 %", "nothing is changed yet");
  await page.getByLabel("Reason").fill("2 looks well");
  await page.keyboard.press("Enter");
  await waitUntil("the new share", async () => (await versionRow(page, "2")) === "9 90 %", waitMs);
  await page.locator("#changes > li", { hasText: "by olga" }).filter({ hasText: "“2 looks well”" }).waitFor();
  t.match(await page.locator("#said").innerText(), /^Revision 5 is stored/);

  await page.getByRole("button", { name: "Undo the newest" }).click();
  await page.locator("#change-diff .line").first().waitFor();
  t.same((await page.locator("#change-diff").innerText()).trim().split(/\n+/), ["- json 2: weight 9", "+ json 2: weight 1"]);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Undo the newest" }).click();
  await page.getByRole("button", { name: "Make the change" }).click();
  await waitUntil("the share as it was", async () => (await versionRow(page, "2")) === "1 50 %", waitMs);
  t.match(await admin.asks("history"), { entries: [{ revision: 6, who: "olga" }, { revision: 5, who: "olga", reason: "2 looks well" }] });
  await page.getByRole("button", { name: "Sign out" }).click();
  t.equal(await page.getByRole("button", { name: /^(Weights|Drain|Undo)/ }).count(), 0);
  t.same(await page.context().cookies(), []);
  t.equal(await page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })"), "{}", "no token is left in the browser");
}

async function draining(t: Test): Promise<void> {
  const { page } = await open(t);
  await signIn(page, tokens.olga);
  await page.getByRole("button", { name: "Drain json-1-1" }).click();
  await page.getByText("worker json-1-1: drained").waitFor();
  await page.getByRole("button", { name: "Make the change" }).click();
  await page.locator("#workers tr", { hasText: "json-1-1" }).getByText("drained").waitFor();
  await page.getByRole("button", { name: "Undrain json-1-1" }).click();
  await page.getByText("worker json-1-1: no longer drained").waitFor();
  await page.getByRole("button", { name: "Make the change" }).click();
  await page.locator("#workers tr", { hasText: "json-1-1" }).getByText("ready").waitFor();
}

async function refusing(t: Test): Promise<void> {
  const { page, expectComplaint } = await open(t);
  expectComplaint(/403/);
  await signIn(page, "0123456789abcdef-nobody");
  await page.getByRole("alert").getByText("the token is not known here").waitFor();
  await page.getByLabel("Token").fill(tokens.vera);
  await page.keyboard.press("Enter");
  await page.getByText("the role viewer may look, and change nothing").waitFor();
  await page.locator("#balancers tbody", { hasText: "up" }).waitFor();
  t.equal(await page.getByRole("button", { name: /^(Weights|Drain|Undo)/ }).count(), 0);
}

async function revoking(t: Test, tokensFile: string): Promise<void> {
  const { page, expectComplaint } = await open(t);
  const before = readFileSync(tokensFile, "utf8");
  t.teardown(() => writeFileSync(tokensFile, before));
  writeFileSync(tokensFile, `${before}operator otto 0123456789abcdef-otto\n`);
  await waitUntil("the manager has read it", () => Promise.resolve(service.stderr().includes('"callers":3')), waitMs);
  await signIn(page, "0123456789abcdef-otto");
  await page.getByRole("button", { name: "Weights of json" }).waitFor();
  expectComplaint(/403/);
  writeFileSync(tokensFile, before);
  await page.getByText("Signed out: the token is not known here").waitFor();
  t.equal(await page.getByRole("button", { name: /^(Weights|Drain|Undo)/ }).count(), 0);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
}

async function accessible(t: Test, colorScheme: "light" | "dark"): Promise<void> {
  const { page } = await open(t, { colorScheme });
  t.same(await accessibilityFaults(page), []);
  await page.getByRole("button", { name: "Sign in" }).click();
  t.same(await accessibilityFaults(page), [], "signing in");
  await page.getByLabel("Token").fill(tokens.olga);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Weights of json" }).waitFor();
  t.same(await accessibilityFaults(page), [], "signed in");
  await page.getByRole("button", { name: "Weights of json" }).click();
  t.same(await accessibilityFaults(page), [], "setting weights");
  await page.getByLabel("Weight of 2").fill("2");
  await page.keyboard.press("Enter");
  await page.locator("#change-diff .line").first().waitFor();
  t.same(await accessibilityFaults(page), [], "reviewing a change");
}

async function narrow(t: Test): Promise<void> {
  const { page } = await open(t, phone);
  t.equal(await page.evaluate("document.scrollingElement.scrollWidth"), phone.viewport.width);
  t.same(await accessibilityFaults(page), []);
}
