/**
 * Makes Deployments and PodDisruptionBudgets as the configuration wants them: reads what is there, compares, acts, one pass at a
 * time, for as long as this manager leads. Writes our fields alone, by server-side apply, each write based on what was seen, so that
 * whoever was faster is never written over. Must not know pods or weights.
 */
import type { Clock, Timer } from "../../../base/clock.js";
import { messageOf } from "../../../base/errors.js";
import type { Logger } from "../../../base/logger.js";
import { isApiError } from "../../../kubernetes/api-error.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import type { Discovery } from "../../../kubernetes/discovery.js";
import type { Informer } from "../../../kubernetes/informer.js";
import type { Leadership } from "../../../kubernetes/lease-leadership.js";
import { type ApiObject, type Deployment, deployments, type ObjectPlace, type OwnerReference, type ResourceKind } from "../../../kubernetes/objects.js";
import type { WantedVersion } from "../platform.js";
import { driftOf } from "./drift.js";
import { Echoes } from "./echoes.js";
import { annotations, objectName } from "./version-names.js";
import { type VersionObjects, versionObjects, type VersionSettings, type WantedObject } from "./version-objects.js";

export interface ReconcilerParts {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly settings: VersionSettings;
  readonly discovery: Discovery;
  readonly leadership: Leadership;
  /** Of our labels. */
  readonly deployments: Informer<Deployment>;
  readonly budgets: Informer<ApiObject>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ReconcilerTimes {
  /** What changes together is looked at together. */
  readonly settleMs: number;
  /** After a pass with a failure. */
  readonly retryMs: number;
  /** In any case so often: whatever was missed is found. */
  readonly resyncMs: number;
  /** How long a write is waited for to come back by the watch before it is doubted. */
  readonly echoMs: number;
}

export const defaultReconcilerTimes: ReconcilerTimes = { settleMs: 5, retryMs: 1_000, resyncMs: 30_000, echoMs: 3_000 };

/** Who owns our fields. */
export const fieldManager = "lintel-manager";

/** Somebody leads with a higher term; nothing may be written. */
class SupersededError extends Error {}

export class Reconciler {
  private wanted: readonly WantedVersion[] | undefined;
  private revision = 0;
  /** By object's name: why it is not as wanted. */
  private readonly failures = new Map<string, string>();
  private readonly echoes: Echoes;
  /** Drift that stays although it was written: something else on the way changes it. Written once, and told. */
  private readonly accepted = new Map<string, string>();
  private readonly listeners: (() => void)[] = [];
  private timer: Timer | undefined;
  private passing: Promise<void> | undefined;
  private isDirty = false;
  private closed = false;

  constructor(
    private readonly parts: ReconcilerParts,
    private readonly times: ReconcilerTimes = defaultReconcilerTimes,
  ) {
    this.echoes = new Echoes(parts.clock, times.echoMs);
    for (const source of [parts.deployments, parts.budgets, parts.leadership]) source.onChange(() => this.wake());
  }

  want(versions: readonly WantedVersion[], revision: number): void {
    this.wanted = versions;
    this.revision = revision;
    this.wake();
  }

  /** Why a version's objects are not as wanted; "" when they are, or when another manager would know. */
  failureOf(version: WantedVersion): string {
    return this.failures.get(objectName(this.parts.settings.instance, version)) ?? "";
  }

  /** Called when a failure comes or goes. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** The highest term on any object. */
  get termsSeen(): number {
    return Math.max(0, ...[...this.parts.deployments.items.values()].map(termOf));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.parts.clock.clear(this.timer);
    await this.passing;
  }

  private wake(): void {
    this.isDirty = true;
    if (this.passing === undefined) this.later(this.times.settleMs);
  }

  private later(ms: number): void {
    const { clock } = this.parts;
    if (this.closed) return;
    clock.clear(this.timer);
    this.timer = clock.after(ms, () => {
      this.isDirty = false;
      this.passing = this.pass().then((isDone) => {
        this.passing = undefined;
        this.later(this.isDirty ? this.times.settleMs : isDone ? this.times.resyncMs : this.times.retryMs);
      });
    });
  }

