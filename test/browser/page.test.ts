/** The page users try the service on, in a real browser, against a real service. */
import type { Browser } from "playwright-core";
import t, { type Test } from "tap";
import { folderWith, runProcess } from "../support/run-lintel.js";
import { startUp, type Service } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";
import { skip, startBrowser } from "./chromium.js";
import { openLintPage } from "./lint-page.js";

const config = `
http: { bodyBytesMax: 4KiB }
limits: { attemptTimeoutMs: 8s }
languages:
  python: { versions: [{ version: "stable", weight: 3, run: { builtin: python, threads: 1 } }, { version: "next", weight: 1, run: { builtin: python, threads: 1 } }] }
  json: { versions: [{ version: "1", run: { builtin: json, threads: 1 } }] }
  waiting: { extensions: [.wait], versions: [{ version: "1", run: { command: ["/bin/sh", "-c", "read -r seconds; sleep $seconds; echo x:1:1: found"], report: lines, threads: 2 } }] }
  absent: { extensions: [.absent], versions: [{ version: "1", workers: ["127.0.0.1:1"] }] }
`;
const faulty = 'import os\n\n\ndef greet(name):\n    print(f"Hello")\n    return nmae\n';
const found = ["F401 1:8", "F541 5:11", "F821 6:12"] as const;

let service: Service;
let browser: Browser;

void t.test("the page", { skip }, async (t) => {
  service = await startUp(t, { config });
  browser = await startBrowser(t);
  await t.test("a faulty file is typed, and its findings stand on their lines", typing);
  await t.test("another language and another version are chosen", choosing);
  await t.test("a link holds everything, and opens it elsewhere", linking);
  await t.test("files are picked and dropped", filing);
  await t.test("the raw report is what the service sends, in every format", reporting);
  await t.test("the curl lines do what they say", commanding);
  await t.test("who types on is not answered for what was there before", typingOn);
  await t.test("what goes wrong is said, with what can be done", failing);
  await t.test("keyboard alone is enough", keying);
});

async function typing(t: Test): Promise<void> {
  const { page, type, untilFindings, summary } = await openLintPage(t, browser, service);
  await untilFindings("F401 1:8", "F821 9:12", "F541 13:16");
  await type(faulty);
  await untilFindings(...found);
  t.equal(await summary(), "1 error, 2 warnings");
  t.equal(await page.locator(".cm-lintRange-error").innerText(), "nmae", "the text itself is underlined");
  const line = await page.locator(".cm-line", { hasText: "nmae" }).boundingBox();
  const mark = await page.locator(".cm-lint-marker-error").boundingBox();
  t.ok(mark!.y >= line!.y && mark!.y + mark!.height <= line!.y + line!.height, "the mark in the gutter is beside its line");
  t.equal(await page.locator(".rule", { hasText: "F821" }).getAttribute("href"), "https://docs.astral.sh/ruff/rules/F821/");
  t.equal(await page.locator(".rule", { hasText: "F821" }).getAttribute("rel"), "noopener noreferrer");

  await page.locator(".jump", { hasText: "Undefined name" }).click();
  await page.keyboard.insertText("name");
  await untilFindings("F401 1:8", "F541 5:11");
  await page.locator(".finding", { hasText: "F401" }).getByRole("button", { name: "Fix" }).click();
  await untilFindings("F541 4:11");
  await page.keyboard.press("Control+z");
  await untilFindings("F401 1:8", "F541 5:11");
}

async function choosing(t: Test): Promise<void> {
  const { page, type, untilFindings, source } = await openLintPage(t, browser, service);
  await untilFindings("F401 1:8", "F821 9:12", "F541 13:16");
  t.same(await page.locator("#version option").allInnerTexts(), ["by share", "stable (ruff 0.17.3) · 75 %", "next (ruff 0.17.3) · 25 %"]);
  await page.getByLabel("Version").selectOption("next");
  await page.locator("#facts", { hasText: "version next" }).waitFor();
  await page.getByLabel("Language").selectOption("json");
  await untilFindings("CommaExpected 5:20", "PropertyNameExpected 6:1", "ValueExpected 6:1");
  t.match(await source(), /"name": "example"/, "a sample nobody has touched gives way to the other language's");
  await type('{"a": 1,}');
  await untilFindings("PropertyNameExpected 1:9", "ValueExpected 1:9");
  await page.getByLabel("Language").selectOption("python");
  await untilFindings("B018 1:1");
  t.equal(await source(), '{"a": 1,}', "what somebody has typed stays");
}

