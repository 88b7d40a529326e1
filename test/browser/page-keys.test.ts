/** The page where the service asks for an API key: it asks the user, and goes on. */
import { join } from "node:path";
import t, { type Test } from "tap";
import { startUp } from "../support/service.js";
import { accessibilityFaults } from "./axe.js";
import { skip, startBrowser } from "./chromium.js";
import { openLintPage } from "./lint-page.js";

const config = `
languages:
  json: { versions: [{ version: "1", run: { builtin: json, threads: 1 } }] }
`;

void t.test("the page asks for a key, says when it is wrong, and lints with the right one", { skip }, async (t: Test) => {
  const folder = t.testdir({ keys: "alice alice-0123456789\n" });
  const service = await startUp(t, { config, args: ["--api-keys", join(folder, "keys")] });
  const browser = await startBrowser(t);
  const { page, type, untilFindings, expectComplaint } = await openLintPage(t, browser, service);
  expectComplaint(/401/);
  const alert = page.getByRole("alert");
  await alert.getByText("An API key is needed").waitFor();
  t.same(await accessibilityFaults(page), []);
  await page.getByLabel("API key").fill("not-a-key-0123456789");
  await page.getByRole("button", { name: "Use it" }).click();
  await alert.getByText("This API key is not known here").waitFor();
  await page.getByLabel("API key").fill(" alice-0123456789 ");
  await page.keyboard.press("Enter");
  await alert.waitFor({ state: "hidden" });
  await type('{"a": 1,}');
  await untilFindings("PropertyNameExpected 1:9", "ValueExpected 1:9");
  await page.getByRole("tab", { name: "curl" }).click();
  t.match(await page.locator("#curl-with-file").innerText(), /^curl -H "X-API-Key: \$LINTEL_API_KEY" --data-binary @/, "the key itself is not on screen");
  t.equal(await page.evaluate("localStorage.length + sessionStorage.length"), 0, "and is not stored");
});
