/**
 * The flags that say which cluster, where in it, and what workers' pods are like, for every command that uses Kubernetes. Loaded
 * by commands that may not use it, too: must not load a client.
 */
import { type Command, Option } from "commander";
import { UserError } from "../base/errors.js";

export interface KubernetesFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly workerNamespace?: string;
  readonly instance?: string;
}

export interface KubernetesManagerFlags extends KubernetesFlags {
  readonly workerImage?: string;
  readonly workerServiceAccount?: string;
  readonly workerPullSecret?: readonly string[];
  readonly workerCpu?: string;
  readonly workerMemory?: string;
  readonly workerMemoryMax?: string;
  readonly check?: boolean;
}

/** The manager's objects, as deploy/kubernetes makes them. */
export const defaultConfigMap = "lintel-configuration";
export const fleetConfigMap = "lintel-fleet";
export const leaseName = "lintel-manager";
export const defaultInstance = "lintel";

export function withKubernetesFlags(command: Command): Command {
  return command
    .option("--kubeconfig <file>", "Kubernetes: how to reach the cluster (default: $KUBECONFIG, this pod's account, or ~/.kube/config)")
    .option("--context <name>", "Kubernetes: which context of it (default: its current one)")
    .option("--namespace <name>", "Kubernetes: where the configuration is kept (default: the context's)")
    .option("--worker-namespace <name>", "Kubernetes: where the workers' pods are (default: the same)")
    .addOption(new Option("--instance <name>", "Kubernetes: the label that tells several Lintels in one namespace apart").hideHelp());
}

export function withKubernetesManagerFlags(command: Command): Command {
  return withKubernetesFlags(command)
    .option("--worker-image <image>", "Kubernetes: the image that runs built-in linters: this program's")
    .option("--worker-service-account <name>", "Kubernetes: what workers' pods run as (default: lintel-linter)")
    .option("--worker-pull-secret <name...>", "Kubernetes: secrets to pull images with")
    .option("--worker-cpu <quantity>", "Kubernetes: CPU that a worker asks for (default: 500m)")
    .option("--worker-memory <quantity>", "Kubernetes: memory that a worker asks for (default: 384Mi)")
    .option("--worker-memory-max <quantity>", "Kubernetes: memory at which a worker is ended (default: 1536Mi)")
    .option("--check", "Kubernetes: look whether the cluster has everything that is needed, say what is missing, and end");
}

const onlyForKubernetes: readonly (keyof KubernetesManagerFlags)[] = ["kubeconfig", "context", "namespace", "workerNamespace", "instance", "workerImage", "workerServiceAccount", "workerPullSecret", "workerCpu", "workerMemory", "workerMemoryMax", "check"];

/** Throws a UserError when any of them is given; `instead` is the flag that would give them a meaning. */
export function refuseKubernetesFlags(flags: KubernetesManagerFlags, instead: string): void {
  const given = onlyForKubernetes.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw new UserError(`--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is for Kubernetes; add ${instead}, or leave it out`);
}

/** `flag` is what stands behind it: "configmap:NAME". Throws a UserError when it is something else. */
export function configMapName(place = `configmap:${defaultConfigMap}`, flag = "--store"): string {
  const name = place.startsWith("configmap:") ? place.slice("configmap:".length) : "";
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) throw new UserError(`${flag} ${place}: with Kubernetes expected configmap:NAME, such as configmap:${defaultConfigMap}`);
  return name;
}