async function linking(t: Test): Promise<void> {
  const { page, type, untilFindings } = await openLintPage(t, browser, service, "", { permissions: ["clipboard-read", "clipboard-write"] });
  await type(faulty);
  await page.getByLabel("Version").selectOption("next");
  await page.getByLabel("File", { exact: true }).fill("src/größe ÿ😀.py");
  await untilFindings(...found);
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("button", { name: "Link copied" }).waitFor();
  const link = await page.evaluate("navigator.clipboard.readText()");
  t.equal(link, page.url());
  t.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#v1=[\w-]+$/);

  const other = await openLintPage(t, browser, service, new URL(String(link)).hash);
  await other.untilFindings(...found);
  t.equal(await other.source(), faulty);
  t.equal(await other.page.getByLabel("File", { exact: true }).inputValue(), "src/größe ÿ😀.py");
  t.equal(await other.page.getByLabel("Version").inputValue(), "next");

  await other.page.evaluate('location.hash = "#v1=broken"');
  await other.page.getByRole("alert").getByText("This link is broken").waitFor();
  t.equal(await other.source(), faulty, "and what was there stays");
}

async function filing(t: Test): Promise<void> {
  const { page, untilFindings, source } = await openLintPage(t, browser, service);
  await untilFindings("F401 1:8", "F821 9:12", "F541 13:16");
  await page.locator("#file").setInputFiles({ name: "settings.JSON", mimeType: "application/json", buffer: Buffer.from('{"a" 1}\r\n') });
  await untilFindings("ColonExpected 1:6");
  t.equal(await page.getByLabel("Language").inputValue(), "json");
  t.equal(await page.getByLabel("File", { exact: true }).inputValue(), "settings.JSON");

  const drop = (name: string, bytes: readonly number[]): Promise<unknown> =>
    page.evaluate(`{
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(${JSON.stringify(bytes)})], ${JSON.stringify(name)}));
      for (const type of ["dragenter", "dragover", "drop"]) document.querySelector("#editor").dispatchEvent(new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true, composed: true }));
    }`);
  await drop("a.py", [...Buffer.from("import os\n")]);
  await untilFindings("F401 1:8");
  t.equal(await source(), "import os\n");
  t.equal(await page.getByLabel("Language").inputValue(), "python");
  await drop("picture.png", [0x89, 0x50, 0x4e, 0x47, 0xff]);
  await page.getByRole("alert").getByText("picture.png is not text in UTF-8.").waitFor();
  await drop("a.bin", [0x61, 0]);
  await page.getByRole("alert").getByText("a.bin is not a text file.").waitFor();
  t.equal(await source(), "import os\n", "what was there stays");
}

async function reporting(t: Test): Promise<void> {
  const { page, type, untilFindings } = await openLintPage(t, browser, service);
  await type(faulty);
  await page.getByLabel("File", { exact: true }).fill("greet.py");
  await untilFindings(...found);
  await page.getByRole("tab", { name: "Report" }).click();
  const formats = await page.locator("#format option").evaluateAll((options) => options.map((option) => (option as unknown as { value: string }).value));
  t.same(formats, ["json", "sarif", "text", "rdjson", "gitlab", "checkstyle", "github"]);
  for (const format of formats) {
    await page.locator("#format").selectOption(format);
    const reply = await fetch(`${service.url}/v1/lint/python?filename=greet.py&format=${format}`, { method: "POST", body: faulty, headers: { connection: "close" } });
    const sent = await reply.text();
    const shown = sent.startsWith("{") || sent.startsWith("[") ? `${JSON.stringify(JSON.parse(sent), null, 2)}\n` : sent;
    await waitUntil(`the report as ${format}`, async () => (await page.locator("#report").textContent()) === shown);
    t.pass(format);
  }
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  t.equal((await download).suggestedFilename(), "report.txt");
}

