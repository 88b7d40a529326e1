// Takes the pictures of docs/images/ anew, from the last build in a real browser (Debian's chromium). Run it when a page
// looks different; look at what it made before it is committed. `node scripts/pictures.mjs dashboard` takes those that begin so.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const wanted = (name) => name.startsWith(process.argv[2] ?? "") || (process.argv[2] ?? "").startsWith(name);
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lintel-pictures-"));
mkdirSync(join(root, "docs/images"), { recursive: true });
writeFileSync(
  join(folder, "lintel.yaml"),
  `languages:
  python: { versions: [{ version: "0.17.3", weight: 90, run: { builtin: python, workers: 2, threads: 1 } }, { version: "0.18.0", weight: 10, run: { builtin: python, threads: 1 } }] }
  json: { versions: [{ version: "3.3.1", run: { builtin: json, threads: 1 } }] }
`,
);
const lintel = spawn(process.execPath, [join(root, "dist/src/main.js"), "up", "--config", "lintel.yaml", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manager", "127.0.0.1:0", "--shards", "2"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
const [url, adminUrl] = await new Promise((resolve, reject) => {
  let said = "";
  lintel.stdout.setEncoding("utf8").on("data", (text) => {
    said += text;
    const [, users, admin] = /ready at (http:\S+)[^]*dashboard (http:\S+?)\/?\n/.exec(said) ?? [];
    if (admin !== undefined) resolve([users, admin]);
  });
  lintel.once("exit", () => reject(new Error(`lintel ended:\n${said}`)));
});
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium" });
/** How long the dashboard's charts are filled. */
const trafficMs = 40_000;

try {
  const desktop = { width: 1120, height: 620 };
  if (wanted("page-")) {
    await picture("page-light", { colorScheme: "light", viewport: desktop });
    await picture("page-dark", { colorScheme: "dark", viewport: desktop });
    await picture("page-phone", { colorScheme: "light", viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true });
  }
  if (wanted("dashboard-")) await dashboards();
} finally {
  await browser.close();
  lintel.removeAllListeners("exit");
  lintel.kill("SIGTERM");
  rmSync(folder, { recursive: true });
}

async function dashboards() {
  await change({ kind: "weights", language: "python", weights: [{ version: "0.17.3", weight: 75 }, { version: "0.18.0", weight: 25 }] }, "0.18.0 looks well on a tenth");
  await traffic(trafficMs);
  for (const colorScheme of ["light", "dark"]) await dashboard(`dashboard-${colorScheme}`, colorScheme);
  await confirmation("dashboard-change");
}

async function picture(name, options) {
  const page = await browser.newPage(options);
  await page.goto(url);
  await page.locator(".finding").first().waitFor();
  // Once more, so that the time shown is not that of the linter's first file.
  await page.reload();
  await page.locator(".finding").first().waitFor();
  await page.locator("#facts", { hasText: "ms" }).waitFor();
  await page.screenshot({ path: join(root, `docs/images/${name}.png`), animations: "disabled" });
  await page.close();
}

/** A change as the dashboard makes it, without the page. */
async function change(what, reason) {
  const headers = { "Content-Type": "application/json", "Lintel-User": "alice", Origin: adminUrl };
  const reply = await fetch(`${adminUrl}/dashboard/changes`, { method: "POST", headers, body: JSON.stringify({ change: what, dryRun: false, ifRevision: 0, reason, requestId: "" }) });
  if (!reply.ok) throw new Error(await reply.text());
}

/** A few users, who come and go; now and then one asks for what there is not. */
async function traffic(forMs) {
  const end = performance.now() + forMs;
  for (let count = 0; performance.now() < end; count++) {
    const language = count % 97 === 0 ? "pyhton" : count % 4 === 0 ? "json" : "python";
    await (await fetch(`${url}/v1/lint/${language}`, { method: "POST", body: language === "json" ? `[${count}]` : `import os\nprint(${count})\n` })).text();
    await sleep(25 + 20 * Math.sin(count / 150));
  }
}

async function openDashboard(colorScheme) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 1010 } });
  await page.goto(`${adminUrl}/`);
  await page.locator("#languages .language").first().waitFor();
  return page;
}

async function dashboard(name, colorScheme) {
  const page = await openDashboard(colorScheme);
  await page.locator('#verdict[data-level="well"]').waitFor();
  await traffic(3_000);
  await page.screenshot({ path: join(root, `docs/images/${name}.png`), animations: "disabled" });
  await page.close();
}

async function confirmation(name) {
  const page = await openDashboard("light");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Your name").fill("alice");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Weights of python" }).click();
  await page.getByLabel("Weight of 0.17.3").fill("50");
  await page.getByLabel("Weight of 0.18.0").fill("50");
  await page.getByRole("button", { name: "Review" }).click();
  await page.locator("#change-diff .line").first().waitFor();
  await page.getByLabel("Reason").fill("0.18.0 for every second user");
  await page.locator("#change-dialog").screenshot({ path: join(root, `docs/images/${name}.png`), animations: "disabled" });
  await page.close();
}
