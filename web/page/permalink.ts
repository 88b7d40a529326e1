/**
 * A link that holds the source itself, compressed, behind the "#": browsers do not send that part, so that the
 * source reaches no server and no log by it. Must not know the page.
 */

export interface Linked {
  readonly language: string;
  /** "" lets the service's shares decide. */
  readonly version: string;
  readonly filename: string;
  readonly source: string;
}

/** Browsers take addresses of megabytes; what people paste them into does not. */
export const fragmentCharsMax = 64 * 1024;
/** A link somebody was sent must not fill the memory of who opens it. */
const sourceBytesMax = 4 * 1024 * 1024;

const mark = "#v1=";

/** The part of the address from "#" on; undefined when it would be longer than `fragmentCharsMax`. */
export async function fragmentOf({ language, version, filename, source }: Linked): Promise<string | undefined> {
  const bytes = new TextEncoder().encode(JSON.stringify([language, version, filename, source]));
  const packed = await collect(new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw")), Infinity);
  const fragment = mark + base64Of(packed);
  return fragment.length <= fragmentCharsMax ? fragment : undefined;
}

/** Undefined when the fragment is no permalink; throws when it is a broken one. */
export async function readFragment(fragment: string): Promise<Linked | undefined> {
  if (!fragment.startsWith(mark)) return undefined;
  const packed = bytesOf(fragment.slice(mark.length));
  const bytes = await collect(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")), sourceBytesMax);
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  if (!Array.isArray(value) || value.length !== 4 || !value.every((one) => typeof one === "string")) throw new Error("not what a link holds");
  const [language, version, filename, source] = value as [string, string, string, string];
  return { language, version, filename, source };
}

async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    chunks.push(chunk.value);
    length += chunk.value.length;
    if (length > bytesMax) {
      await reader.cancel();
      throw new Error(`more than ${bytesMax} bytes`);
    }
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** The URL-safe alphabet of RFC 4648, section 5, without padding. */
function base64Of(bytes: Uint8Array): string {
  let text = "";
  // A call has a bound on its arguments.
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