  /** Whether there is nothing left to do; never rejects. */
  private async pass(): Promise<boolean> {
    const { leadership, deployments: known, budgets, discovery, logger, settings } = this.parts;
    const { wanted } = this;
    const term = leadership.term;
    if (wanted === undefined || term === undefined || !known.isSynced || !budgets.isSynced) return true;
    const before = JSON.stringify([...this.failures]);
    const names = new Set(wanted.map((version) => objectName(settings.instance, version)));
    this.echoes.forget((resource, name) => (resource === deployments.kind ? known : budgets).items.get(name));
    try {
      for (const version of wanted) await this.guarded(objectName(settings.instance, version), () => this.bring(version, term));
      for (const [name, object] of known.items) if (!names.has(name)) await this.guarded(name, () => this.remove(deployments, name, object, term));
      for (const [name, object] of budgets.items) if (!names.has(name)) await this.guarded(name, () => this.remove(discovery.podDisruptionBudgets, name, object, term));
    } catch (thrown) {
      if (!(thrown instanceof SupersededError)) throw thrown;
      logger.warn("nothing is written: another manager may lead", { term, reason: thrown.message });
    }
    for (const name of this.failures.keys()) if (!names.has(name) && !known.items.has(name) && !budgets.items.has(name)) this.failures.delete(name);
    if (JSON.stringify([...this.failures]) !== before) for (const listener of this.listeners) listener();
    return this.failures.size === 0 && this.echoes.areNone;
  }

  private async guarded(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failures.delete(name);
    } catch (thrown) {
      if (thrown instanceof SupersededError) throw thrown;
      // Based on what is no longer the newest: the watch brings that, and the next pass looks at it.
      if (isApiError(thrown, "conflict")) {
        this.isDirty = true;
        return;
      }
      const reason = messageOf(thrown);
      if (this.failures.get(name) !== reason) this.parts.logger.error("a version's objects cannot be made as they should be; trying again", { object: name, reason });
      this.failures.set(name, reason);
    }
  }

  private async bring(version: WantedVersion, term: number): Promise<void> {
    const { settings, discovery, deployments: known, budgets } = this.parts;
    const objects = versionObjects(version, settings, discovery, deployments);
    const { name } = objects.deployment;
    const found = known.items.get(name);
    const deployment = await this.bringDeployment(objects, found, term);
    const owner = ownerOf(deployment ?? found);
    if (owner === undefined) return;
    const budget = withMetadata(objects.budget, {}, [owner]);
    await this.bringObject(budget, budgets.items.get(name), undefined, term);
  }

  private async bringDeployment({ deployment, replicas }: VersionObjects, found: Deployment | undefined, term: number): Promise<ApiObject | undefined> {
    const wanted = withMetadata(deployment, { [annotations.term]: String(term) });
    if (found === undefined) await this.refuseForeign(wanted);
    else if (termOf(found) > term) throw new SupersededError(`the Deployment ${wanted.name} was written in term ${termOf(found)}`);
    const drift = found === undefined ? [] : driftOf(wanted.object, found);
    if (found !== undefined && drift.length === 1 && drift[0] === "spec.replicas") {
      await this.scale(wanted.name, found, replicas, term);
      return found;
    }
    return this.bringObject(withMetadata(wanted, { [annotations.revision]: String(this.revision) }), found, drift, term);
  }

  /** Applies what is missing or has drifted; `known` undefined looks for the drift here. Undefined when nothing was written. */
  private async bringObject(wanted: WantedObject, found: ApiObject | undefined, known: readonly string[] | undefined, term: number): Promise<ApiObject | undefined> {
    const { api, namespace, logger } = this.parts;
    const { resource, name } = wanted;
    const key = `${resource.kind} ${name}`;
    // One on its way out is waited for: what is wanted is made when it has gone.
    if (found?.metadata?.deletionTimestamp !== undefined || this.echoes.isAwaited(resource.kind, name, found)) return undefined;
    const expected = withoutRevision(wanted.object);
    const drift = found === undefined ? [] : (known ?? driftOf(expected, found));
    if (found !== undefined && (drift.length === 0 || this.accepted.get(key) === acceptance(wanted, drift))) return undefined;
    this.assertTerm(term);
    const resourceVersion = found?.metadata?.resourceVersion;
    const body = { ...wanted.object, metadata: { ...wanted.object.metadata, ...(resourceVersion !== undefined && { resourceVersion }) } };
    const after = await api.patch<ApiObject>({ resource, namespace, name }, "apply", body, { fieldManager, force: "true" });
    this.echoes.expect(resource.kind, name, resourceVersion, after.metadata?.resourceVersion);
    logger.info(found === undefined ? "made" : "put back", { object: key, ...(drift.length > 0 && { fields: drift.slice(0, 5).join(", ") }) });
    const left = driftOf(expected, after);
    if (left.length > 0) {
      this.accepted.set(key, acceptance(wanted, left));
      logger.warn("something in the cluster changes what is written; it is left as it is", { object: key, fields: left.join(", ") });
    }
    return after;
  }

