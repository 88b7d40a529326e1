import fc from "fast-check";
import t from "tap";
import { parseAccept } from "../../src/formats/accept.js";
import { formatNamed, formats, jsonFormat, negotiate } from "../../src/formats/formats.js";

function chosen(accept: string | undefined, format?: string): string {
  const result = negotiate(accept, format);
  return typeof result === "string" ? result : result.name;
}

void t.test("no wish means JSON", (t) => {
  for (const accept of [undefined, "", "*/*", "application/json", "  ", ",", "application/*", "APPLICATION/JSON", "*/*;q=0.1"]) t.equal(chosen(accept), "json", String(accept));
  t.equal(negotiate("application/json", undefined), jsonFormat);
  t.end();
});

void t.test("?format= decides alone", (t) => {
  for (const format of formats) t.equal(chosen("application/nothing", format.name), format.name);
  t.equal(chosen(undefined, "sarf"), "unknown-format");
  t.equal(chosen(undefined, "__proto__"), "unknown-format");
  t.equal(chosen(undefined, "constructor"), "unknown-format");
  t.equal(chosen(undefined, "JSON"), "unknown-format");
  t.equal(chosen("text/plain", ""), "text", "an empty one is none");
  t.end();
});

void t.test("the Accept header is read as RFC 9110, section 12.5.1, says", (t) => {
  const cases: readonly (readonly [accept: string, expected: string])[] = [
    ["application/sarif+json", "sarif"],
    ["text/plain", "text"],
    ["text/*", "text"],
    ["application/xml", "checkstyle"],
    ["text/xml", "checkstyle"],
    ["application/vnd.reviewdog.rdjson+json", "rdjson"],
    ["application/vnd.gitlab.codequality+json", "gitlab"],
    ["application/json;q=0.5, text/plain;q=0.9", "text"],
    ["text/plain;q=0.9, application/json", "json"],
    ["application/json, text/plain, */*", "json"],
    ["application/sarif+json, */*", "sarif"],
    ["application/sarif+json;q=0.2, */*;q=0.1", "sarif"],
    ["application/*;q=0.5, text/*;q=0.4", "json"],
    ["*/*, application/json;q=0", "sarif"],
    ["application/json;q=0", "not-acceptable"],
    ["application/json;q=0.0, application/*;q=0.3, text/plain;q=0.2", "sarif"],
    ["*/*;q=0", "not-acceptable"],
    ["image/png", "not-acceptable"],
    ["text/html, application/xhtml+xml", "not-acceptable"],
    ["text/html, */*;q=0.8", "json"],
    ["application/json;charset=utf-8", "json"],
    ['application/json; charset="UTF-8" ; q=1.000', "json"],
    ["application/json;charset=latin1", "not-acceptable"],
    ["application/json;version=2", "not-acceptable"],
    ["application/json;version=2, text/plain;q=0.1", "text"],
    ['text/html;x="a,b;c\\"d,*/*", application/sarif+json', "sarif"],
    ["text/plain;q=0.5;ext=1", "text"],
    ["TEXT/PLAIN ; Q=0.5", "text"],
    ["text/plain;q=1.001, application/sarif+json;q=0.1", "sarif"],
    ["text/plain;q=nan", "json"],
    ["*/plain, */json", "json"],
    ["garbage", "json"],
    ["application/json/x, application/sarif+json;q=0.001", "sarif"],
  ];
  for (const [accept, expected] of cases) t.equal(chosen(accept), expected, accept);
  t.end();
});

void t.test("a format with no media type of its own is never chosen by Accept", (t) => {
  t.equal(formatNamed("github")?.accepts.length, 0);
  t.equal(chosen("text/plain"), "text");
  t.end();
});

void t.test("any header gets an answer, and one that the header allows", (t) => {
  const quality = fc.constantFrom("", ";q=0", ";q=0.5", ";q=1", ";q=x");
  const name = fc.constantFrom("*/*", "application/*", "text/*", ...formats.flatMap(({ accepts }) => accepts), "image/png");
  const header = fc.oneof(fc.string(), fc.array(fc.tuple(name, quality).map((parts) => parts.join("")), { maxLength: 6 }).map((members) => members.join(", ")));
  fc.assert(
    fc.property(header, (accept) => {
      const result = negotiate(accept, undefined);
      if (typeof result === "string") return result === "not-acceptable";
      const ranges = parseAccept(accept);
      return ranges.length === 0 || ranges.some(({ type, quality }) => quality > 0 && (type === "*" || result.accepts.some((mediaType) => mediaType.startsWith(`${type}/`))));
    }),
  );
  t.end();
});
