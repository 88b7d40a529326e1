/**
 * What comes in over gRPC as the change that it asks for, and what became of it as a gRPC status. Must not know how a change is
 * made.
 */
import { status } from "@grpc/grpc-js";
import type { ChangeKinds, RegisterMessage } from "../rpc/admin-messages.js";
import type { Permission } from "../rpc/roles.js";
import { type LanguageConfiguration, parseConfiguration } from "../snapshot/configuration.js";
import type { CommandReportFormat } from "../snapshot/configuration-schema.js";
import { renderProblem } from "../snapshot/problem.js";
import { type Change, type Refusal, refused, type RegisterChange, type SourceGiven } from "./changes/change.js";
import type { StoredLanguage } from "./stored-configuration.js";

export interface RequestedChange {
  readonly kind: "requested";
  readonly change: Change;
  /** What is odd about the request itself. */
  readonly warnings: readonly string[];
}

export function requestedChange(message: ChangeKinds): RequestedChange | Refusal {
  const { register, unregister, weights, scale, drain, undo, replace } = message;
  if (register) return plain(registerChange(register));
  if (unregister) return plain({ kind: "unregister", language: unregister.language, version: unregister.version });
  if (weights) return plain({ kind: "weights", language: weights.language, weights: weights.weights });
  if (scale) return plain({ kind: "scale", language: scale.language, version: scale.version, replicas: scale.replicas });
  if (drain) return plain({ kind: "drain", workerId: drain.workerId, drained: drain.drained });
  if (undo) return plain({ kind: "undo", revision: undo.revision });
  if (replace) return replacement(replace.yaml, replace.fileName ?? "");
  return refused("invalid", "the request names no change this manager knows; is the program that sent it newer?");
}

function plain(change: Change): RequestedChange {
  return { kind: "requested", change, warnings: [] };
}

function registerChange({ language, version, weight, replicas, workers, extensions, ...rest }: RegisterMessage): RegisterChange {
  const source = sourceOf(rest);
  return { kind: "register", language, version, weight, replicas, workers, extensions, ...(source === undefined ? {} : { source }) };
}

function sourceOf({ image, command, builtin }: Pick<RegisterMessage, "image" | "command" | "builtin">): SourceGiven | undefined {
  if (image) return { kind: "image", image };
  if (builtin) return { kind: "builtin", builtin };
  // Whether there is such a report format is looked at with the rest of the change.
  if (command) return { kind: "command", command: command.argv, report: command.report as CommandReportFormat | "" };
  return undefined;
}

/** More fill a screen and help nobody; they travel in a header. */
const problemsMax = 10;

function replacement(yaml: string, fileName: string): RequestedChange | Refusal {
  const parsed = parseConfiguration(yaml, fileName === "" ? "configuration" : fileName);
  if (parsed.kind === "invalid") {
    const problems = parsed.problems.slice(0, problemsMax).map(renderProblem);
    if (parsed.problems.length > problemsMax) problems.push(`and ${parsed.problems.length - problemsMax} more`);
    return refused("invalid", problems.join("\n"));
  }
  return { kind: "requested", change: { kind: "replace", languages: storedLanguages(parsed.configuration.languages) }, warnings: parsed.warnings.map(renderProblem) };
}

/** The languages of a configuration file, as they are kept. */
export function storedLanguages(languages: readonly LanguageConfiguration[]): StoredLanguage[] {
  return languages.map(({ language, extensions, spill, versions }) => ({
    language,
    extensions,
    spill,
    versions: versions.map(({ version, weight, workers, run }) => ({ version, weight, workers, ...(run === undefined ? {} : { source: { kind: "run", run } }) })),
  }));
}

/** Whoever registers says what programs run on the platform's machines; the others move among what is there. */
export function permissionFor(change: Change): Permission {
  switch (change.kind) {
    case "register":
    case "unregister":
    case "replace":
      return "administer";
    case "weights":
    case "scale":
    case "drain":
    case "undo":
      return "operate";
  }
}

export function statusOf(why: Refusal["why"]): status {
  switch (why) {
    case "invalid":
      return status.INVALID_ARGUMENT;
    case "not-now":
      return status.FAILED_PRECONDITION;
    case "conflict":
      return status.ABORTED;
    case "too-large":
      return status.RESOURCE_EXHAUSTED;
    case "unavailable":
      return status.UNAVAILABLE;
  }
}
