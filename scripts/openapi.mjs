// Writes docs/openapi.json from the code. Run it after a build when the interface has changed.
import { readFileSync, writeFileSync } from "node:fs";
import { openapiText } from "../dist/src/shard/openapi.js";

const file = (path) => new URL(`../${path}`, import.meta.url);
const reportSchema = JSON.parse(readFileSync(file("docs/report.schema.json"), "utf8"));
const { version } = JSON.parse(readFileSync(file("package.json"), "utf8"));
writeFileSync(file("docs/openapi.json"), openapiText({ reportSchema, version }));
