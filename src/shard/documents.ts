/** The documents a shard serves to GET: the languages, the OpenAPI description, a hint at the root. */
import { programText } from "../base/program.js";
import type { Active } from "./active.js";
import type { Document } from "./listener.js";

export function documents(): ReadonlyMap<string, Document> {
  const openapi = programText("docs/openapi.json");
  return new Map<string, Document>([
    ["/", { mediaType: "text/plain; charset=utf-8", body: () => hint }],
    ["/v1/languages", { mediaType: "application/json", body: languagesOf }],
    ["/openapi.json", { mediaType: "application/json", body: () => openapi }],
  ]);
}

const hint = `This is Lintel, an online linter service.

POST a source file and get its diagnostics back:

  curl --data-binary @x.py 'http://THIS_HOST/v1/lint/python?filename=x.py'

GET /v1/languages says what is served here, GET /openapi.json describes the interface.
`;

function languagesOf(active: Active): string {
  const languages = [...active.languages.values()].map((language) => ({
    language: language.language,
    extensions: language.extensions,
    versions: language.versions.map((version) => {
      const description = version.workers.find((worker) => worker.upstream.description !== undefined)?.upstream.description;
      return {
        version: version.version,
        weight: version.weight,
        linter: description === undefined ? null : { name: description.linterName, version: description.linterVersion },
      };
    }),
  }));
  return JSON.stringify({ languages });
}
