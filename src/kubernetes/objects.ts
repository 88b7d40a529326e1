/**
 * The API server's objects, as far as this program reads or writes them, and how each kind is addressed. Fields nobody here
 * reads are left out: they may be there. Must not know requests, nor what the objects are used for.
 */

export interface ObjectMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

export interface ObjectList<T extends ApiObject> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: readonly T[];
}

export interface ConfigMap extends ApiObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Pod extends ApiObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
  };
}

export interface Deployment extends ApiObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number; readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

export interface Lease extends ApiObject {
  readonly spec?: LeaseSpec;
}

/** Times are strings with microseconds: "2024-05-01T12:00:00.000000Z". */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** What the API server answers instead of an object when it refuses, and as the last event of a watch that fails. */
export interface Status {
  readonly kind: "Status";
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly name?: string; readonly kind?: string; readonly retryAfterSeconds?: number };
}

/** The condition on a Pod under which a program of ours says how it is; its message is the program's. */
export const reportCondition = "lintel.dev/report";

/** One kind of object: where it lives, and how people call it. */
export interface ResourceKind {
  /** "v1", "apps/v1" */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export const configMaps: ResourceKind = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps" };
export const pods: ResourceKind = { apiVersion: "v1", kind: "Pod", plural: "pods" };
export const nodes: ResourceKind = { apiVersion: "v1", kind: "Node", plural: "nodes" };
export const deployments: ResourceKind = { apiVersion: "apps/v1", kind: "Deployment", plural: "deployments" };
export const leases: ResourceKind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", plural: "leases" };
/** Reviews live outside of namespaces. */
export const accessReviews: ResourceKind = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", plural: "selfsubjectaccessreviews" };

/** "deployments.apps", as kubectl takes it. */
export function resourceName({ apiVersion, plural }: ResourceKind): string {
  const [group = "", version] = apiVersion.split("/");
  return version === undefined ? plural : `${plural}.${group}`;
}

/** One object or a collection of them. */
export interface ObjectPlace {
  readonly resource: ResourceKind;
  /** Not given for what lives outside of namespaces. */
  readonly namespace?: string;
  /** Not given for the collection. */
  readonly name?: string;
  readonly subresource?: string;
}

/** "/apis/apps/v1/namespaces/lintel/deployments/x/scale" */
export function pathOf({ resource, namespace, name, subresource }: ObjectPlace): string {
  const { apiVersion, plural } = resource;
  const parts = [apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`];
  if (namespace !== undefined) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join("/");
}

/** "the Deployment lintel-python in the namespace lintel", "Deployments in the namespace lintel" */
export function describePlace({ resource: { kind }, namespace, name }: ObjectPlace): string {
  // A path that is no resource's is its own name.
  const what = name === undefined ? (kind.startsWith("/") ? kind : `${kind}s`) : `the ${kind} ${name}`;
  return namespace === undefined ? what : `${what} in the namespace ${namespace}`;
}
