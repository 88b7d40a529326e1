/**
 * Runs a scenario of the link, as plain text: a line that begins with "$" is a step, the lines behind it are what its actors say
 * then, each actor's in order. What nobody expected fails the scenario, wherever it is said.
 *
 *     $ b1 joins m1
 *     b1 hears the whole of 5: python 1=90 2=10
 */
import { join } from "node:path";
import { LastGood } from "../../src/manager-link/last-good.js";
import { delay } from "../../src/base/clock.js";
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";
import { LinkActor, ManagerActor, parseLanguages, ScriptedBalancer, ScriptedWorker } from "./link-actors.js";
import { waitUntil } from "./wait-until.js";

interface Line {
  readonly number: number;
  readonly text: string;
}

type Step = readonly [pattern: RegExp, run: (script: LinkScript, ...found: string[]) => unknown];

/** Group 1 is the actor; a group that found nothing is "". */
const steps: readonly Step[] = [
  [/^(m\d) starts(?: with (\d+): (.*?))?(?:, waiting (\d+) s for its fleet)?$/, (script, name, revision, languages, seconds) =>
    script.startManager(name, Number(revision), parseLanguages(languages), Number(seconds) * 1_000)],
  [/^(m\d) starts again$/, (script, name) => script.startManager(name, 0, [], 0, Number(script.manager(name).address.split(":")[1]))],
  [/^(m\d) has (\d+): (.*)$/, (script, name, revision, languages) => script.manager(name).store(Number(revision), parseLanguages(languages))],
  [/^(m\d) runs (\S+) of (\S+) (\S+)$/, (script, name, id, language, version) => script.manager(name).setWorker(language, version, id, true)],
  [/^(m\d) ends (\S+)$/, (script, name, id) => script.manager(name).setWorker("", "", id, false)],
  [/^(m\d) stops$/, (script, name) => script.manager(name).stop()],
  [/^([\d.]+) s pass on (m\d)$/, (script, seconds, name) => script.manager(name).clock.pass(Number(seconds) * 1_000)],
  [/^barrier (\d+) on (m\d)$/, (script, revision, name) => script.tellBarrier(name, Number(revision))],
  [/^balancers on (m\d)$/, (script, name) => script.tellBalancers(name)],
  [/^(b\d) joins (m\d)(?: with (\d) shards)?$/, (script, name, manager, shards) => script.balancer(name).join(script.manager(manager).address, Number(shards || 1))],
  [/^(b\d) intrudes on (m\d)$/, (script, name, manager) => script.balancer(name).intrude(script.manager(manager).address)],
  [/^(b\d) receives$/, (script, name) => script.balancer(name).receive()],
  [/^(b\d) acks with ([\d ]+)$/, (script, name, shards) => script.balancer(name).ack(shards.split(" ").map(Number))],
  [/^(b\d) refuses: (.*)$/, (script, name, reason) => script.balancer(name).refuse(reason)],
  [/^(b\d) stands at ([\d ]+)(?: waiting for (\S+) (\S+) on shard (\d+))?$/, (script, name, shards, language, version, shard) =>
    script.balancer(name).stand(shards.split(" ").map(Number), language === "" ? [] : [{ language, version: version, shard: shard, reason: "" }])],
  [/^(b\d) forgets$/, (script, name) => script.balancer(name).forget()],
  [/^(b\d) vanishes$/, (script, name) => script.balancer(name).vanish()],
  [/^(w\d) joins (m\d) as (\S+) (\S+)$/, (script, name, manager, language, version) => script.worker(name).join(script.manager(manager).address, language, version)],
  [/^(m\d) waits until (\S+) is registered$/, (script, name, id) => waitUntil(id, () => script.manager(name).registered().some((worker) => worker.id === id))],
  [/^(w\d) beats$/, (script, name) => script.worker(name).beat()],
  [/^(w\d) leaves$/, (script, name) => script.worker(name).leave()],
  [/^(w\d) vanishes$/, (script, name) => script.worker(name).vanish()],
  [/^(l\d) follows ([m\d ]+)$/, (script, name, managers) => script.startLink(name, managers.split(" "))],
  [/^(l\d) holds what comes$/, (script, name) => script.link(name).hold()],
  [/^(l\d) lets go$/, (script, name) => script.link(name).letGo()],
  [/^(l\d) will refuse: (.*)$/, (script, name, reason) => script.link(name).refuse(reason)],
  [/^(l\d) stops$/, (script, name) => script.link(name).link.stop()],
];

export class LinkScript {
  private readonly managers = new Map<string, ManagerActor>();
  private readonly balancers = new Map<string, ScriptedBalancer>();
  private readonly workers = new Map<string, ScriptedWorker>();
  private readonly links = new Map<string, LinkActor>();
  private readonly said: string[] = [];

  /** `folder` is for what links keep on disk. */
  constructor(private readonly folder: string) {}

