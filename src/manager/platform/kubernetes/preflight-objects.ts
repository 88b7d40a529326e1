/**
 * Whether what a manager has rights on is there, or could be made: a right says nothing of it, and an administrator has rights in namespaces
 * that do not exist. Changes nothing: what is tried is a dry run. Must not know how findings are shown.
 */
import { messageOf } from "../../../base/errors.js";
import { isApiError } from "../../../kubernetes/api-error.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import { type ApiObject, configMaps, deployments, describePlace, leases, type ResourceKind } from "../../../kubernetes/objects.js";
import type { Finding, PreflightNames } from "./preflight.js";

/** Never rejects. What may not be looked at is told with the rights. */
export async function objectsThere(api: ApiServer, { namespace, workerNamespace, configMap, fleetConfigMap, lease }: PreflightNames): Promise<Finding[]> {
  const own = [[configMaps, configMap], [configMaps, fleetConfigMap], [leases, lease]] as const;
  return (await Promise.all([...own.map(([resource, name]) => ownObject(api, resource, namespace, name)), workersPlace(api, workerNamespace)])).flat();
}

const dryRun = { dryRun: "All" };

async function ownObject(api: ApiServer, resource: ResourceKind, namespace: string, name: string): Promise<Finding[]> {
  const what = describePlace({ resource, namespace, name });
  try {
    await api.get({ resource, namespace, name });
    return [{ isGood: true, text: `${what} is there` }];
  } catch (thrown) {
    if (isApiError(thrown, "forbidden")) return [];
    if (!isApiError(thrown, "not-found")) return [{ isGood: false, text: messageOf(thrown) }];
  }
  try {
    await api.create<ApiObject>({ resource, namespace }, { apiVersion: resource.apiVersion, kind: resource.kind, metadata: { name } }, dryRun);
    return [{ isGood: true, text: `${what} is not there yet; the manager makes it` }];
  } catch (thrown) {
    if (!isApiError(thrown, "forbidden")) return [{ isGood: false, text: messageOf(thrown) }];
    return [{ isGood: false, text: `${what} is not there, and may not be made; apply an overlay of deploy/kubernetes, which has it` }];
  }
}

async function workersPlace(api: ApiServer, namespace: string): Promise<Finding[]> {
  const matchLabels = { "lintel.dev/check": "preflight" };
  const spec = { replicas: 0, selector: { matchLabels }, template: { metadata: { labels: matchLabels }, spec: { containers: [{ name: "linter", image: "lintel" }] } } };
  try {
    await api.create<ApiObject>({ resource: deployments, namespace }, { apiVersion: deployments.apiVersion, kind: deployments.kind, metadata: { name: "lintel-preflight" }, ...{ spec } }, dryRun);
    return [{ isGood: true, text: `the namespace ${namespace} takes Deployments` }];
  } catch (thrown) {
    return isApiError(thrown, "forbidden") ? [] : [{ isGood: false, text: messageOf(thrown) }];
  }
}
