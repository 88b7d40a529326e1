/**
 * The platform of one machine: workers are processes of this program's user, started from a built-in linter or a command.
 * Must not know weights, balancers or stores.
 *
 * **A worker is replaced, never interrupted.** Scaling down, unregistering and changing what a version runs all end in the
 * same way: SIGTERM, on which a worker tells every shard that it leaves, finishes what it has and goes. What takes its place
 * listens before that.
 *
 * **What an earlier manager left is taken over.** Without a list on disk, workers end with this program: they hold one end of
 * a channel to it. With one (`stateFile`) and `outlive`, a worker that listens is put on the list and then told that it may
 * stay: in no moment is there a process that neither ends by itself nor is found again. So users are served while the manager
 * is away, however it went, and the next one
 *  - adopts a worker that is still what it would start (same command, environment and program): ending it would cost users
 *    the capacity of a start, and gain nothing;
 *  - replaces one that has changed meanwhile, as above: the old one serves until the new one listens;
 *  - ends one that nobody wants any more.
 * A process is only ever signalled when it is recognised (process-identity.ts), so that a number given out again is not.
 */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { type Clock, delay } from "../../base/clock.js";
import type { Logger } from "../../base/logger.js";
import type { PeerFolder } from "../../base/peer-certificates.js";
import { type KeptWorker, KeptWorkers } from "./kept-workers.js";
import type { Platform, PlatformWorker, WantedVersion } from "./platform.js";
import { identityOf } from "./process-identity.js";
import { adoptedProcess } from "./running-process.js";
import { defaultWorkerProcessOptions, WorkerProcess, type WorkerProcessOptions, type WorkerProcessParts } from "./worker-process.js";
import { fingerprintOf, specificationsOf, type WorkerSpecification } from "./worker-specification.js";

export interface LocalPlatformOptions {
  /** The program's version: after an upgrade workers are replaced. */
  readonly program: string;
  /** Larger sources are refused by the workers; undefined leaves it to them. */
  readonly sourceBytesMax?: number;
  /** How workers prove who they are; after a change of it they are replaced. */
  readonly peers?: PeerFolder | undefined;
  /** Where the workers that listen are written down; undefined: nowhere, and nothing is taken over. */
  readonly stateFile?: string;
  /** Whether workers stay when this program ends without being told to. Needs `stateFile`. */
  readonly outlive: boolean;
  /** Whether `close` leaves them, too. Needs `outlive`. */
  readonly leaveOnClose?: boolean;
  /** Longest time workers may take to end on `close`: nobody uses them any more. */
  readonly closeTimeoutMs: number;
  readonly worker: WorkerProcessOptions;
}

export const defaultLocalPlatformOptions: Omit<LocalPlatformOptions, "program"> = {
  outlive: false,
  closeTimeoutMs: 10_000,
  worker: defaultWorkerProcessOptions,
};

/** How late the end of the last worker is noticed on `close`. */
const goneEveryMs = 10;

/** A worker's place: its process, and those before it that serve until it listens. */
interface Slot {
  readonly fingerprint: string;
  readonly current: WorkerProcess;
  readonly predecessors: readonly WorkerProcess[];
}

export class LocalPlatform implements Platform {
  readonly name = "local";
  private readonly slots = new Map<string, Slot>();
  /** On their way out. */
  private readonly leaving = new Set<WorkerProcess>();
  private readonly listeners: (() => void)[] = [];
  private readonly kept: KeptWorkers | undefined;
  /** Left by an earlier manager; taken over, replaced or ended when it is first known what should run. */
  private left: readonly KeptWorker[];
  private closing = false;
  /** While `want` is at work: its many changes are told, and written down, as one. */
  private settling = false;

  constructor(
    private readonly options: LocalPlatformOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.kept = options.stateFile === undefined ? undefined : new KeptWorkers(options.stateFile, logger);
    this.left = this.kept?.read() ?? [];
  }

  refusalOf({ source }: WantedVersion): Promise<string> {
    if (source.kind === "image") {
      return Promise.resolve(
        `this manager runs workers as processes of its own machine (--platform local) and cannot run the image ${source.image}; give --command or --builtin instead, or --worker HOST:PORT for workers that run elsewhere`,
      );
    }
    const [program] = source.run.kind === "command" ? source.run.command : [process.execPath];
    if (program === undefined || !isRunnable(program)) {
      return Promise.resolve(`the program "${program ?? ""}" cannot be run on the manager's machine: ${program?.includes("/") === true ? "there is no executable file of that name" : "it is in no folder of its PATH"}; install it there, or give its full path`);
    }
    return Promise.resolve("");
  }

  want(versions: readonly WantedVersion[]): void {
    if (this.closing) return;
    const specifications = specificationsOf(versions, this.options);
    const wanted = new Set(specifications.map(({ id }) => id));
    this.settling = true;
    for (const [id, slot] of this.slots) {
      if (!wanted.has(id)) this.vacate(id, slot);
    }
    for (const specification of specifications) this.fill(specification);
    for (const worker of this.left) this.endLeft(worker);
    this.left = [];
    this.settling = false;
    void this.keep();
    this.changed();
  }

