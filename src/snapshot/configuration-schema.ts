/**
 * The one schema of the configuration file: what may be written, what each key means, what it defaults to.
 * What no single key can show (duplicates, conflicts) is in cross-checks.ts.
 */
import * as z from "zod";
import { type Address, addressHint, addressPattern, formatAddress, parseAddress } from "./address.js";
import { limitsSchema } from "./limits.js";
import { networkPattern, parseNetwork } from "./network.js";
import { choice, count, duration, fraction, parsedText, size, text } from "./setting-types.js";
import { builtinLinters } from "./well-known-languages.js";

const mebibyte = 1024 * 1024;

/** How a command's output is read; "auto" looks at its first characters. */
export const reportFormats = ["auto", "sarif", "eslint", "lines", "shellcheck"] as const;
export type CommandReportFormat = (typeof reportFormats)[number];

/** A language is part of a URL; so are `c++` and `c#`, escaped. */
export const languageNamePattern = /^[a-z0-9][a-z0-9+#.-]{0,63}$/;
export const environmentNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A version is part of headers, of metrics and of workers' names. */
export const versionNamePattern = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$/;
export const extensionPattern = /^\.[^\s/\\]{1,32}$/;
/** Sums of a hundred versions stay far inside what the counters add exactly. */
export const weightMax = 1_000_000;
/** Worker processes of one version on one machine. */
export const runWorkersMax = 256;

const listenAddress = parsedText(
  (input) => `an address to listen on, such as "127.0.0.1:8080" or "[::]:8080"${addressHint(input)}`,
  addressPattern,
  (input): Address | undefined => parseAddress(input, { portZero: true }),
);

const workerAddress = parsedText(
  (input) => `a worker's address, such as "10.0.0.5:7070" or "[fd00::5]:7070"${input === "" ? "" : addressHint(input)}`,
  addressPattern,
  (input) => {
    const address = parseAddress(input, { portZero: false });
    return address === undefined ? undefined : { id: formatAddress(address), ...address };
  },
);

const originPattern = /^(\*|[a-z][a-z0-9+.-]*:\/\/[^\s/,*]+)$/;

const corsSchema = z.strictObject(
  {
    // A lint reads nothing but what it is sent and takes no credentials: no page gains anything by it.
    origins: z
      .array(text('"*" or an origin, such as "https://example.org"', originPattern), { error: "a list of origins" })
      .default(["*"])
      .describe('Origins whose pages may use the service from a browser; "*" is every one, an empty list is none.'),
  },
  { error: "a mapping" },
);

const rateLimitSchema = z.strictObject(
  {
    // Whom to limit, and how far, only the operator of a public service can say.
    requests: count({ min: 0, max: 1_000_000 }).default(0).describe("Lint requests a client may make in each period; 0 is no limit."),
    periodMs: duration({ min: 1_000, max: 86_400_000 }).prefault("1m").describe("The period of `requests`."),
    burst: count({ min: 1, max: 1_000_000 }).optional().describe("Requests a client may make at once after a pause; as many as `requests` when not given."),
  },
  { error: "a mapping" },
);

const trustedProxy = text('a network such as "10.0.0.0/8", or an address', new RegExp(networkPattern)).refine((input) => parseNetwork(input) !== undefined, { error: 'a network such as "10.0.0.0/8", or an address' });

const absolutePath = text('an absolute path, such as "/etc/lintel/tls.crt"', /^\/[^\0]*$/);

const tlsSchema = z.strictObject(
  {
    cert: absolutePath.describe("PEM file: the server's certificate, and behind it those between it and its authority."),
    key: absolutePath.describe("PEM file: its private key, without a passphrase."),
  },
  { error: "a mapping with cert and key" },
);

// A port of its own, because a connection with the header and one without must not be taken for each other. Not by the HTTP parser, which
// believes a header in front of any request, a client's own, too, and with TLS looks for it inside (test/shard/rate-limit.test.ts).
const proxyProtocol = z.strictObject(
  {
    listen: listenAddress.describe("Where these proxies connect; not where users do."),
    // Whoever may speak for others may be anybody.
    from: z.array(trustedProxy, { error: "a list of networks" }).min(1, { error: "at least one network" }).describe("Networks of these proxies; anybody else's connection is closed."),
  },
  { error: "a mapping with listen and from" },
);

const httpSchema = z.strictObject(
  {
    // Nothing is open to a network unless somebody says so.
    listen: listenAddress.prefault("127.0.0.1:8080").describe("Where users connect."),
    tls: tlsSchema.optional().describe("With it users connect over TLS 1.2 or newer alone. Both files are read again when they change."),
    // Who may use it only the operator can say.
    apiKeys: absolutePath.optional().describe("A file with lines of NAME KEY: linting needs one of these keys. Read again when it changes. Anybody may lint when it is not given."),
    // Source files above 1 MiB are generated; linting them takes seconds and helps nobody.
    bodyBytesMax: size({ min: 1, max: 256 * mebibyte }).prefault("1MiB").describe("Largest request body; a larger one is answered 413."),
    // Who opens the address in a browser sees at once what it is; it can do no more than any client.
    page: z.boolean({ error: "true or false" }).default(true).describe("Whether browsers get a page at / to try the service on; others get a line of text there."),
    rateLimit: rateLimitSchema.prefault({}).describe("How often a client may ask; a client is an IPv4 address or an IPv6 network (/64)."),
    // What a request says of where it came from anybody can write.
    trustedProxies: z.array(trustedProxy, { error: "a list of networks" }).default([]).describe("Networks of proxies whose X-Forwarded-For says who the client is."),
    proxyProtocol: proxyProtocol.optional().describe("A port for proxies that pass connections on and say whose they are, by the PROXY protocol, version 2. None when it is not given."),
    cors: corsSchema.prefault({}).describe("What pages of other origins may do."),
  },
  { error: "a mapping" },
);

const adminSchema = z.strictObject(
  {
    listen: listenAddress.prefault("127.0.0.1:9901").describe("Where metrics, health and status are served. Beyond loopback only with authentication."),
  },
  { error: "a mapping" },
);

const accessLogSchema = z.strictObject(
  {
    // Who asked for what is nobody's business until an operator says so.
    path: text('"stderr" or an absolute path, such as "/var/log/lintel/access.jsonl"', /^(stderr|\/[^\0]*)$/).optional().describe('Where a line of JSON about each request goes: "stderr" or an absolute path; nowhere when it is not given.'),
    sample: fraction().default(1).describe("The part of the requests that are in it."),
    // What went wrong is what the log is read for.
    errors: z.boolean({ error: "true or false" }).default(true).describe("Whether requests that got no report are in it whatever the sample says."),
  },
  { error: "a mapping" },
);

const environment = z
  .record(z.string().meta({ pattern: environmentNamePattern.source }), text("text without NUL characters", /^[^\0]*$/), { error: "a mapping of names to text" })
  .default({})
  .describe("Environment variables of the worker processes, beside those of `lintel up` itself. A command's program sees only PATH of them.");

const runSchema = z
  .strictObject(
    {
      builtin: choice(builtinLinters).optional().describe("The built-in linter to run."),
      command: z
        .array(text("text without NUL characters", /^[^\0]*$/), { error: 'a list of the program and its arguments, such as ["shellcheck", "-"]' })
        .min(1, { error: "a program and its arguments" })
        .optional()
        .describe("A program and its arguments, run without a shell. The source is on its standard input, or in a file whose path takes the place of {file} in an argument."),
      report: choice(reportFormats).optional().describe('How the command prints its findings; "auto" (the default) finds out.'),
      // One process uses its threads on every core; a second one is for surviving the first.
      workers: count({ min: 1, max: runWorkersMax }).default(1).describe("How many worker processes to start."),
      threads: count({ min: 1, max: 256 }).optional().describe("Analyses each worker runs at once; one per core, divided among the workers, when not given."),
      environment,
    },
    { error: "a mapping with either builtin or command" },
  )
  .meta({ oneOf: [{ required: ["builtin"] }, { required: ["command"] }] });

const versionSchema = z.strictObject(
  {
    version: text('a version in quotes, such as "0.17.3"', versionNamePattern).describe("The version's name, as its workers report it; quotes keep 0.90 from becoming 0.9."),
    weight: count({ min: 0, max: weightMax }).default(1).describe("Its share of the language's traffic, relative to the other versions; 0 gets nothing."),
    workers: z.array(workerAddress, { error: "a list of addresses" }).prefault([]).describe("Addresses of workers that run elsewhere."),
    run: runSchema.optional().describe("How `lintel up` starts workers of this version on this machine; a balancer alone refuses it."),
  },
  { error: "a mapping with a version" },
);

const languageSchema = z.strictObject(
  {
    extensions: z
      .array(text('the ending of a file name with its dot, such as ".py"', extensionPattern), { error: 'a list of endings, such as [".py", ".pyi"]' })
      .optional()
      .describe("Endings of the files that are of this language; well-known languages have theirs by default."),
    // A user would rather have an answer from another version than none.
    spill: z.boolean({ error: "true or false" }).default(true).describe("Whether another version may answer when a request's own version has no usable worker."),
    versions: z.array(versionSchema, { error: "a list of versions" }).min(1, { error: "at least one version" }).describe("The linter versions that share the language's traffic."),
  },
  { error: "a mapping with versions" },
);

const shardsExpected = "auto or a whole number from 1 to 256";

export const configurationSchema = z
  .strictObject(
    {
      $schema: z.string({ error: "the address of a JSON Schema" }).optional().describe("For editors; not read."),
      http: httpSchema.prefault({}).describe("The port of the users."),
      admin: adminSchema.prefault({}).describe("The port of the operators."),
      accessLog: accessLogSchema.prefault({}).describe("What is written down of each request; never a source."),
      shards: z
        .union([z.literal("auto"), count({ min: 1, max: 256 }, shardsExpected)], { error: shardsExpected })
        .default("auto")
        .describe("Threads that serve requests; auto is one per usable core."),
      limits: limitsSchema.prefault({}).describe("What a request, a shard and a connection may use."),
      languages: z
        .record(z.string().meta({ pattern: languageNamePattern.source }), languageSchema, { error: "a mapping of language names to languages" })
        .prefault({})
        .describe("The languages users can ask for, by the name they use in the URL."),
    },
    { error: "a mapping that starts with a key such as languages:" },
  )
  .meta({ title: "Lintel configuration", description: "One file for `lintel up`, `lintel balancer --link file:…` and `lintel check`." });

export type ParsedFile = z.output<typeof configurationSchema>;

/** A JSON Schema, as far as the code here reads it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
}

let cached: JsonSchema | undefined;

/** The schema for editors. Draft 7, because that is what YAML editors understand in full. */
export function configurationJsonSchema(): JsonSchema {
  cached ??= z.toJSONSchema(configurationSchema, { io: "input", target: "draft-7" }) as JsonSchema;
  return cached;
}

/** The text of docs/lintel.schema.json. */
export function configurationJsonSchemaText(): string {
  return `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`;
}
