/**
 * docs/openapi.json as a judge of replies: every status, header and body has to be described there. Must
 * not know how the replies were brought about.
 */
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { RawReply, RawRequest } from "../support/raw-http.js";

interface Reference {
  readonly $ref: string;
}
interface Header {
  readonly required?: boolean;
  readonly schema: object;
}
interface Response {
  readonly headers?: Readonly<Record<string, Header | Reference>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Response | Reference>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Response>>; readonly schemas: { readonly Problem: { readonly properties: { readonly code: { readonly enum: readonly string[] } } } } };
}

/** What every reply of the HTTP library has, whatever the service answers. */
const ownHeaders = new Set(["content-type", "content-length", "date", "uwebsockets"]);

export class DescribedInterface {
  readonly document = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8")) as Document;
  /** "POST /v1/lint/{language} 404 unknown-language" */
  readonly seen = new Set<string>();
  private readonly bodies = new Ajv2020({ strict: false, validateSchema: false });
  private readonly headers = new Ajv2020({ strict: false, validateSchema: false, coerceTypes: true });

  constructor() {
    this.bodies.addSchema({ $id: "openapi", ...this.document });
    this.headers.addSchema({ $id: "openapi", ...this.document });
  }

  /** What is wrong with the reply; empty when it is as described. */
  faultsOf({ method = "GET", path }: RawRequest, reply: RawReply): string[] {
    const template = this.templateOf(path.split("?")[0] ?? "");
    const operation = template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()];
    const pointer = isFromParser(reply) ? parserPointers[reply.status] : this.pointerOf(operation, template, method, reply.status);
    if (pointer === undefined) return [`${method} ${path} is not described to answer ${reply.statusLine}`];
    const response = this.resolve(pointer) as Response;
    const isProblem = reply.headers["content-type"] === "application/problem+json";
    const code = isProblem && method !== "HEAD" ? ` ${(reply.json() as { code: string }).code}` : "";
    this.seen.add(`${method} ${template ?? "*"} ${reply.status}${code}`);
    return [...this.headerFaults(response, reply), ...this.bodyFaults(pointer, response, reply, method)].map((fault) => `${method} ${path} ${reply.statusLine}: ${fault}`);
  }

  /** Every operation's statuses with their problem codes, in the form of `seen`. */
  described(): string[] {
    const all: string[] = [];
    for (const [template, operations] of Object.entries(this.document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        for (const [status, response] of Object.entries(operation.responses)) {
          const codes = Object.keys((this.resolved(response).content?.["application/problem+json"] as { examples?: object } | undefined)?.examples ?? {});
          const name = `${method.toUpperCase()} ${template} ${status}`;
          all.push(...(codes.length === 0 ? [name] : codes.map((code) => `${name} ${code}`)));
        }
      }
    }
    return all;
  }

  /** What is wrong with the examples of the responses. */
  exampleFaults(): string[] {
    const faults: string[] = [];
    for (const [name, { content = {} }] of Object.entries(this.document.components.responses)) {
      for (const [mediaType, media] of Object.entries(content)) {
        const validate = this.schemaAt(`openapi#/components/responses/${name}/content/${escaped(mediaType)}/schema`);
        for (const [example, { value }] of Object.entries((media as { examples?: Record<string, { value: unknown }> }).examples ?? {})) {
          if (!validate(value)) faults.push(`${name} ${mediaType} ${example}: ${this.bodies.errorsText(validate.errors)}`);
        }
      }
    }
    return faults;
  }

  private templateOf(path: string): string | undefined {
    if (path in this.document.paths) return path;
    return /^\/v1\/lint\/[^/]+$/.test(path) ? "/v1/lint/{language}" : undefined;
  }

  /** Where the response is described: in the operation, or, for what is not an operation, as a component. */
  private pointerOf(operation: Operation | undefined, template: string | undefined, method: string, status: number): string | undefined {
    const response = operation?.responses[String(status)];
    if (response !== undefined && "$ref" in response) return response.$ref;
    if (response !== undefined && template !== undefined) return `#/paths/${escaped(template)}/${method.toLowerCase()}/responses/${status}`;
    if (status === 404 && template === undefined) return "#/components/responses/NotFound";
    if (status === 405 && template !== undefined && operation === undefined) return "#/components/responses/MethodNotAllowed";
    return undefined;
  }

  private headerFaults(response: Response, reply: RawReply): string[] {
    const faults: string[] = [];
    const described = new Map(Object.entries(response.headers ?? {}).map(([name, header]) => [name.toLowerCase(), this.resolved(header)] as const));
    for (const [name, value] of Object.entries(reply.headers)) {
      const header = described.get(name);
      if (header === undefined && !ownHeaders.has(name)) faults.push(`the header ${name} is not described`);
      if (header === undefined) continue;
      const holder = { value };
      if (!this.headers.validate({ properties: { value: header.schema } }, holder)) faults.push(`the header ${name} is ${JSON.stringify(value)}: ${this.headers.errorsText()}`);
    }
    for (const [name, header] of described) {
      if (header.required === true && reply.headers[name] === undefined) faults.push(`the header ${name} is missing`);
    }
    return faults;
  }

  private bodyFaults(pointer: string, { content }: Response, reply: RawReply, method: string): string[] {
    if (method === "HEAD") return reply.body.length > 0 ? ["a reply to HEAD has a body"] : [];
    const contentType = reply.headers["content-type"];
    if (content === undefined) return contentType === undefined ? [] : [`a ${contentType} body is not described`];
    const mediaType = contentType?.split(";")[0] ?? "";
    if (!(mediaType in content)) return [`the media type ${mediaType} is not described`];
    const value: unknown = mediaType.endsWith("json") ? reply.json() : reply.text;
    const validate = this.schemaAt(`openapi${pointer}/content/${escaped(mediaType)}/schema`);
    return validate(value) ? [] : [`the body is not as described: ${this.bodies.errorsText(validate.errors)}: ${reply.text.slice(0, 500)}`];
  }

  private schemaAt(uri: string): ValidateFunction {
    return this.bodies.getSchema(uri) ?? this.bodies.compile({ $ref: uri });
  }

  private resolved<T extends object>(value: T | Reference): T {
    return "$ref" in value ? (this.resolve(value.$ref) as T) : value;
  }

  private resolve(pointer: string): unknown {
    let value: unknown = this.document;
    for (const key of pointer.slice(2).split("/")) value = (value as Record<string, unknown>)[decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~")];
    return value;
  }
}

const parserPointers: Readonly<Record<number, string>> = { 400: "#/components/responses/NotHttp", 431: "#/components/responses/HeadTooLarge", 505: "#/components/responses/NotHttp11" };

/** Answered before the request was looked at. */
function isFromParser(reply: RawReply): boolean {
  return reply.headers["x-request-id"] === undefined && reply.status in parserPointers;
}

function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));
}