  workers(): readonly PlatformWorker[] {
    const shown = new Map<string, PlatformWorker>();
    for (const worker of this.leaving) if (worker.view !== undefined) shown.set(worker.view.id, worker.view);
    for (const [id, { current, predecessors }] of this.slots) {
      const serving = predecessors.find(({ endpoint }) => endpoint !== undefined);
      const view = current.endpoint === undefined && serving !== undefined ? withReason(serving, `its replacement is ${[current.kind, current.reason].filter((word) => word !== "").join(": ")}`) : current.view;
      if (view !== undefined) shown.set(id, view);
    }
    return [...shown.values()];
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** From here on a worker that ends stays away: everything is about to stop. */
  freeze(): void {
    this.closing = true;
    for (const worker of this.all()) worker.freeze();
  }

  async close(): Promise<void> {
    this.freeze();
    const stay = this.options.leaveOnClose === true && this.options.outlive;
    const ending = [...this.all()].filter(({ kind }) => !stay || kind !== "listening");
    for (const worker of ending) void worker.leave("the manager stops", { timeoutMs: this.options.closeTimeoutMs });
    // Looking keeps this program alive meanwhile: nothing else does when workers are no children of it.
    while (ending.some(({ kind }) => kind !== "gone")) await delay(goneEveryMs);
    await this.keep();
  }

  private *all(): Generator<WorkerProcess> {
    for (const { current, predecessors } of this.slots.values()) yield* [current, ...predecessors];
    yield* this.leaving;
  }

  private fill(specification: WorkerSpecification): void {
    const { id } = specification;
    const fingerprint = fingerprintOf(specification, this.options.program);
    const slot = this.slots.get(id);
    if (slot?.fingerprint === fingerprint) return;
    const before = slot === undefined ? this.adopt(specification, fingerprint) : [slot.current, ...slot.predecessors];
    const same = before.find((worker) => worker.fingerprint === fingerprint && worker.endpoint !== undefined && slot === undefined);
    const predecessors = this.stillServing(before.filter((worker) => worker !== same));
    const current = same ?? WorkerProcess.start(specification, fingerprint, this.partsOf());
    this.slots.set(id, { fingerprint, current, predecessors });
  }

  /** Of those before: who listens stays until the new one does, the others go now. */
  private stillServing(workers: readonly WorkerProcess[]): WorkerProcess[] {
    for (const worker of workers) {
      worker.freeze();
      if (worker.endpoint === undefined) this.dismiss(worker, "replaced");
    }
    return workers.filter(({ endpoint }) => endpoint !== undefined);
  }

  /** The worker of that place that an earlier manager left, whatever it runs: at most one. */
  private adopt(specification: WorkerSpecification, fingerprint: string): WorkerProcess[] {
    const here = this.left.filter(({ id, leaving }) => id === specification.id && !leaving);
    const kept = here.find((one) => one.fingerprint === fingerprint) ?? here[0];
    if (kept === undefined) return [];
    this.left = this.left.filter((one) => one !== kept);
    const running = adoptedProcess(kept.pid, kept.identity, this.clock);
    if (running === undefined) return [];
    this.logger.info(kept.fingerprint === fingerprint ? "taking over a worker of an earlier manager" : "replacing a worker of an earlier manager: what it runs has changed", { worker: kept.id, pid: kept.pid });
    return [WorkerProcess.adopt(specification, kept.fingerprint, this.partsOf(), running, kept.port)];
  }

  private endLeft({ id, fingerprint, pid, identity, port, leaving }: KeptWorker): void {
    const running = adoptedProcess(pid, identity, this.clock);
    if (running === undefined) return;
    this.logger.info("ending a worker of an earlier manager: nobody wants it any more", { worker: id, pid });
    this.dismiss(WorkerProcess.adopt({ ...unknownSpecification, id }, fingerprint, this.partsOf(), running, port), "left by an earlier manager, and not wanted any more", leaving);
  }

  private vacate(id: string, { current, predecessors }: Slot): void {
    this.slots.delete(id);
    for (const worker of [current, ...predecessors]) this.dismiss(worker, "not wanted any more; it finishes what it has");
  }

  private dismiss(worker: WorkerProcess, why: string, told = false): void {
    this.leaving.add(worker);
    void worker.leave(why, { told }).then(() => {
      this.leaving.delete(worker);
      this.changed();
    });
  }

  private partsOf(): WorkerProcessParts {
    const { clock, logger } = this;
    return { options: this.options.worker, clock, logger, detached: this.options.outlive, onChange: (worker) => this.onWorkerChange(worker) };
  }

  private onWorkerChange(worker: WorkerProcess): void {
    const { id } = worker.specification;
    const slot = this.slots.get(id);
    if (worker.endpoint !== undefined && slot?.current === worker && slot.predecessors.length > 0) {
      this.slots.set(id, { ...slot, predecessors: [] });
      for (const before of slot.predecessors) this.dismiss(before, "replaced");
    }
    if (this.settling) return;
    if (worker.kind !== "starting" && worker.kind !== "pausing") void this.keep();
    this.changed();
  }

  /** Writes down who listens, and only then lets them outlive this program. */
  private async keep(): Promise<void> {
    if (this.kept === undefined) return;
    const workers = [...this.all()].filter(({ kind }) => kind === "listening" || kind === "leaving");
    const entries = workers.flatMap(({ specification: { id }, fingerprint, pid, port, kind }) => {
      const identity = identityOf(pid);
      return identity === "" ? [] : [{ id, fingerprint, pid, identity, port, leaving: kind === "leaving" }];
    });
    const written = await this.kept.write(entries);
    if (!written || !this.options.outlive) return;
    const known = new Set(entries.map(({ pid }) => pid));
    for (const worker of workers) if (known.has(worker.pid)) worker.stay();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

/** What an earlier manager's worker runs is known by its fingerprint alone. */
const unknownSpecification = { language: "", version: "", run: { kind: "command", command: [], report: "auto", workers: 1, environment: {} }, sourceBytesMax: undefined, peers: undefined } as const;

function withReason({ view }: WorkerProcess, reason: string): PlatformWorker | undefined {
  return view === undefined ? undefined : { ...view, reason };
}

function isRunnable(program: string): boolean {
  const candidates = program.includes("/") ? [resolve(program)] : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, program));
  return candidates.some((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}
