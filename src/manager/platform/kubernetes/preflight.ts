/**
 * What a manager needs of a cluster, looked at before it starts: an API server that answers and is new enough, and every right
 * that it will use. Each finding says what to do. Must not know how findings are shown.
 */
import { messageOf } from "../../../base/errors.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import { Discovery } from "../../../kubernetes/discovery.js";
import { accessReviews, type ApiObject } from "../../../kubernetes/objects.js";

export interface Finding {
  readonly isGood: boolean;
  readonly text: string;
}

export interface PreflightNames {
  /** Of the manager's own objects. */
  readonly namespace: string;
  /** Of the workers. */
  readonly workerNamespace: string;
  readonly configMap: string;
  readonly fleetConfigMap: string;
  readonly lease: string;
}

export interface Permission {
  /** "" for what is in none. */
  readonly namespace: string;
  readonly verb: string;
  /** "apps"; "" for the core. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

/** Everything a manager does, and nothing else; deploy/kubernetes grants just this. */
export function managerPermissions({ namespace, workerNamespace, configMap, fleetConfigMap, lease }: PreflightNames): Permission[] {
  const own = (group: string, resource: string, name: string, verbs: readonly string[]): Permission[] => verbs.map((verb) => ({ namespace, verb, group, resource, name }));
  const workers = (group: string, resource: string, verbs: readonly string[], subresource?: string): Permission[] =>
    verbs.map((verb) => ({ namespace: workerNamespace, verb, group, resource, ...(subresource !== undefined && { subresource }) }));
  return [
    ...[configMap, fleetConfigMap].flatMap((name) => own("", "configmaps", name, ["get", "list", "watch", "patch"])),
    // Of balancers without a manager.
    ...["list", "watch"].map((verb) => ({ namespace, verb, group: "", resource: "pods" })),
    ...own("coordination.k8s.io", "leases", lease, ["get", "update"]),
    ...workers("apps", "deployments", ["get", "list", "watch", "create", "patch", "delete"]),
    ...workers("apps", "deployments", ["patch"], "scale"),
    ...workers("policy", "poddisruptionbudgets", ["list", "watch", "create", "patch", "delete"]),
    ...workers("", "pods", ["list", "watch"]),
    // Which zone a worker is in.
    ...["list", "watch"].map((verb) => ({ namespace: "", verb, group: "", resource: "nodes" })),
  ];
}

/** Never rejects: what fails is a finding. */
export async function preflight(api: ApiServer, permissions: readonly Permission[]): Promise<Finding[]> {
  const { server, source } = api.access;
  const findings: Finding[] = [];
  try {
    const startedMs = api.clock.nowMs();
    const discovery = await Discovery.of(api);
    findings.push({ isGood: true, text: `the API server ${server} answers in ${(api.clock.nowMs() - startedMs).toFixed(0)} ms, as ${source} says` });
    findings.push(discovery.unfit === "" ? { isGood: true, text: `it is ${discovery.version}; PodDisruptionBudgets are ${discovery.podDisruptionBudgets.apiVersion}, workers are probed by ${discovery.hasGrpcProbes ? "gRPC" : "TCP"}` } : { isGood: false, text: discovery.unfit });
  } catch (thrown) {
    return [...findings, { isGood: false, text: messageOf(thrown) }];
  }
  return [...findings, ...(await Promise.all(permissions.map((permission) => reviewed(api, permission))))];
}

export async function isAllowed(api: ApiServer, { namespace, verb, group, resource, subresource, name }: Permission): Promise<boolean> {
  const attributes = { namespace, verb, group, resource, ...(subresource !== undefined && { subresource }), ...(name !== undefined && { name }) };
  const review = await api.create<ApiObject & { readonly status?: { readonly allowed?: boolean } }>({ resource: accessReviews }, { apiVersion: accessReviews.apiVersion, kind: accessReviews.kind, ...{ spec: { resourceAttributes: attributes } } });
  return review.status?.allowed === true;
}

async function reviewed(api: ApiServer, permission: Permission): Promise<Finding> {
  const { namespace, verb, group, resource, subresource, name } = permission;
  const kind = `${resource}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
  const what = `${verb} ${kind}${name === undefined ? "" : ` ${name}`}${namespace === "" ? "" : ` in the namespace ${namespace}`}`;
  try {
    if (await isAllowed(api, permission)) return { isGood: true, text: `may ${what}` };
    const target = name === undefined ? kind : `${kind}/${name}`;
    return { isGood: false, text: `may not ${what}; apply the Roles of deploy/kubernetes, then look with: kubectl auth can-i ${verb} ${target}${namespace === "" ? "" : ` --namespace ${namespace}`}` };
  } catch (thrown) {
    return { isGood: false, text: `whether it may ${what} is not known: ${messageOf(thrown)}` };
  }
}
