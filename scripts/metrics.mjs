// Writes docs/metrics.md from the code. Run it after a build when a metric was added or changed.
import { writeFileSync } from "node:fs";
import { metricsPageText } from "../dist/src/metrics/metrics-page.js";

writeFileSync(new URL("../docs/metrics.md", import.meta.url), metricsPageText());
