/** The shell commands that ask the service what the page asks it. Must not know the page. */

/** For a source that is in a file. `withKey`: the service asks for an API key, which is in a variable of the shell and not in its history. */
export function curlWithFile(url: string, filename: string, withKey: boolean): string {
  return `${curlOf(withKey)} --data-binary @${quoted(filename === "" ? "FILE" : filename)} ${quoted(url)}`;
}

/** With the source in it: sends the very same bytes, whatever is in them. Undefined when a shell cannot say them. */
export function curlWithSource(url: string, source: string, withKey: boolean): string | undefined {
  if (source.includes("\0")) return undefined;
  const curl = `${curlOf(withKey)} --data-binary @- ${quoted(url)}`;
  // A here-document ends with a line break; one that has a carriage return would lose it in some terminals.
  if (!source.endsWith("\n") || source.includes("\r")) return `printf %s ${quoted(source)} | ${curl}`;
  const lines = new Set(source.split("\n"));
  let end = "EOF";
  while (lines.has(end)) end += "_";
  return `${curl} <<'${end}'\n${source}${end}`;
}

function curlOf(withKey: boolean): string {
  return withKey ? 'curl -H "X-API-Key: $LINTEL_API_KEY"' : "curl";
}

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
