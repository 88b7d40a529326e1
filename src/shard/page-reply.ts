/**
 * What is answered to a GET of one of a page's files, and what a browser may do with it. Pure: the shards and
 * the admin port have different servers and the same answers.
 */
import { parseAccept, preferenceFor } from "../formats/accept.js";
import type { Encoding, PageFile } from "./page-files.js";

export interface PageReply {
  readonly status: "200 OK" | "304 Not Modified";
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined with a 304. */
  readonly body: Uint8Array | undefined;
}

/** What of a request's head matters; "" for a header that is missing. */
export interface PageRequest {
  readonly acceptEncoding: string;
  readonly ifNoneMatch: string;
}

/**
 * Nothing but what this host serves as a file: no script or style within the markup, none made from text, no
 * frame around the page, no form that leads away. CodeMirror's styles are constructed style sheets
 * (web/page/editor.ts), to which this does not apply.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const pageHeaders: PageReply["headers"] = [
  ["Content-Security-Policy", contentSecurityPolicy],
  ["Cross-Origin-Opener-Policy", "same-origin"],
  ["Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
];

const yearSeconds = 365 * 24 * 60 * 60;

export function pageReply(file: PageFile, { acceptEncoding, ifNoneMatch }: PageRequest): PageReply {
  const encoding = bestEncoding(file, acceptEncoding);
  const entityTag = `"${file.hash}-${encoding}"`;
  const caching: PageReply["headers"] = [
    ["ETag", entityTag],
    ["Cache-Control", file.immutable ? `public, max-age=${yearSeconds}, immutable` : "no-cache"],
    // At the page's own path a client that wants no HTML gets something else.
    ["Vary", file.immutable ? "Accept-Encoding" : "Accept, Accept-Encoding"],
  ];
  if (matches(ifNoneMatch, entityTag)) return { status: "304 Not Modified", headers: caching, body: undefined };
  return {
    status: "200 OK",
    headers: [
      ...caching,
      ["Content-Type", file.mediaType],
      ...(encoding === "identity" ? [] : [["Content-Encoding", encoding] as const]),
      ["X-Content-Type-Options", "nosniff"],
      ["Referrer-Policy", "no-referrer"],
      ["Cross-Origin-Resource-Policy", "same-origin"],
      ...(file.immutable ? [] : pageHeaders),
    ],
    body: file.bodies[encoding],
  };
}

/** Whether a client wants HTML rather than plain text: browsers name it, others accept anything. */
export function prefersHtml(accept: string): boolean {
  if (!accept.includes("html")) return false;
  const ranges = parseAccept(accept);
  const html = preferenceFor("text/html", ranges);
  const text = preferenceFor("text/plain", ranges);
  if (html === undefined || html.quality === 0) return false;
  return text === undefined || html.quality > text.quality || (html.quality === text.quality && html.specificity > text.specificity);
}

/** The smallest that the client takes (RFC 9110, section 12.5.3); as it is, when it takes none. */
function bestEncoding({ bodies }: PageFile, acceptEncoding: string): Encoding {
  if (acceptEncoding === "") return "identity";
  const qualities = new Map(acceptEncoding.toLowerCase().split(",").map(parseCoding));
  const taken = (coding: string): boolean => (qualities.get(coding) ?? qualities.get("*") ?? 0) > 0;
  if (bodies.br !== undefined && taken("br")) return "br";
  return bodies.gzip !== undefined && taken("gzip") ? "gzip" : "identity";
}

function parseCoding(member: string): [coding: string, quality: number] {
  const [coding = "", parameter = ""] = member.split(";").map((part) => part.trim());
  return [coding, parameter.startsWith("q=") ? Number(parameter.slice(2)) || 0 : 1];
}

/** Weakly, as RFC 9110, section 13.1.2, wants it. */
function matches(ifNoneMatch: string, entityTag: string): boolean {
  if (ifNoneMatch === "") return false;
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((one) => one.trim().replace(/^W\//, "") === entityTag);
}
