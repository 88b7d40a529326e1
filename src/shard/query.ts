/**
 * The query of a request's target as the service reads it: form-encoded, percent-encoding in UTF-8. Not
 * uWebSockets.js' own getQuery(name): it decodes in place, so that "?filename=a%26version%3D2" would set
 * the version. Must not know which parameters there are.
 */

/** The first value of every name, decoded; undefined when the percent-encoding is broken or a name comes twice. */
export function parseQuery(query: string): ReadonlyMap<string, string> | undefined {
  if (query === "") return noParameters;
  const parameters = new Map<string, string>();
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    const value = decoded(equals < 0 ? "" : part.slice(equals + 1));
    if (name === undefined || value === undefined || parameters.has(name)) return undefined;
    parameters.set(name, value);
  }
  return parameters;
}

const noParameters: ReadonlyMap<string, string> = new Map();

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.includes("+") ? text.replaceAll("+", " ") : text);
  } catch {
    return undefined;
  }
}
