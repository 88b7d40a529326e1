/**
 * The formats a report can be had in, and which of them a request gets. Runs on the balancer's shards:
 * what most requests ask for (nothing, anything, JSON) is answered without parsing.
 */
import { parseAccept, preferenceFor, type Preference } from "./accept.js";
import { renderCheckstyle } from "./checkstyle.js";
import type { FileReport } from "./file-report.js";
import type { FormatName } from "./format-name.js";
import { renderGithub } from "./github.js";
import { renderGitlab } from "./gitlab.js";
import { renderJson } from "./json.js";
import { renderRdjson } from "./rdjson.js";
import { renderSarif } from "./sarif.js";
import { renderText } from "./text.js";

export type { FormatName } from "./format-name.js";

export interface Format {
  readonly name: FormatName;
  /** For the Content-Type header. */
  readonly mediaType: string;
  /** Media types that select it in an Accept header, lower case, without parameters; none: by name only. */
  readonly accepts: readonly string[];
  /** Whether `render` makes use of `FileReport.source`. */
  readonly usesSource: boolean;
  /** One document for all files, ending in a line break unless it is empty. */
  readonly render: (files: readonly FileReport[]) => string;
}

export const jsonFormat: Format = { name: "json", mediaType: "application/json", accepts: ["application/json"], usesSource: false, render: renderJson };

/** In the order of the service's own preference, which decides between what a request likes equally well. */
export const formats: readonly Format[] = [
  jsonFormat,
  { name: "sarif", mediaType: "application/sarif+json", accepts: ["application/sarif+json"], usesSource: false, render: renderSarif },
  { name: "text", mediaType: "text/plain; charset=utf-8", accepts: ["text/plain"], usesSource: false, render: renderText },
  { name: "rdjson", mediaType: "application/vnd.reviewdog.rdjson+json", accepts: ["application/vnd.reviewdog.rdjson+json"], usesSource: true, render: renderRdjson },
  { name: "gitlab", mediaType: "application/vnd.gitlab.codequality+json", accepts: ["application/vnd.gitlab.codequality+json"], usesSource: false, render: renderGitlab },
  { name: "checkstyle", mediaType: "application/xml", accepts: ["application/xml", "text/xml"], usesSource: false, render: renderCheckstyle },
  { name: "github", mediaType: "text/plain; charset=utf-8", accepts: [], usesSource: false, render: renderGithub },
];

const byName: ReadonlyMap<string, Format> = new Map(formats.map((format) => [format.name, format]));

export function formatNamed(name: string): Format | undefined {
  return byName.get(name);
}

export type Negotiated = Format | "unknown-format" | "not-acceptable";

/**
 * The format of a reply. A `?format=` decides alone; else the Accept header does (RFC 9110, section
 * 12.5.1): the highest quality wins, then the range that names a format more exactly, then our order.
 * Absent and empty mean "no preference" for both.
 */
export function negotiate(acceptHeader: string | undefined, formatParam: string | undefined): Negotiated {
  if (formatParam !== undefined && formatParam !== "") return byName.get(formatParam) ?? "unknown-format";
  if (acceptHeader === undefined || acceptHeader === "" || acceptHeader === "*/*" || acceptHeader === "application/json") return jsonFormat;
  return mostWanted(acceptHeader);
}

function mostWanted(acceptHeader: string): Negotiated {
  const ranges = parseAccept(acceptHeader);
  if (ranges.length === 0) return jsonFormat;
  let best: Format | undefined;
  let bestPreference: Preference = { quality: 0, specificity: 0 };
  for (const format of formats) {
    for (const mediaType of format.accepts) {
      const preference = preferenceFor(mediaType, ranges);
      if (preference === undefined || preference.quality === 0) continue;
      if (best === undefined || isGreater(preference, bestPreference)) {
        best = format;
        bestPreference = preference;
      }
    }
  }
  return best ?? "not-acceptable";
}

function isGreater(one: Preference, other: Preference): boolean {
  return one.quality > other.quality || (one.quality === other.quality && one.specificity > other.specificity);
}