  /** Every line that went wrong, as "LINE: what was expected and what was said"; none when all went as written. */
  async run(text: string): Promise<string[]> {
    const faults: string[] = [];
    try {
      for (const { step, expected } of stepsOf(text)) {
        if (expected.some(({ text: line }) => /^(open|closed|fleet)\b/.test(line))) await this.poll(step, expected, faults);
        else {
          await this.perform(step);
          for (const line of expected) await this.expect(line, faults);
        }
        if (faults.length > 0) break;
      }
      // What comes late and uncalled for would come about now.
      await delay(20);
      faults.push(...this.said.splice(0).map((line) => `nobody expected: ${line}`));
    } finally {
      await this.close();
    }
    return faults;
  }

  manager(name: string): ManagerActor {
    return known(this.managers, name);
  }

  link(name: string): LinkActor {
    return known(this.links, name);
  }

  balancer(name: string): ScriptedBalancer {
    return made(this.balancers, name, () => new ScriptedBalancer(name, (line) => this.said.push(`${name} ${line}`)));
  }

  worker(name: string): ScriptedWorker {
    return made(this.workers, name, () => new ScriptedWorker(name, (line) => this.said.push(`${name} ${line}`)));
  }

  async startManager(name: string, revision: number, languages: readonly LanguageSnapshot[], rejoinMs: number, port = 0): Promise<void> {
    const manager = new ManagerActor(rejoinMs);
    manager.store(revision, languages);
    this.managers.set(name, manager);
    await manager.start(port);
  }

  startLink(name: string, managers: readonly string[]): void {
    const addresses = managers.map((manager) => this.manager(manager).address);
    const disk = new LastGood(join(this.folder, `${name}.snapshot`));
    const link = new LinkActor(name, addresses, disk, (line) => this.said.push(`${name} ${line}`));
    this.links.set(name, link);
    link.start();
  }

  tellBarrier(manager: string, revision: number): void {
    const { open, laggards } = this.manager(manager).fleet.barrier(revision);
    this.said.push(open ? "open" : `closed: ${laggards.map(({ balancer, shardRevisions, reason }) => `${balancer} [${shardRevisions.join(" ")}] ${reason}`).join(", ")}`);
  }

  tellBalancers(manager: string): void {
    const all = this.manager(manager).fleet.balancers();
    const one = ({ balancer, connected, stale, acked, shards, reason }: (typeof all)[number]): string =>
      `${balancer} acked ${acked} [${shards.join(" ")}]${connected ? "" : " away"}${stale ? " stale" : ""}${reason === "" ? "" : `: ${reason}`}`;
    this.said.push(`fleet ${all.map(one).join(", ") || "is empty"}`);
  }

  private async perform({ number, text }: Line): Promise<void> {
    for (const [pattern, run] of steps) {
      const found = pattern.exec(text);
      if (found === null) continue;
      await run(this, ...found.slice(1).map((part: string | undefined) => part ?? ""));
      return;
    }
    throw new Error(`line ${number}: no such step: ${text}`);
  }

  /** What a manager knows follows a moment after what was sent to it: asked again until it is as expected. */
  private async poll(step: Line, expected: readonly Line[], faults: string[]): Promise<void> {
    const wanted = expected.map(({ text }) => text).join("\n");
    let last = "";
    const asked = async (): Promise<boolean> => {
      const before = this.said.length;
      await this.perform(step);
      last = this.said.splice(before).join("\n");
      return last === wanted;
    };
    await waitUntil(wanted, asked).catch(() => faults.push(`line ${step.number}: expected\n  ${wanted}\nbut it was\n  ${last}`));
  }

  private async expect({ number, text }: Line, faults: string[]): Promise<void> {
    const actor = text.split(" ")[0]!;
    const next = (): number => this.said.findIndex((line) => line.startsWith(`${actor} `));
    await waitUntil(text, () => next() >= 0).catch(() => undefined);
    const at = next();
    const heard = at < 0 ? "nothing was said" : this.said.splice(at, 1)[0]!;
    if (heard !== text) faults.push(`line ${number}: expected\n  ${text}\nbut\n  ${heard}`);
  }

  private async close(): Promise<void> {
    for (const balancer of this.balancers.values()) balancer.vanish();
    for (const worker of this.workers.values()) worker.vanish();
    for (const actor of this.links.values()) {
      actor.letGo();
      await actor.link.stop();
    }
    for (const manager of this.managers.values()) manager.stop();
  }
}

function stepsOf(text: string): { step: Line; expected: Line[] }[] {
  const all: { step: Line; expected: Line[] }[] = [];
  text.split("\n").forEach((line, index) => {
    const trimmed = line.trim();
    const number = index + 1;
    if (trimmed === "" || trimmed.startsWith("#")) return;
    if (trimmed.startsWith("$ ")) all.push({ step: { number, text: trimmed.slice(2) }, expected: [] });
    else all.at(-1)!.expected.push({ number, text: trimmed });
  });
  return all;
}

function known<T>(all: ReadonlyMap<string, T>, name: string): T {
  const one = all.get(name);
  if (one === undefined) throw new Error(`there is no ${name} yet`);
  return one;
}

function made<T>(all: Map<string, T>, name: string, make: () => T): T {
  const one = all.get(name) ?? make();
  all.set(name, one);
  return one;
}
