/**
 * The objects that run one version: its Deployment and its PodDisruptionBudget, as they should be. Every field in them is ours:
 * drift in these is put back, every other field is the administrators'. Pure; must not know what there is.
 */
import type { Discovery } from "../../../kubernetes/discovery.js";
import type { ApiObject, ResourceKind } from "../../../kubernetes/objects.js";
import type { WantedVersion } from "../platform.js";
import { annotations, labels, objectName, versionLabels } from "./version-names.js";

export interface VersionSettings {
  /** Tells several Lintels in one namespace apart. */
  readonly instance: string;
  /** Of this program: what runs built-in linters. */
  readonly lintelImage: string;
  /** What the pods run as; it needs no rights and gets no token. */
  readonly serviceAccount: string;
  readonly imagePullSecrets: readonly string[];
  /** Quantities of Kubernetes. A worker with two threads uses about so much CPU; no limit, which would only make it slow while there is room. */
  readonly cpu: string;
  readonly memory: string;
  /** Two analyses of half a gigabyte each, and the worker itself. */
  readonly memoryMax: string;
  /** Analyses at once, where the configuration does not say. */
  readonly threads: number;
  /** Pods listen on all addresses: "0.0.0.0", or "[::]" in a cluster of IPv6. */
  readonly listenHost: string;
}

export const defaultVersionSettings: Omit<VersionSettings, "lintelImage"> = {
  instance: "lintel",
  serviceAccount: "lintel-linter",
  imagePullSecrets: [],
  cpu: "500m",
  memory: "384Mi",
  memoryMax: "1536Mi",
  threads: 2,
  listenHost: "0.0.0.0",
};

/** What every linter's container serves on, whoever made the image. */
export const workerPort = 7070;
/** A worker that is told to leave waits up to 30 s for those who use it to let go. */
const terminationGraceS = 45;
/** Nobody's in particular; images need not know it. */
const userId = 65_532;

/** One for each object, with where it belongs. */
export interface WantedObject {
  readonly resource: ResourceKind;
  readonly name: string;
  readonly object: ApiObject & { readonly spec: object };
}

export interface VersionObjects {
  readonly deployment: WantedObject;
  readonly budget: WantedObject;
  readonly replicas: number;
}

export function versionObjects(wanted: WantedVersion, settings: VersionSettings, discovery: Discovery, deployments: ResourceKind): VersionObjects {
  const name = objectName(settings.instance, wanted);
  const selected = versionLabels(settings.instance, wanted);
  const exact = { [annotations.language]: wanted.language, [annotations.version]: wanted.version };
  const metadata = { name, labels: { ...selected, [labels.partOf]: "lintel" }, annotations: exact };
  const replicas = replicasOf(wanted);
  const budgets = discovery.podDisruptionBudgets;
  return {
    replicas,
    deployment: {
      resource: deployments,
      name,
      object: {
        apiVersion: deployments.apiVersion,
        kind: deployments.kind,
        metadata,
        spec: {
          replicas,
          selector: { matchLabels: selected },
          // Never fewer than wanted: the new ones serve before the old ones leave.
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } },
          revisionHistoryLimit: 2,
          template: { metadata: { labels: { ...selected, [labels.partOf]: "lintel" }, annotations: exact }, spec: podSpec(wanted, settings, discovery, selected) },
        },
      },
    },
    budget: {
      resource: budgets,
      name,
      object: {
        apiVersion: budgets.apiVersion,
        kind: budgets.kind,
        metadata,
        // A node that is emptied takes a tenth of the workers at a time, and one of a few: a version with a single worker must not hold a node for ever.
        spec: { maxUnavailable: "10%", selector: { matchLabels: selected } },
      },
    },
  };
}

export function replicasOf({ source }: WantedVersion): number {
  return source.kind === "image" ? source.workers : source.run.workers;
}

function podSpec(wanted: WantedVersion, settings: VersionSettings, discovery: Discovery, selected: Readonly<Record<string, string>>): object {
  const { serviceAccount, imagePullSecrets } = settings;
  const spread = (topologyKey: string): object => ({ maxSkew: 1, topologyKey, whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: selected } });
  return {
    serviceAccountName: serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: terminationGraceS,
    securityContext: { runAsNonRoot: true, runAsUser: userId, runAsGroup: userId, fsGroup: userId, seccompProfile: { type: "RuntimeDefault" } },
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    topologySpreadConstraints: [spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")],
    containers: [container(wanted, settings, discovery)],
    // Command linters put sources there for as long as they look at them.
    volumes: [{ name: "tmp", emptyDir: { sizeLimit: "256Mi" } }],
  };
}

function container(wanted: WantedVersion, { lintelImage, cpu, memory, memoryMax, threads, listenHost }: VersionSettings, discovery: Discovery): object {
  const { language, version, source } = wanted;
  const own = source.kind === "image" ? [] : Object.entries(source.run.environment).map(([name, value]) => ({ name, value }));
  const told = [
    { name: "LINTEL_LANGUAGE", value: language },
    { name: "LINTEL_VERSION", value: version },
    { name: "LINTEL_PORT", value: String(workerPort) },
  ];
  const asks = discovery.hasGrpcProbes ? { grpc: { port: workerPort } } : { tcpSocket: { port: workerPort } };
  return {
    name: "linter",
    image: source.kind === "image" ? source.image : lintelImage,
    ...(source.kind === "run" && source.run.kind === "builtin" && {
      args: ["linter", language, "--builtin", source.run.builtin, "--listen", `${listenHost}:${workerPort}`, "--as-version", version, "--threads", String(source.run.threads ?? threads)],
    }),
    env: [...told, ...own.filter(({ name }) => !told.some((one) => one.name === name))],
    ports: [{ name: "grpc", containerPort: workerPort, protocol: "TCP" }],
    resources: { requests: { cpu, memory }, limits: { memory: memoryMax } },
    // Two minutes to start; then a worker that does not answer for six seconds gets nothing new, and one that does not for a minute is started again.
    startupProbe: { ...asks, periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 120 },
    readinessProbe: { ...asks, periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 3 },
    livenessProbe: { ...asks, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
}
