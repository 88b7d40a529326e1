/**
 * What the platform says against the versions that a change adds or alters. Must not know what the change was.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import { type Refusal, refused } from "./changes/change.js";
import type { Platform, WantedVersion } from "./platform/platform.js";
import type { StoredConfiguration } from "./stored-configuration.js";

/** The versions that the platform is to run. */
export function wantedVersions({ languages }: Pick<StoredConfiguration, "languages">): WantedVersion[] {
  return languages.flatMap(({ language, versions }) => versions.flatMap(({ version, source }) => (source === undefined ? [] : [{ language, version, source }])));
}

/** One refusal for every version that it cannot run, and for each that it did not answer for in time. */
export async function platformProblems(
  platform: Pick<Platform, "refusalOf">,
  before: StoredConfiguration,
  after: StoredConfiguration,
  timeoutMs: number,
  clock: Clock,
): Promise<Refusal[]> {
  const known = new Map(wantedVersions(before).map((wanted) => [keyOf(wanted), wanted.source]));
  const asked = wantedVersions(after).filter((wanted) => !isDeepStrictEqual(known.get(keyOf(wanted)), wanted.source));
  const answers = await Promise.all(asked.map((wanted) => answerFor(platform, wanted, timeoutMs, clock)));
  return answers.filter((answer) => answer !== undefined);
}

async function answerFor(platform: Pick<Platform, "refusalOf">, wanted: WantedVersion, timeoutMs: number, clock: Clock): Promise<Refusal | undefined> {
  const name = `${wanted.language} ${wanted.version}`;
  let timer: Timer | undefined;
  const late = new Promise<Refusal>((resolve) => {
    timer = clock.after(timeoutMs, () => resolve(refused("unavailable", `the platform did not say within ${timeoutMs} ms whether it can run ${name}; nothing was changed, try again`)));
  });
  const asked = platform.refusalOf(wanted).then(
    (sentence) => (sentence === "" ? undefined : refused("invalid", `${name} cannot be run: ${sentence}`)),
    (thrown: unknown) => refused("unavailable", `the platform cannot say whether it can run ${name}: ${messageOf(thrown)}; nothing was changed, try again`),
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clock.clear(timer);
  }
}

function keyOf({ language, version }: WantedVersion): string {
  return `${language} ${version}`;
}
