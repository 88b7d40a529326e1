/**
 * The messages of proto/lintel/v1/admin.proto as the loader makes them (service-definition.ts). What is read has every field;
 * what is written may leave out those that have their default. Must not know what they mean.
 */

export interface AdminCommand {
  readonly argv: readonly string[];
  readonly report: string;
}

export interface RegisterMessage {
  readonly language: string;
  readonly version: string;
  readonly weight: number;
  readonly image?: string;
  readonly command?: AdminCommand;
  readonly builtin?: string;
  readonly replicas: number;
  readonly workers: readonly string[];
  readonly extensions: readonly string[];
}

export interface VersionWeightMessage {
  readonly version: string;
  readonly weight: number;
}

/** One of them: what a ChangeRequest holds. */
export interface ChangeKinds {
  readonly register?: RegisterMessage;
  readonly unregister?: { readonly language: string; readonly version: string };
  readonly weights?: { readonly language: string; readonly weights: readonly VersionWeightMessage[] };
  readonly scale?: { readonly language: string; readonly version: string; readonly replicas: number };
  readonly drain?: { readonly workerId: string; readonly drained: boolean };
  readonly undo?: { readonly revision: number };
  readonly replace?: { readonly yaml: string; readonly fileName?: string };
}

export interface ChangeRequestMessage extends ChangeKinds {
  readonly ifRevision: number;
  readonly dryRun: boolean;
  readonly reason: string;
  readonly requestId: string;
}

export interface ChangeReplyMessage {
  readonly revision: number;
  readonly changed: boolean;
  readonly differences: readonly string[];
  readonly warnings: readonly string[];
}

export interface LaggardMessage {
  readonly balancer: string;
  readonly shardRevisions: readonly number[];
  readonly reason: string;
}

export interface BarrierMessage {
  readonly revision: number;
  readonly open: boolean;
  readonly laggards: readonly LaggardMessage[];
}

export interface VersionStatusMessage {
  readonly version: string;
  readonly weight: number;
  readonly source: string;
  readonly replicas: number;
  readonly listening: number;
  readonly waiting: string;
}

export interface LanguageStatusMessage {
  readonly language: string;
  readonly extensions: readonly string[];
  readonly spill: boolean;
  readonly versions: readonly VersionStatusMessage[];
}

export interface WorkerStateMessage {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly address: string;
  readonly state: string;
  readonly sinceUnixMs: number;
  readonly reason: string;
  readonly restarts: number;
  readonly pid: number;
  readonly zone: string;
}

export interface BalancerStateMessage {
  readonly balancer: string;
  readonly instance: string;
  readonly connected: boolean;
  readonly stale: boolean;
  readonly acked: number;
  readonly ackedUnixMs: number;
  readonly shards: readonly number[];
  readonly ready: boolean;
  readonly reason: string;
  readonly program: string;
}

export interface StatusReplyMessage {
  readonly revision: number;
  readonly languages: readonly LanguageStatusMessage[];
  readonly workers: readonly WorkerStateMessage[];
  readonly balancers: readonly BalancerStateMessage[];
  readonly manager: string;
  readonly store: string;
  readonly platform: string;
}

export interface HistoryEntryMessage {
  readonly revision: number;
  readonly atUnixMs: number;
  readonly who: string;
  readonly what: string;
  readonly reason: string;
  readonly differences: readonly string[];
}

export interface HistoryReplyMessage {
  readonly entries: readonly HistoryEntryMessage[];
}

export interface WhoReplyMessage {
  readonly who: string;
  readonly role: string;
  readonly mayOperate: boolean;
  readonly proof: string;
}
