/**
 * The workers there are and the configuration that names them, as an operator changes it: weights, workers,
 * versions, spilling. Must not know shards.
 */
import { randomBelow, type Random } from "../../src/base/random.js";
import type { Snapshot } from "../../src/snapshot/snapshot.js";
import type { Scenario } from "./scenario.js";
import type { SimulatedWorker } from "./simulated-worker.js";

interface Version {
  readonly version: string;
  weight: number;
  readonly workers: string[];
}

interface Language {
  readonly language: string;
  spill: boolean;
  readonly versions: Version[];
}

export type StartWorker = (id: string, language: string, version: string) => SimulatedWorker;

export class Fleet {
  /** By port: every worker that was ever configured; those that left the configuration go on running. */
  readonly workers = new Map<number, SimulatedWorker>();
  private readonly languages: Language[] = [];
  private readonly ports = new Map<string, number>();
  private revision = 0;
  private names = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly random: Random,
    private readonly startWorker: StartWorker,
  ) {
    for (let index = 0; index < scenario.languages; index++) {
      const language: Language = { language: `l${index}`, spill: random.next() < 0.7, versions: [] };
      this.languages.push(language);
      const versions = 1 + randomBelow(random, scenario.versionsMax);
      for (let count = 0; count < versions; count++) this.addVersion(language);
      language.versions[0]!.weight ||= 1;
    }
  }

  next(): Snapshot {
    this.revision++;
    return {
      revision: this.revision,
      nonce: this.revision,
      languages: this.languages.map(({ language, spill, versions }) => ({
        language,
        extensions: [],
        spill,
        versions: versions.map(({ version, weight, workers }) => ({ version, weight, workers: workers.map((id) => ({ id, host: "host", port: this.ports.get(id)! })) })),
      })),
    };
  }

  /** Workers that the newest configuration has. */
  configured(): SimulatedWorker[] {
    return this.languages.flatMap(({ versions }) => versions.flatMap(({ workers }) => workers.map((id) => this.workers.get(this.ports.get(id)!)!)));
  }

  /** One change by the operator. Returns its name. */
  change(): string {
    const language = this.any(this.languages);
    const version = this.any(language.versions);
    switch (randomBelow(this.random, 7)) {
      case 0:
      case 1:
        version.weight = this.weight();
        return `weight of ${version.version} is ${version.weight}`;
      case 2:
        if (version.workers.length < this.scenario.workersMax) return `${this.addWorker(language, version)} joins`;
        return "nothing";
      case 3:
        if (version.workers.length > 1) return `${version.workers.splice(randomBelow(this.random, version.workers.length), 1).join()} leaves`;
        return "nothing";
      case 4:
        if (language.versions.length <= this.scenario.versionsMax) return `version ${this.addVersion(language).version} joins`;
        return "nothing";
      case 5:
        if (language.versions.length > 1) return `version ${language.versions.splice(language.versions.indexOf(version), 1)[0]!.version} leaves`;
        return "nothing";
      default:
        language.spill = !language.spill;
        return `${language.language} spills: ${language.spill}`;
    }
  }

  private addVersion(language: Language): Version {
    const version: Version = { version: `${language.language}v${++this.names}`, weight: this.weight(), workers: [] };
    const workers = 1 + randomBelow(this.random, this.scenario.workersMax);
    for (let count = 0; count < workers; count++) this.addWorker(language, version);
    language.versions.push(version);
    return version;
  }

  /** A new one, or one that was there before. */
  private addWorker(language: Language, version: Version): string {
    const former = [...this.workers.values()].find((worker) => worker.version === version.version && !version.workers.includes(worker.id));
    const id = former !== undefined && this.random.next() < 0.5 ? former.id : `${version.version}w${this.workers.size + 1}`;
    if (id !== former?.id) {
      const port = this.workers.size + 1;
      this.ports.set(id, port);
      this.workers.set(port, this.startWorker(id, language.language, version.version));
    }
    version.workers.push(id);
    return id;
  }

  private weight(): number {
    return this.any([0, 1, 1, 3, 10]);
  }

  private any<T>(choices: readonly T[]): T {
    return choices[randomBelow(this.random, choices.length)]!;
  }
}
