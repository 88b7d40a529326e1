/**
 * A version that is registered: checked as the configuration file's would be, with sentences for somebody who typed a
 * command. Must not know other changes.
 */
import { isDeepStrictEqual } from "node:util";
import { addressHint, formatAddress, parseAddress } from "../../snapshot/address.js";
import { extensionPattern, languageNamePattern, reportFormats, runWorkersMax, versionNamePattern, weightMax } from "../../snapshot/configuration-schema.js";
import { quote } from "../../snapshot/problem.js";
import type { WorkerEndpoint } from "../../snapshot/snapshot.js";
import { builtinLinters, wellKnownExtensions } from "../../snapshot/well-known-languages.js";
import type { StoredLanguage, StoredRun, StoredVersion } from "../stored-configuration.js";
import { type Refusal, refused, type RegisterChange, type SourceGiven } from "./change.js";
import { type Content, sourceText } from "./differences.js";
import { imageProblem } from "./image-name.js";
import { whatThereIs, withLanguage } from "./lookup.js";

/** Of one version; whoever needs more has a platform that other limits hold for. */
const imageReplicasMax = 1_000;

/** The configuration with the version in it; the same object when it is there already, just so. */
export function register(current: Content, change: RegisterChange): Content | Refusal {
  const problem = nameProblem(change) ?? weightProblem(change.weight, `${change.language} ${change.version}`) ?? replicasProblem(change.source?.kind, change.replicas);
  if (problem !== undefined) return refused("invalid", problem);
  const workers = endpointsOf(current, change);
  if ("why" in workers) return workers;
  const source = change.source === undefined ? undefined : storedSource(change.source, change.replicas);
  if (source !== undefined && "why" in source) return source;
  const version: StoredVersion = { version: change.version, weight: change.weight, workers, ...(source === undefined ? {} : { source }) };
  const language = languageFor(current, change);
  if ("why" in language) return language;
  const existing = language.versions.find((one) => one.version === change.version);
  if (existing !== undefined) return isDeepStrictEqual(existing, version) ? current : alreadyThere(language, existing);
  return { ...current, languages: withLanguage(current.languages, { ...language, versions: [...language.versions, version] }) };
}

function nameProblem({ language, version }: RegisterChange): string | undefined {
  if (!languageNamePattern.test(language)) return `${quote(language)} cannot be a language's name; expected up to 64 lower-case letters, digits and + # . - that start with a letter or digit`;
  if (!versionNamePattern.test(version)) return `${quote(version)} cannot be a version; expected up to 64 letters, digits and . _ + ~ - that start with a letter or digit, such as 0.17.3`;
  return undefined;
}

export function weightProblem(weight: number, whose: string): string | undefined {
  if (Number.isSafeInteger(weight) && weight >= 0 && weight <= weightMax) return undefined;
  return `the weight ${weight} of ${whose} cannot be; expected a whole number from 0 to ${weightMax}`;
}

/** `replicas` 0 stands for what is usual. */
export function replicasProblem(kind: SourceGiven["kind"] | undefined, replicas: number): string | undefined {
  if (kind === undefined) return replicas === 0 ? undefined : "replicas are of workers that the manager runs; say what to run with --image, --command or --builtin, or leave --replicas out";
  const max = kind === "image" ? imageReplicasMax : runWorkersMax;
  return Number.isSafeInteger(replicas) && replicas >= 0 && replicas <= max ? undefined : `${replicas} replicas cannot be; expected a whole number from 1 to ${max}`;
}

function endpointsOf(current: Content, { language, version, workers }: RegisterChange): WorkerEndpoint[] | Refusal {
  const holders = holdersOfAddresses(current);
  const endpoints: WorkerEndpoint[] = [];
  for (const text of workers) {
    const address = parseAddress(text, { portZero: false });
    if (address === undefined) return refused("invalid", `${quote(text)} is no worker's address; expected HOST:PORT, such as 10.0.0.5:7070 or [fd00::5]:7070${text === "" ? "" : addressHint(text)}`);
    const id = formatAddress(address);
    const holder = holders.get(id);
    if (holder !== undefined && holder !== `${language} ${version}`) return refused("invalid", `the worker ${id} is of ${holder} already; a worker can only be of one version, so unregister that one first or give this one another address`);
    if (endpoints.some((endpoint) => endpoint.id === id)) return refused("invalid", `the worker ${id} is given twice; give every address once`);
    endpoints.push({ id, ...address });
  }
  return endpoints;
}

