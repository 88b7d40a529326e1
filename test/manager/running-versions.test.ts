/** What the platform is told to run: never less than balancers may still use. */
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { Fleet } from "../../src/manager/fleet.js";
import type { Platform, WantedVersion } from "../../src/manager/platform/platform.js";
import { RunningVersions } from "../../src/manager/running-versions.js";
import { emptyConfiguration, type StoredConfiguration } from "../../src/manager/stored-configuration.js";
import { waitUntil } from "../support/wait-until.js";

function configuration(revision: number, ...versions: readonly string[]): StoredConfiguration {
  const run = { kind: "builtin", builtin: "json", workers: 1, environment: {} } as const;
  const stored = versions.map((version) => ({ version, weight: 1, workers: [], source: { kind: "run", run } as const }));
  return { ...emptyConfiguration, revision, languages: [{ language: "json", extensions: [], spill: true, versions: stored }] };
}

/** The parts around it: a configuration that changes on demand, one balancer, and what the platform was last told. */
function scene(lingerMs: number) {
  const told: string[] = [];
  let listener: (configuration: StoredConfiguration) => void = () => undefined;
  const view = { current: configuration(1, "a"), onConfiguration: (given: typeof listener) => void (listener = given) };
  const platform: Pick<Platform, "want"> = { want: (versions: readonly WantedVersion[]) => void told.push(versions.map(({ version }) => version).join(" ")) };
  const fleet = new Fleet({ staleMs: 5_000, silentKeptMs: 5_000, rejoinMs: 0 }, systemClock);
  const balancer = fleet.join({ balancer: "b", instance: "1", shards: 1, revision: 1, checksum: Buffer.alloc(0), program: "" });
  balancer.acked(1, 1, [1]);
  new RunningVersions(view, platform as Platform, fleet, { lingerMs }, systemClock).start();
  return { balancer, change: (next: StoredConfiguration) => listener(next), now: () => told.at(-1) };
}

void t.test("a version that is taken away runs until every balancer has let go of it", (t) => {
  const { balancer, change, now } = scene(60_000);
  t.equal(now(), "a");
  change(configuration(2, "b"));
  t.equal(now(), "b a");
  change(configuration(3, "c"));
  t.equal(now(), "c a b");
  balancer.acked(2, 2, [2]);
  t.equal(now(), "c b", "revision 2 took a away");
  balancer.acked(3, 3, [3]);
  t.equal(now(), "c");
  change(configuration(4));
  change(configuration(5, "c"));
  t.equal(now(), "c", "what comes back is not ended later");
  balancer.acked(4, 5, [5]);
  t.equal(now(), "c");
  t.end();
});

void t.test("a balancer that lags for ever does not keep workers for ever", async (t) => {
  const { change, now } = scene(20);
  change(configuration(2, "b"));
  t.equal(now(), "b a");
  await waitUntil("the time to be up", () => now() === "b");
});
