// Takes the pictures of docs/images/ anew, from the last build in a real browser (Debian's chromium). Run it when a page
// looks different; look at what it made before it is committed.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lintel-pictures-"));
writeFileSync(join(folder, "lintel.yaml"), 'languages: { python: { versions: [{ version: "0.17.3", run: { builtin: python, threads: 1 } }] } }\n');
const lintel = spawn(process.execPath, [join(root, "dist/src/main.js"), "up", "--config", join(folder, "lintel.yaml"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1"], { stdio: ["ignore", "pipe", "inherit"] });
const url = await new Promise((resolve, reject) => {
  let said = "";
  lintel.stdout.setEncoding("utf8").on("data", (text) => {
    said += text;
    const [, found] = /ready at (http:\S+)/.exec(said) ?? [];
    if (found !== undefined) resolve(found);
  });
  lintel.once("exit", () => reject(new Error(`lintel ended:\n${said}`)));
});
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium" });
mkdirSync(join(root, "docs/images"), { recursive: true });
try {
  const desktop = { width: 1120, height: 620 };
  await picture("page-light", { colorScheme: "light", viewport: desktop });
  await picture("page-dark", { colorScheme: "dark", viewport: desktop });
  await picture("page-phone", { colorScheme: "light", viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true });
} finally {
  await browser.close();
  lintel.removeAllListeners("exit");
  lintel.kill("SIGTERM");
  rmSync(folder, { recursive: true });
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