function holdersOfAddresses(current: Content): Map<string, string> {
  const holders = new Map<string, string>();
  for (const { language, versions } of current.languages) {
    for (const { version, workers } of versions) for (const { id } of workers) holders.set(id, `${language} ${version}`);
  }
  return holders;
}

function storedSource(given: SourceGiven, replicasGiven: number): StoredRun | Refusal {
  const workers = Math.max(1, replicasGiven);
  switch (given.kind) {
    case "image":
      if (imageProblem(given.image) !== "") return refused("invalid", imageProblem(given.image));
      return { kind: "image", image: given.image, workers };
    case "builtin": {
      const builtin = builtinLinters.find((one) => one === given.builtin);
      if (builtin === undefined) return refused("invalid", `there is no built-in linter ${quote(given.builtin)}; ${whatThereIs(given.builtin, builtinLinters, "")}`);
      return { kind: "run", run: { kind: "builtin", builtin, workers, environment: {} } };
    }
    case "command":
      return storedCommand(given.command, given.report, workers);
  }
}

function storedCommand(command: readonly string[], reportGiven: string, workers: number): StoredRun | Refusal {
  if (command.length === 0 || command[0] === "") return refused("invalid", "the command is empty; expected a program and its arguments, such as shellcheck --format=json1 -");
  if (command.some((word) => word.includes("\0"))) return refused("invalid", "the command has a NUL character in it, which no program can be given");
  const report = reportFormats.find((one) => one === (reportGiven === "" ? "auto" : reportGiven));
  if (report === undefined) return refused("invalid", `there is no report format ${quote(reportGiven)}; ${whatThereIs(reportGiven, reportFormats, "")}`);
  return { kind: "run", run: { kind: "command", command, report, workers, environment: {} } };
}

/** The language that is there, or a new one without versions. */
function languageFor(current: Content, change: RegisterChange): StoredLanguage | Refusal {
  const extensions = [...new Set(change.extensions.map((extension) => extension.toLowerCase()))];
  const wrong = change.extensions.find((extension) => !extensionPattern.test(extension));
  if (wrong !== undefined) return refused("invalid", `${quote(wrong)} is no extension; expected the ending of a file name with its dot, such as .py`);
  const existing = current.languages.find(({ language }) => language === change.language);
  if (existing !== undefined) {
    if (extensions.length === 0 || isDeepStrictEqual([...extensions].sort(), [...existing.extensions].sort())) return existing;
    return refused("invalid", `${change.language} is there already, with the extensions ${existing.extensions.join(" ") || "(none)"}; extensions are given with a language's first version, so leave them out`);
  }
  const claimed = new Map(current.languages.flatMap(({ language, extensions: theirs }) => theirs.map((extension) => [extension, language] as const)));
  const taken = extensions.find((extension) => claimed.has(extension));
  if (taken !== undefined) return refused("invalid", `the extension ${taken} is of ${claimed.get(taken) ?? ""} already; it can only be of one language`);
  const known = Object.hasOwn(wellKnownExtensions, change.language) ? (wellKnownExtensions[change.language] ?? []) : [];
  return { language: change.language, extensions: extensions.length > 0 ? extensions : known.filter((extension) => !claimed.has(extension)), spill: true, versions: [] };
}

function alreadyThere({ language }: StoredLanguage, { version, weight, source, workers }: StoredVersion): Refusal {
  const what = source === undefined && workers.length > 0 ? `workers at ${workers.map(({ id }) => id).join(", ")}` : sourceText(source);
  return refused(
    "not-now",
    `${language} ${version} is registered already, differently (${what}, weight ${weight}); change its share with \`lintel admin weights ${language} …\` or its size with \`lintel admin scale ${language} ${version} N\`, or unregister it first`,
  );
}
