/** A thousand workers on the dashboard: only rows that can be seen exist, and the page keeps up with all of them changing. */
import t from "tap";
import { startLightWorker } from "../support/light-workers.js";
import { startBalancer } from "../support/service.js";
import { openPage, skip, startBrowser } from "./chromium.js";

const awayCount = 996;
/** Generous: the machine may be busy with other things; a page that made all rows would take ten times as long. */
const taskMsMax = 400;

void t.test("a thousand workers", { skip }, async (t) => {
  const live = await Promise.all(Array.from({ length: 4 }, () => startLightWorker("json", "1")));
  t.teardown(() => live.forEach((worker) => worker.end()));
  // Addresses of this machine at which nobody listens: refused at once, again and again.
  const away = Array.from({ length: awayCount }, (_none, index) => `127.1.${index >> 8}.${index & 255}:1`);
  const service = await startBalancer(t, `languages: { json: { versions: [{ version: "1", workers: ${JSON.stringify([...live.map(({ id }) => id), ...away])} }] } }`);
  const browser = await startBrowser(t);
  const { page, expectComplaint } = await openPage(t, browser, `${service.adminUrl}/`);
  await page.locator("#workers-count", { hasText: "1,000" }).waitFor();
  t.match(await page.locator("#read-only").innerText(), /^Read-only\. This balancer runs from file:.* without a manager/);
  const rows = page.locator("#workers tbody tr:not(.spacer)");
  t.ok((await rows.count()) < 60, `${await rows.count()} rows`);

  const seen = await page.evaluate<{ frames: number; gaps: number; longestTaskMs: number; rows: number }>(`new Promise((resolve) => {
    const tasks = [0];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    const place = document.getElementById("workers-scroll");
    const start = performance.now();
    let [frames, gaps] = [0, 0];
    const step = () => {
      frames++;
      place.scrollTop = ((performance.now() - start) / 4000) * place.scrollHeight;
      const top = place.getBoundingClientRect().top + 40;
      if (document.elementFromPoint(place.getBoundingClientRect().left + 20, top)?.closest("tr:not(.spacer)") == null) gaps++;
      if (performance.now() - start < 4000) requestAnimationFrame(step);
      else resolve({ frames, gaps, longestTaskMs: Math.max(...tasks), rows: document.querySelectorAll("#workers tbody tr").length });
    };
    step();
  })`);
  t.comment(`while scrolling through all of them for 4 s: ${JSON.stringify(seen)}`);
  t.ok(seen.longestTaskMs < taskMsMax, `the longest task took ${seen.longestTaskMs} ms`);
  t.ok(seen.rows < 70, `${seen.rows} rows`);

  await page.getByLabel("Find").fill("127.1.3.");
  await page.locator("#workers-count", { hasText: "228 of 1,000" }).waitFor();
  await page.getByLabel("Find").fill(live[0]!.id);
  await page.locator("#workers-count", { hasText: "1 of 1,000" }).waitFor();
  t.match(await rows.allInnerTexts(), [new RegExp(`^${live[0]!.id.replaceAll(".", "\\.")}\\s+json 1\\s+ready`)]);

  expectComplaint(/ERR_CONNECTION_REFUSED/);
  const refusedAgain = page.waitForEvent("console");
  await service.stop();
  await page.getByText(/^No word from the balancer since/).waitFor();
  t.equal(await page.locator("#live").innerText(), "Connection lost", "what was true does not look as if it still were");
  await refusedAgain;
});
