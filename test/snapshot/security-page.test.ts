// docs/security.md names bounds with their defaults: they are the configuration's.
import t from "tap";
import { defaultConfiguration } from "../../src/snapshot/configuration.js";
import { settingsOf } from "../../src/snapshot/settings.js";
import { repositoryText } from "../support/configuration-files.js";

void t.test("every default that the page names is the default", (t) => {
  const settings = settingsOf(defaultConfiguration());
  const named = [...repositoryText("docs/security.md").matchAll(/`((?:http|admin|limits)\.[\w.]+)`(?:,)? (\d+)(?: (m|s|[KM]iB))?\b/g)];
  t.ok(named.length >= 5, "they were found");
  for (const [text, path = "", value = "", unit = ""] of named) {
    const actual = path.endsWith(".listen") ? settings.get(path)?.replace(/^.*:/, "") : settings.get(path);
    t.equal(`${value}${unit}`, actual, text);
  }
  t.match([settings.get("http.rateLimit.requests"), settings.get("http.trustedProxies")], ["0", "(none)"], "off, and none, as the page says");
  t.end();
});