async function commanding(t: Test): Promise<void> {
  const { page, type, untilFindings } = await openLintPage(t, browser, service);
  const sources = [faulty, "import os", "x = 'it''s \\\\ $HOME `id`'\nimport os\n", "EOF\nEOF_\nimport os\n"];
  for (const source of sources) {
    await type(source);
    await page.getByLabel("File", { exact: true }).fill("my file's.py");
    await waitUntil("a finding", async () => (await page.locator(".finding").count()) > 0 && (await page.locator("#summary.busy").count()) === 0);
    await page.getByRole("tab", { name: "curl" }).click();
    await page.locator("#format-for-curl").selectOption("text");
    const folder = folderWith({ "my file's.py": source });
    t.teardown(() => folder.remove());
    const expected = await (await fetch(`${service.url}/v1/lint/python?filename=my%20file%27s.py&format=text`, { method: "POST", body: source, headers: { connection: "close" } })).text();
    for (const id of ["#curl-with-file", "#curl-with-source"]) {
      const command = (await page.locator(id).textContent())!;
      t.same([command, (await runProcess("/bin/sh", ["-c", command], { cwd: folder.path })).stdout], [command, expected]);
    }
    await page.getByRole("tab", { name: "Findings" }).click();
  }
  await type("x = 1\n");
  await untilFindings();
}

async function typingOn(t: Test): Promise<void> {
  const { page, type, untilFindings } = await openLintPage(t, browser, service);
  await page.getByLabel("Language").selectOption("waiting");
  await type("7\n");
  await waitUntil("the slow request is under way", async () => (await service.metric("lintel_worker_in_flight", 'language="waiting"')) === 1);
  await type("0\n");
  await untilFindings("finding 1:1");
  t.ok((await service.metric("lintel_requests_total", 'language="waiting",version="1",code="499"')) >= 1, "the service has heard that nobody waits any more");
  t.equal(await service.metric("lintel_worker_in_flight", 'language="waiting"'), 0, "and does not go on for nobody");
}

async function failing(t: Test): Promise<void> {
  const { page, type, untilFindings, expectComplaint, summary } = await openLintPage(t, browser, service);
  const alert = page.getByRole("alert");
  expectComplaint(/413/);
  await type(`# ${"x".repeat(5_000)}\n`);
  await alert.getByText("The source is too large").waitFor();
  t.match(await alert.innerText(), /The source has 5003 bytes; the limit is 4096\.[^]*413 body-too-large · request [\w-]+/);
  t.equal(await alert.getByRole("button").count(), 0, "trying again would not help");
  await type("import os\n");
  await untilFindings("F401 1:8");
  t.notOk(await alert.isVisible());

  expectComplaint(/503/);
  await page.getByLabel("Language").selectOption("absent");
  await alert.getByText("No linter can take the request").waitFor();
  t.match(await alert.innerText(), /tried again in 1 s[^]*503 no-worker/);
  t.equal(await summary(), "No linter can take the request");
  await alert.getByText("tried again in 2 s").waitFor();
  await page.getByLabel("Language").selectOption("python");
  await untilFindings("F401 1:8");
}

async function keying(t: Test): Promise<void> {
  const { page, type, untilFindings } = await openLintPage(t, browser, service);
  const focused = (): Promise<unknown> => page.evaluate('document.activeElement.id || document.activeElement.className');
  await untilFindings("F401 1:8", "F821 9:12", "F541 13:16");
  await page.keyboard.press("Tab");
  t.equal(await focused(), "jump-to-editor");
  await page.keyboard.press("Enter");
  t.equal(await focused(), "editor");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("F8");
  await page.keyboard.press("F8");
  await page.keyboard.insertText("total");
  await untilFindings("F401 1:8", "F541 13:16");
  await page.keyboard.press("Tab");
  t.equal(await focused(), "editor", "Tab indents");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  t.equal(await focused(), "tab-findings", "after Escape it leads on");
  await page.keyboard.press("ArrowRight");
  t.equal(await focused(), "tab-report");
  t.ok(await page.locator("#panel-report").isVisible());
  await page.keyboard.press("End");
  t.ok(await page.locator("#panel-curl").isVisible());
  await page.keyboard.press("ArrowRight");
  t.equal(await focused(), "tab-findings");
  await type("import os\n");
  await untilFindings("F401 1:8");
  await page.locator("#tab-findings").focus();
  for (const next of ["panel-findings", "jump"]) {
    await page.keyboard.press("Tab");
    t.equal(await focused(), next);
  }
  await page.keyboard.press("Enter");
  t.equal(await focused(), "editor", "a finding leads to its place");
}

