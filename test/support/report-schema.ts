/** Holds reports against docs/report.schema.json. */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const schema = JSON.parse(readFileSync(new URL("../../../docs/report.schema.json", import.meta.url), "utf8")) as object;
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

/** What is wrong with a report, in words; "" when nothing is. */
export function schemaErrors(report: unknown): string {
  return validate(report) ? "" : JSON.stringify(validate.errors);
}
