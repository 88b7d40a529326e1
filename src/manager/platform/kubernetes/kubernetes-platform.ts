/**
 * The platform that runs workers as pods: every version is a Deployment. Any manager may be asked and sees the workers; what is
 * made and removed, the leader makes and removes. Must not know weights, balancers or stores.
 */
import { messageOf } from "../../../base/errors.js";
import type { Logger } from "../../../base/logger.js";
import type { Random } from "../../../base/random.js";
import { isApiError } from "../../../kubernetes/api-error.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import type { Discovery } from "../../../kubernetes/discovery.js";
import { Informer } from "../../../kubernetes/informer.js";
import type { Leadership } from "../../../kubernetes/lease-leadership.js";
import { type ApiObject, type Condition, type Deployment, deployments } from "../../../kubernetes/objects.js";
import type { Platform, PlatformWorker, WantedVersion } from "../platform.js";
import { imageProblem } from "../../changes/image-name.js";
import { NodeZones } from "./node-zones.js";
import { PodWorkers } from "./pod-workers.js";
import { defaultReconcilerTimes, existing, fieldManager, foreignSentence, isOurs, Reconciler, type ReconcilerTimes } from "./reconciler.js";
import { annotations, instanceLabels, selectorText } from "./version-names.js";
import { versionObjects, type VersionSettings } from "./version-objects.js";

export interface KubernetesPlatformOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly settings: VersionSettings;
  readonly discovery: Discovery;
  readonly leadership: Leadership;
  readonly random: Random;
  readonly logger: Logger;
  readonly times?: Partial<ReconcilerTimes>;
}

export class KubernetesPlatform implements Platform {
  readonly name: string;
  private readonly pods: PodWorkers;
  private readonly deployments: Informer<Deployment>;
  private readonly budgets: Informer<ApiObject>;
  private readonly reconciler: Reconciler;
  private wanted: readonly WantedVersion[] = [];

  constructor(private readonly options: KubernetesPlatformOptions) {
    const { api, namespace, settings, discovery, leadership, random, logger, times } = options;
    this.name = `kubernetes (namespace ${namespace}, ${discovery.version})`;
    const common = { api, random, logger };
    const labelSelector = selectorText(instanceLabels(settings.instance));
    this.pods = new PodWorkers({ ...common, namespace, instance: settings.instance, zones: new NodeZones(common) });
    this.deployments = new Informer<Deployment>({ ...common, place: { resource: deployments, namespace }, labelSelector, keep: withoutBookkeeping });
    this.budgets = new Informer<ApiObject>({ ...common, place: { resource: discovery.podDisruptionBudgets, namespace }, labelSelector, keep: withoutBookkeeping });
    const parts = { api, namespace, settings, discovery, leadership, deployments: this.deployments, budgets: this.budgets, clock: api.clock, logger };
    this.reconciler = new Reconciler(parts, { ...defaultReconcilerTimes, ...times });
  }

  /** Resolves when what there is has been seen. */
  async start(): Promise<void> {
    this.pods.start();
    this.deployments.start();
    this.budgets.start();
    await Promise.all([this.pods.whenSynced(), this.deployments.whenSynced(), this.budgets.whenSynced()]);
  }

  /** The highest term that is written on any object. */
  get termsSeen(): number {
    return this.reconciler.termsSeen;
  }

  /** For how long changes of pods could not be seen; 0 when they can. */
  get staleForMs(): number {
    return this.pods.staleForMs;
  }

  async refusalOf(wanted: WantedVersion): Promise<string> {
    const { source, version } = wanted;
    if (source.kind === "image") {
      const problem = imageProblem(source.image);
      if (problem !== "") return problem;
    } else if (source.run.kind === "command") {
      const words = source.run.command.join(" ");
      return `a command runs where its program is, and in a cluster that is an image: build one that has the program and runs "lintel linter ${wanted.language} --listen 0.0.0.0:7070 --as-version ${version} -- ${words}", and register it with --image`;
    }
    return this.dryRun(wanted);
  }

  want(versions: readonly WantedVersion[], revision = 0): void {
    this.wanted = versions;
    this.reconciler.want(versions, revision);
  }

  /** Pods, and for a version whose pods cannot be made one that says why. */
  workers(): readonly PlatformWorker[] {
    const workers = this.pods.workers();
    const troubled = this.wanted.flatMap((version) => {
      const reason = this.troubleOf(version);
      return reason === "" ? [] : [{ id: `${version.language}-${version.version}`, language: version.language, version: version.version, state: "pausing" as const, sinceUnixMs: 0, reason, restarts: 0, pid: 0 }];
    });
    return troubled.length === 0 ? workers : [...workers, ...troubled];
  }

  onChange(listener: () => void): void {
    this.pods.onChange(listener);
    this.deployments.onChange(listener);
    this.reconciler.onChange(listener);
  }

  /** The pods stay. */
  async close(): Promise<void> {
    await this.reconciler.close();
    await Promise.all([this.pods.stop(), this.deployments.stop(), this.budgets.stop()]);
  }

  /** Asks the API server what it would say, and changes nothing. */
  private async dryRun(wanted: WantedVersion): Promise<string> {
    const { api, namespace, settings, discovery } = this.options;
    const { deployment, budget } = versionObjects(wanted, settings, discovery, deployments);
    const query = { fieldManager, force: "true", dryRun: "All" };
    try {
      const place = { resource: deployments, namespace, name: deployment.name };
      const there = await existing(api, place);
      if (there !== undefined && !isOurs(there, deployment.object)) return foreignSentence(deployment.name, namespace);
      await api.patch(place, "apply", deployment.object, query);
      await api.patch({ resource: budget.resource, namespace, name: budget.name }, "apply", budget.object, query);
      return "";
    } catch (thrown) {
      if (isApiError(thrown, "forbidden", "quota", "invalid", "namespace-missing", "unauthorized", "too-large", "not-found")) return messageOf(thrown);
      throw thrown;
    }
  }

  private troubleOf(version: WantedVersion): string {
    const failure = this.reconciler.failureOf(version);
    if (failure !== "") return failure;
    const found = [...this.deployments.items.values()].find(({ metadata }) => metadata?.annotations?.[annotations.language] === version.language && metadata.annotations[annotations.version] === version.version);
    return found === undefined ? "" : deploymentTrouble(found, this.options.namespace);
  }
}

/** Pods that cannot be made leave no pod behind that could say why. */
function deploymentTrouble({ metadata, status }: Deployment, namespace: string): string {
  const failing = status?.conditions?.find(({ type, status: value }: Condition) => type === "ReplicaFailure" && value === "True");
  if (failing === undefined) return "";
  const message = failing.message ?? failing.reason ?? "";
  const next = message.includes("exceeded quota") ? `kubectl describe quota --namespace ${namespace}` : `kubectl describe deployment ${metadata?.name ?? ""} --namespace ${namespace}`;
  return `its pods cannot be made: ${message}; look with: ${next}`;
}

/** Who wrote which field is the longest part of an object, and nobody here reads it. */
function withoutBookkeeping<T extends ApiObject>(object: T): T {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}
