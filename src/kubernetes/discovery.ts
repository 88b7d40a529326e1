/**
 * Which API groups this server has, so that 1.20 and today's versions are spoken to in their own words. Asked once at the
 * start. Must not know what is made of it.
 */
import { UserError } from "../base/errors.js";
import type { ApiServer } from "./api-server.js";
import type { ResourceKind } from "./objects.js";

interface GroupList {
  readonly groups: readonly { readonly name: string; readonly versions: readonly { readonly groupVersion: string }[] }[];
}

interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}

/** The oldest that has server-side apply on by default and everything else that is used here. */
const minorMin = 20;
/** Probes of the kubelet's own that ask grpc.health.v1: on by default from here on. */
const grpcProbesMinor = 24;

export class Discovery {
  private constructor(
    /** "v1.20.2" */
    readonly version: string,
    readonly minor: number,
    private readonly groupVersions: ReadonlySet<string>,
  ) {}

  /** Throws an ApiError. */
  static async of(api: ApiServer): Promise<Discovery> {
    const [info, { groups }] = await Promise.all([api.getPath<VersionInfo>("/version"), api.getPath<GroupList>("/apis")]);
    const groupVersions = new Set(groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion)));
    // "20+" on some providers' clusters.
    return new Discovery(info.gitVersion, Number.parseInt(info.minor, 10), groupVersions);
  }

  /** For tests of what is chosen. */
  static known(version: string, minor: number, groupVersions: readonly string[]): Discovery {
    return new Discovery(version, minor, new Set(groupVersions));
  }

  has(groupVersion: string): boolean {
    return this.groupVersions.has(groupVersion);
  }

  /** Why this program cannot use the server; "" when it can. */
  get unfit(): string {
    return this.minor < minorMin ? `the API server is ${this.version}, and at least 1.${minorMin} is needed` : "";
  }

  get hasGrpcProbes(): boolean {
    return this.minor >= grpcProbesMinor;
  }

  get podDisruptionBudgets(): ResourceKind {
    return this.oneOf("PodDisruptionBudget", "poddisruptionbudgets", ["policy/v1", "policy/v1beta1"]);
  }

  /** The first that the server has. */
  private oneOf(kind: string, plural: string, wanted: readonly string[]): ResourceKind {
    const apiVersion = wanted.find((one) => this.has(one));
    if (apiVersion === undefined) throw new UserError(`the API server ${this.version} has none of ${wanted.join(", ")}, which ${plural} are in; is it a Kubernetes API server?`);
    return { apiVersion, kind, plural };
  }
}