  private async scale(name: string, found: Deployment, replicas: number, term: number): Promise<void> {
    const { api, namespace, logger } = this.parts;
    if (this.echoes.isAwaited(deployments.kind, name, found)) return;
    this.assertTerm(term);
    const { resourceVersion = "" } = found.metadata ?? {};
    const after = await api.patch<ApiObject>({ resource: deployments, namespace, name, subresource: "scale" }, "merge", { metadata: { resourceVersion }, spec: { replicas } }, { fieldManager });
    this.echoes.expect(deployments.kind, name, resourceVersion, after.metadata?.resourceVersion);
    logger.info("scaled", { object: `Deployment ${name}`, from: found.spec?.replicas, to: replicas });
  }

  private async remove(resource: ResourceKind, name: string, found: ApiObject, term: number): Promise<void> {
    const { api, namespace, logger } = this.parts;
    const { uid, resourceVersion, deletionTimestamp } = found.metadata ?? {};
    if (deletionTimestamp !== undefined || this.echoes.isAwaited(resource.kind, name, found)) return;
    if (termOf(found) > term) throw new SupersededError(`the ${resource.kind} ${name} was written in term ${termOf(found)}`);
    // Made for a configuration that is newer than what is known here: that one will come.
    if (Number(found.metadata?.annotations?.[annotations.revision] ?? 0) > this.revision) return;
    this.assertTerm(term);
    await api.delete({ resource, namespace, name }, { propagation: "Background", ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) }).catch((thrown: unknown) => {
      if (!isApiError(thrown, "not-found")) throw thrown;
    });
    this.echoes.expect(resource.kind, name, resourceVersion);
    this.accepted.delete(`${resource.kind} ${name}`);
    logger.info("removed", { object: `${resource.kind} ${name}` });
  }

  /** An object of that name that is not ours is not taken over. */
  private async refuseForeign({ resource, name, object }: WantedObject): Promise<void> {
    const { api, namespace } = this.parts;
    if (this.echoes.isAwaited(resource.kind, name, undefined)) return;
    const there = await existing(api, { resource, namespace, name });
    if (there !== undefined && !isOurs(there, object)) throw new Error(foreignSentence(name, namespace));
  }

  private assertTerm(term: number): void {
    if (this.parts.leadership.term !== term) throw new SupersededError("this one's term is over");
  }
}

/** Undefined when there is none. */
export function existing(api: ApiServer, place: ObjectPlace): Promise<ApiObject | undefined> {
  return api.get(place).catch((thrown: unknown) => {
    if (isApiError(thrown, "not-found")) return undefined;
    throw thrown;
  });
}

export function isOurs(there: ApiObject, wanted: ApiObject): boolean {
  return [annotations.language, annotations.version].every((name) => there.metadata?.annotations?.[name] === wanted.metadata?.annotations?.[name]);
}

export function foreignSentence(name: string, namespace: string): string {
  return `there is a Deployment ${name} in the namespace ${namespace} already, and Lintel did not make it; look at it, then remove or rename it: kubectl get deployment ${name} --namespace ${namespace} -o yaml`;
}

function withMetadata(wanted: WantedObject, more: Readonly<Record<string, string>>, ownerReferences: readonly OwnerReference[] = []): WantedObject {
  const { metadata } = wanted.object;
  const owners = ownerReferences.length > 0 ? { ownerReferences } : {};
  return { ...wanted, object: { ...wanted.object, metadata: { ...metadata, annotations: { ...metadata?.annotations, ...more }, ...owners } } };
}

/** Every change of the configuration has a new revision; that alone is no reason to write every object. */
function withoutRevision(object: ApiObject): ApiObject {
  const kept = Object.fromEntries(Object.entries(object.metadata?.annotations ?? {}).filter(([name]) => name !== annotations.revision));
  return { ...object, metadata: { ...object.metadata, annotations: kept } };
}

function acceptance({ object }: WantedObject, drift: readonly string[]): string {
  return JSON.stringify([object.spec, drift]);
}

function ownerOf(deployment: ApiObject | undefined): OwnerReference | undefined {
  const { name, uid } = deployment?.metadata ?? {};
  return name === undefined || uid === undefined ? undefined : { apiVersion: deployments.apiVersion, kind: deployments.kind, name, uid };
}

function termOf(object: ApiObject): number {
  return Number(object.metadata?.annotations?.[annotations.term] ?? 0);
}
