/**
 * Tells the platform what should run: what is stored, and for a while what was. A version that is taken away keeps its workers
 * until no balancer gives them traffic any more: when one version takes the place of another in one change, balancers stay
 * with the old one until the new one can be used. Must not know how anything is run or told.
 */
import type { Clock, Timer } from "../base/clock.js";
import type { ConfigurationView } from "./configuration-view.js";
import type { FleetView } from "./fleet-view.js";
import { wantedVersions } from "./platform-problems.js";
import type { Platform, WantedVersion } from "./platform/platform.js";
import type { StoredConfiguration } from "./stored-configuration.js";

export interface RunningVersionsOptions {
  /** Longer than a balancer waits for a new version's first worker; one that lags for longer has lost the old workers before. */
  readonly lingerMs: number;
}

export const defaultRunningVersionsOptions: RunningVersionsOptions = { lingerMs: 60_000 };

interface Lingering {
  readonly wanted: WantedVersion;
  /** The one that took it away: when that is active everywhere nobody uses it. */
  readonly revision: number;
  readonly timer: Timer;
}

export class RunningVersions {
  private wanted: readonly WantedVersion[] = [];
  private revision = 0;
  private readonly lingering = new Map<string, Lingering>();

  constructor(
    private readonly configuration: ConfigurationView,
    private readonly platform: Platform,
    private readonly fleet: FleetView,
    private readonly options: RunningVersionsOptions,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.follow(this.configuration.current);
    this.configuration.onConfiguration((configuration) => this.follow(configuration));
    this.fleet.onChange(() => this.release());
  }

  private follow(configuration: StoredConfiguration): void {
    const wanted = wantedVersions(configuration);
    const names = new Set(wanted.map(nameOf));
    for (const one of this.wanted) if (!names.has(nameOf(one))) this.linger(one, configuration.revision);
    for (const name of names) this.forget(name);
    this.wanted = wanted;
    this.revision = configuration.revision;
    this.tell();
    this.release();
  }

  private linger(wanted: WantedVersion, revision: number): void {
    const name = nameOf(wanted);
    const timer = this.clock.after(this.options.lingerMs, () => {
      this.forget(name);
      this.tell();
    });
    this.lingering.set(name, { wanted, revision, timer });
  }

  /** Ends what no balancer uses any more. */
  private release(): void {
    const unused = [...this.lingering].filter(([, { revision }]) => this.fleet.barrier(revision).open);
    for (const [name] of unused) this.forget(name);
    if (unused.length > 0) this.tell();
  }

  private forget(name: string): void {
    this.clock.clear(this.lingering.get(name)?.timer);
    this.lingering.delete(name);
  }

  private tell(): void {
    this.platform.want([...this.wanted, ...Array.from(this.lingering.values(), ({ wanted }) => wanted)], this.revision);
  }
}

function nameOf({ language, version }: WantedVersion): string {
  return `${language} ${version}`;
}
