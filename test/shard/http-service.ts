/** The service that the tests of the HTTP interface talk to: real workers, one of them slow on demand. */
import { ask, type Place, type RawReply, type RawRequest } from "../support/raw-http.js";
import { startUp, type Harness, type Service } from "../support/service.js";

/** Small, so that tests of the limit send little; larger than any source of the tests. */
export const bodyBytesMax = 16 * 1024;

/**
 * Generous with attempts, because the machine may be busy with other tests.
 * `waiting` waits as many seconds as its source says; `c++` has two versions, and the name may be escaped.
 */
const config = `
http: { bodyBytesMax: ${bodyBytesMax}, cors: { origins: CORS } }
limits: { requestTimeoutMs: REQUEST_TIMEOUT, attemptTimeoutMs: 8s }
languages:
  json: { versions: [{ version: "1.0", weight: 1, run: { builtin: json, workers: 1, threads: 2 } }] }
  yaml: { versions: [{ version: "1.0", weight: 1, run: { builtin: yaml, workers: 1, threads: 1 } }] }
  c++:
    extensions: [.cpp, .test.cc]
    versions:
      - { version: "13", weight: 3, run: { command: ["/bin/sh", "-c", "cat > /dev/null; echo 'x:1:1: found'; exit 1"], report: lines, workers: 1, threads: 1 } }
      - { version: "14", weight: 1, run: { command: ["/bin/sh", "-c", "cat > /dev/null; echo 'x:1:1: found'; exit 1"], report: lines, workers: 1, threads: 1 } }
  waiting:
    extensions: []
    versions: [{ version: "1", weight: 1, run: { command: ["/bin/sh", "-c", "read -r seconds; sleep $seconds 2> /dev/null; exit 0"], report: lines, workers: 1, threads: 2 } }]
`;

export interface HttpService extends Service {
  readonly ask: (request: RawRequest) => Promise<RawReply>;
  /** POST to /v1/lint/json unless a path is given. */
  readonly lint: (request?: Partial<RawRequest>) => Promise<RawReply>;
}

/** `requestTimeout` is also how long a reply may take to be read. Its default is longer than a test takes on a busy machine. */
export async function startHttpService(t: Harness, { corsOrigins = '["*"]', requestTimeout = "1m" } = {}): Promise<HttpService> {
  const service = await startUp(t, { config: config.replace("CORS", corsOrigins).replace("REQUEST_TIMEOUT", requestTimeout) });
  return { ...service, ...asking(service) };
}

function asking(place: Place): Pick<HttpService, "ask" | "lint"> {
  return {
    ask: (request) => ask(place, request),
    lint: (request = {}) => ask(place, { method: "POST", path: "/v1/lint/json", body: "{}", ...request }),
  };
}

/** The members of a problem+json body that programs read. */
export interface ProblemJson {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly retryable: boolean;
}

/** Fails unless the reply is a problem document that agrees with its own headers. */
export function problemOf(reply: RawReply): ProblemJson {
  if (reply.headers["content-type"] !== "application/problem+json") throw new Error(`not a problem: ${reply.statusLine} ${reply.text}`);
  const problem = reply.json() as ProblemJson;
  if (problem.status !== reply.status || problem.requestId !== reply.headers["x-request-id"]) throw new Error(`the problem disagrees with its reply: ${reply.text}`);
  return problem;
}
