// deploy/: scrape configuration, alert rules and dashboard, against the registry and by promtool's judgement. That the registry is
// what a real service shows, test/scenario/up.test.ts holds.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t, { type Test } from "tap";
import { parse } from "yaml";
import { latencyBoundsSeconds, type MetricDefinition, metricGroups } from "../../src/metrics/definitions.js";
import { Exposition } from "../../src/metrics/exposition.js";
import { missing } from "../interop/debian.js";
import { repositoryText } from "../support/configuration-files.js";
import { metricNamesIn, unknownLabels, unknownMetricNames } from "../support/metric-names.js";
import { folderWith } from "../support/run-lintel.js";
import { repositoryRoot } from "../support/source-module.js";

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string; readonly annotations: { readonly summary: string } }[] }[];
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: { readonly query?: string } | string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const folder = join(repositoryRoot, "deploy/prometheus");
const rules = (parse(repositoryText("deploy/prometheus/lintel.rules.yml")) as Rules).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(repositoryText("deploy/grafana/lintel.json")) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets: all = [] }) => all.map(({ expr, legendFormat }) => ({ what: `panel "${title}"`, expr, text: legendFormat })));
const skip = missing("prometheus", ["promtool", "--version"]);

function promtool(t: Test, args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8", cwd: folder, input });
  t.equal(status, 0, `promtool ${args.slice(0, 2).join(" ")}: ${stdout}${stderr}`);
  return stdout + stderr;
}

void t.test("no rule and no panel names a metric or a label that does not exist", (t) => {
  t.ok(rules.length >= 15 && targets.length >= 30, "they were found");
  for (const { alert, expr, annotations } of rules) {
    t.same([...unknownMetricNames(expr), ...unknownLabels(expr, annotations.summary)], [], alert);
  }
  for (const { what, expr, text } of targets) t.same([...unknownMetricNames(expr), ...unknownLabels(expr, text)], [], what);
  for (const { name, query } of dashboard.templating.list) t.same(unknownMetricNames(JSON.stringify(query)), [], name);
  for (const { expr } of dashboard.annotations.list) t.same(unknownMetricNames(expr), []);
  const tests = repositoryText("deploy/prometheus/lintel.rules.test.yml");
  t.same(unknownMetricNames(tests), [], "nor do the rules' unit tests, which would be green for it");
  t.same(unknownLabels([...tests.matchAll(/\{ series: '(.*?)'/g)].map(([, series = ""]) => series).join("\n"), ""), []);
  for (const { alert } of rules) t.ok(tests.includes(`alertname: ${alert}\n`), `${alert} has a unit test`);

  t.same(unknownLabels('sum by (instance, lang) (rate(lintel_requests_total{status=~"5.."}[5m]))', "{{ $labels.host }}"), ["host", "lang", "status"], "and one that does not exist would be found");
  t.end();
});

void t.test("the dashboard shows every metric, and each panel once", (t) => {
  const shown = new Set([...targets.flatMap(({ expr }) => metricNamesIn(expr)), ...metricNamesIn(JSON.stringify(dashboard.templating))].map((name) => name.replace(/_(bucket|sum|count)$/, "")));
  const all = metricGroups.flatMap(({ metrics }) => Object.values(metrics as Readonly<Record<string, MetricDefinition>>));
  t.same(all.map(({ name }) => name).filter((name) => !shown.has(name)), [], "what is measured can be seen");
  const titles = dashboard.panels.map(({ title }) => title);
  t.equal(new Set(titles).size, titles.length);
  t.end();
});

void t.test("promtool takes the configuration, the rules, and every query of the dashboard", { skip }, (t) => {
  promtool(t, ["check", "config", "prometheus.yml"]);
  const queries = targets.map(({ expr }, index) => ({ record: `panel:${index}`, expr: expr.replaceAll("$__rate_interval", "1m").replace(/\$(instance|language)/g, ".*") }));
  const { path, remove } = folderWith({ "panels.yml": JSON.stringify({ groups: [{ name: "panels", rules: queries }] }) });
  t.teardown(remove);
  promtool(t, ["check", "rules", join(path, "panels.yml")]);
  t.end();
});

void t.test("promtool sees every alert fire when it should, and stay quiet beside it", { skip }, (t) => {
  t.match(promtool(t, ["test", "rules", "lintel.rules.test.yml"]), /SUCCESS/);
  t.end();
});

void t.test("promtool finds every name and type as Prometheus wants them", { skip }, async (t) => {
  const exposition = new Exposition();
  for (const { metrics } of metricGroups) {
    for (const metric of Object.values(metrics as Readonly<Record<string, MetricDefinition>>)) {
      if (metric.type === "histogram") exposition.addHistogram(metric, latencyBoundsSeconds, () => [{ labels: {}, counts: latencyBoundsSeconds.map(() => 1), count: 1, sum: 1 }]);
      else exposition.addNumber(metric, () => 1);
    }
  }
  t.equal(promtool(t, ["check", "metrics"], await exposition.text()), "");
});
