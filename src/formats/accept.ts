/**
 * The Accept header of RFC 9110, section 12.5.1: parsed, and asked how much it wants a media type. Must
 * not know which media types there are.
 */

export interface MediaRange {
  /** Lower case; "*" for any. */
  readonly type: string;
  readonly subtype: string;
  /** 0 to 1; 0 means "not this". */
  readonly quality: number;
  /** How exactly the range names a media type: 0 any, 1 its type, 2 its type and subtype. */
  readonly specificity: 0 | 1 | 2;
  /** Whether its parameters, if any, are true of what this service sends. */
  readonly satisfiable: boolean;
}

export interface Preference {
  readonly quality: number;
  readonly specificity: number;
}

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const qvalue = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** Members that break the grammar are left out: a header with one good member is still an answer. */
export function parseAccept(header: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  for (const member of splitOutsideQuotes(header, ",")) {
    const range = parseRange(member);
    if (range !== undefined) ranges.push(range);
  }
  return ranges;
}

/** The most specific range that covers `mediaType` decides; undefined when none covers it. */
export function preferenceFor(mediaType: string, ranges: readonly MediaRange[]): Preference | undefined {
  const slash = mediaType.indexOf("/");
  const type = mediaType.slice(0, slash);
  const subtype = mediaType.slice(slash + 1);
  let best: MediaRange | undefined;
  for (const range of ranges) {
    const covers = range.satisfiable && (range.type === "*" || (range.type === type && (range.subtype === "*" || range.subtype === subtype)));
    if (covers && (best === undefined || range.specificity > best.specificity)) best = range;
  }
  return best;
}

function parseRange(member: string): MediaRange | undefined {
  const [name = "", ...parameters] = splitOutsideQuotes(member, ";").map((part) => part.trim());
  const [type = "", subtype = "", ...rest] = name.toLowerCase().split("/");
  if (rest.length > 0 || !token.test(type) || !token.test(subtype) || (type === "*" && subtype !== "*")) return undefined;
  let quality = 1;
  let satisfiable = true;
  for (const parameter of parameters) {
    if (parameter === "") continue;
    const equals = parameter.indexOf("=");
    const key = parameter.slice(0, Math.max(0, equals)).trim().toLowerCase();
    const value = unquoted(parameter.slice(equals + 1).trim());
    if (key === "q") {
      if (!qvalue.test(value)) return undefined;
      quality = Number(value);
      // What follows the weight were "accept-ext" parameters once; RFC 9110 says to ignore them.
      break;
    }
    // Everything sent here is UTF-8; no media type here has another parameter.
    if (key !== "charset" || value.toLowerCase() !== "utf-8") satisfiable = false;
  }
  return { type, subtype, quality, specificity: type === "*" ? 0 : subtype === "*" ? 1 : 2, satisfiable };
}

/** A comma or semicolon inside a quoted string separates nothing. */
function splitOutsideQuotes(text: string, separator: "," | ";"): string[] {
  if (!text.includes('"')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === "\\") at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}
