/**
 * Makes the picture of the balancer as it is now: shards' states and counters, the snapshot, what the manager says. Must not know
 * who looks, nor how a picture travels.
 */
import type { ShardStatus, WorkerStatus } from "../../shard/messages.js";
import { formatAddress } from "../../snapshot/address.js";
import type { LanguageSnapshot, VersionSnapshot } from "../../snapshot/snapshot.js";
import type { Balancer, BalancerStatus } from "../balancer.js";
import type { LanguagePicture, ManagerPicture, NoticedChange, Overview, ShardPicture, VersionPicture, WholePicture, WorkerPicture } from "./picture.js";
import type { Samples } from "./samples.js";
import { verdictOn } from "./verdict.js";

export interface PictureParts {
  readonly balancer: Balancer;
  readonly samples: Samples;
  /** Where the configuration comes from. */
  readonly link: string;
  /** The program's version. */
  readonly program: string;
}

export interface Seen {
  readonly status: BalancerStatus;
  readonly manager: ManagerPicture;
  readonly changes: readonly NoticedChange[];
  readonly atUnixMs: number;
}

/** From the best to the worst. */
const states = ["ready", "probing", "connecting", "leaving", "waiting", "ejected"];
/** Connected all the same. */
const spreadStates = ["probing", "ejected"];
/** A state that began "now" would begin a moment later in every picture. */
const sinceJitterMs = 1_500;

export class PictureMaker {
  private before: ReadonlyMap<string, WorkerPicture> = new Map();

  constructor(private readonly parts: PictureParts) {}

  make(seen: Seen): WholePicture {
    const { samples } = this.parts;
    const workers = this.workers(seen);
    this.before = new Map(workers.map((worker) => [worker.id, worker]));
    return { overview: this.overview(seen, workers), workers, samples: samples.kept };
  }

  private overview({ status, manager, changes, atUnixMs }: Seen, workers: readonly WorkerPicture[]): Overview {
    const { balancer, samples, link, program } = this.parts;
    const languages = this.languages(status, workers);
    // Newer than the status, which is not asked for at every picture.
    const acked = balancer.acked();
    const shards = status.shards.map((shard): ShardPicture => {
      const { index, listening, restarts } = shard;
      const revision = acked[index]?.revision ?? 0;
      const answers = shard.status !== undefined;
      return { index, listening, answers, restarts, revision, inFlight: samples.shardValue(index, "exchangesInFlight"), connections: samples.shardValue(index, "connections") };
    });
    const perSecond = samples.kept.at(-1)?.perSecond ?? 0;
    const verdict = verdictOn({ notReadyBecause: status.notReadyBecause, languages, workers, shards, manager, ...samples.totals(), perSecond });
    return { atUnixMs, program, link, revision: balancer.snapshot.revision, verdict, languages, shards, changes, manager };
  }

  private languages(status: BalancerStatus, workers: readonly WorkerPicture[]): LanguagePicture[] {
    const { balancer, samples } = this.parts;
    const versionSlots = new Map(balancer.slots.versions());
    const languageSlots = new Map(balancer.slots.languages());
    const ready = countedByVersion(workers.filter(({ state }) => state === "ready"));
    const chosen = new Set(status.shards.flatMap((shard) => chosenFrom(shard.status)));
    const usable = countedByVersion(workers.filter(({ id }) => chosen.has(id)));
    return balancer.snapshot.languages.map((one): LanguagePicture => {
      const counts = one.versions.map(({ version }) => samples.versionCounts(versionSlots.get(`${one.language} ${version}`) ?? 0));
      const requests = counts.reduce((sum, count) => sum + count.requests, 0);
      const weights = one.versions.reduce((sum, { weight }) => sum + weight, 0);
      const versions = one.versions.map((version, index): VersionPicture => {
        const { requests: own = 0, failures = 0 } = counts[index] ?? {};
        const name = `${one.language} ${version.version}`;
        return {
          version: version.version,
          weight: version.weight,
          wanted: weights === 0 ? 0 : rounded(version.weight / weights),
          real: requests === 0 ? -1 : rounded(own / requests),
          requests: own,
          failures,
          workers: version.workers.length,
          ready: ready.get(name) ?? 0,
          usable: usable.get(name) ?? 0,
          waiting: waitingFor(status, one, version),
        };
      });
      const latency = requests === 0 ? { p50Ms: -1, p99Ms: -1 } : samples.languageLatency(languageSlots.get(one.language) ?? 0);
      return { language: one.language, spill: one.spill, ...latency, versions };
    });
  }

  private workers({ status, atUnixMs }: Seen): WorkerPicture[] {
    const { balancer, samples } = this.parts;
    const slots = new Map(balancer.slots.workers());
    const seen = new Map<string, WorkerStatus[]>();
    for (const shard of status.shards) {
      for (const worker of shard.status?.workers ?? []) {
        const views = seen.get(worker.id);
        if (views === undefined) seen.set(worker.id, [worker]);
        else views.push(worker);
      }
    }
    return balancer.snapshot.languages.flatMap(({ language, versions }) =>
      versions.flatMap(({ version, workers }) =>
        workers.map((endpoint): WorkerPicture => {
          const { id } = endpoint;
          const view = this.viewOf(id, seen.get(id) ?? [], atUnixMs);
          return { id, language, version, address: formatAddress(endpoint), ...view, ...samples.workerCounts(slots.get(id) ?? 0) };
        }),
      ),
    );
  }

  /** The shard that sees it worst speaks for all; where none does, nothing new is known. */
  private viewOf(id: string, views: readonly WorkerStatus[], atUnixMs: number): Pick<WorkerPicture, "state" | "reason" | "sinceUnixMs" | "linter"> {
    const before = this.before.get(id);
    const worst = views.reduce<WorkerStatus | undefined>((worse, view) => (worse === undefined || states.indexOf(view.state) > states.indexOf(worse.state) ? view : worse), undefined);
    if (worst === undefined) return before ?? { state: "connecting", reason: "no shard has said how it is yet", sinceUnixMs: atUnixMs, linter: "" };
    const alike = views.filter(({ state }) => state === worst.state).length;
    const where = alike === views.length ? "" : `on ${alike} of ${views.length} shards`;
    const since = Math.round(atUnixMs - worst.forMs);
    return {
      state: worst.state,
      reason: [worst.reason, where].filter((text) => text !== "").join(" "),
      sinceUnixMs: before !== undefined && before.state === worst.state && Math.abs(before.sinceUnixMs - since) < sinceJitterMs ? before.sinceUnixMs : since,
      linter: views.find(({ linter }) => linter !== "")?.linter ?? "",
    };
  }
}

/** The ids of those a shard can choose: of a version whose workers are all ejected, these. */
export function chosenFrom(status: ShardStatus | undefined): string[] {
  if (status === undefined) return [];
  const { workers, spreading } = status;
  return workers.filter(({ state, language, version }) => state === "ready" || (spreadStates.includes(state) && spreading.includes(`${language} ${version}`))).map(({ id }) => id);
}

function countedByVersion(workers: readonly WorkerPicture[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { language, version } of workers) counts.set(`${language} ${version}`, (counts.get(`${language} ${version}`) ?? 0) + 1);
  return counts;
}

function waitingFor({ waiting }: BalancerStatus, { language }: LanguageSnapshot, { version }: VersionSnapshot): string {
  const shards = waiting.filter((one) => one.language === language && one.version === version);
  const [first] = shards;
  if (first === undefined) return "";
  const where = shards.map(({ shard }) => shard).join(", ");
  return `no usable worker on shard ${where}${first.reason === "" ? "" : ` (${first.reason})`}`;
}

function rounded(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
