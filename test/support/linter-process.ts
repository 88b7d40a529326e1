/** A real worker process and a real gRPC client for it, built from the .proto files and from none of the worker's own code. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import type { Report } from "../../src/formats/report.js";

const root = new URL("../../../", import.meta.url);
export const repositoryRoot = fileURLToPath(root);
export const mainFile = fileURLToPath(new URL("dist/src/main.js", root));

export interface LinterProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly version: string;
  readonly client: LinterClient;
  /** What it wrote on stderr so far. */
  log(): string;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** Starts `lintel linter …` and waits until it says over IPC that it is ready. */
export async function startLinter(...args: string[]): Promise<LinterProcess> {
  const child = fork(mainFile, ["linter", ...args], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ready = await new Promise<{ port: number; version: string }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { port: number; version: string }));
    child.once("exit", (code) => reject(new Error(`lintel linter ${args.join(" ")} exited with ${String(code)}: ${log}`)));
  });
  const client = new LinterClient(ready.port);
  const stop = async (): Promise<void> => {
    client.close();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    // Losing its parent it goes at once and clears away its folder; SIGKILL is for one that hangs.
    if (child.connected) child.disconnect();
    const killer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    await exited;
    clearTimeout(killer);
  };
  return { child, ...ready, client, log: () => log, stop };
}

const definition = loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], {
  includeDirs: [fileURLToPath(new URL("proto", root))],
  enums: String,
  defaults: true,
});
export const services = grpc.loadPackageDefinition(definition) as unknown as {
  lintel: { v1: { Linter: grpc.ServiceClientConstructor } };
  grpc: { health: { v1: { Health: grpc.ServiceClientConstructor } } };
};

export interface LintReply {
  readonly report: Buffer;
  readonly queueDepth: number;
}

export interface Described {
  readonly language: string;
  readonly version: string;
  readonly linterName: string;
  readonly linterVersion: string;
  readonly formats: readonly string[];
  readonly selfTest: { readonly source: Buffer; readonly filename: string; readonly reportSha256: Buffer } | null;
  readonly documentationUrl: string;
}

export interface LintArguments {
  readonly source: string | Uint8Array;
  readonly filename?: string;
  readonly options?: unknown;
}

type Unary = (request: object, options: grpc.CallOptions, callback: (error: grpc.ServiceError | null, reply: unknown) => void) => grpc.ClientUnaryCall;

export class LinterClient {
  readonly linter: grpc.Client;
  readonly healthClient: grpc.Client;

  constructor(port: number) {
    const address = `127.0.0.1:${port}`;
    const options = { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": -1, "grpc.enable_retries": 0 };
    this.linter = new services.lintel.v1.Linter(address, grpc.credentials.createInsecure(), options);
    this.healthClient = new services.grpc.health.v1.Health(address, grpc.credentials.createInsecure(), options);
  }

  describe(): Promise<Described> {
    return this.unary(this.linter, "Describe", {}, {}).reply as Promise<Described>;
  }

  /** Rejects with the `grpc.ServiceError`. */
  lint(request: LintArguments, options: grpc.CallOptions = { deadline: new Date(Date.now() + 30_000) }): Promise<LintReply> {
    return this.startLint(request, options).reply;
  }

  startLint({ source, filename = "", options: lintOptions }: LintArguments, options: grpc.CallOptions = {}): { call: grpc.ClientUnaryCall; reply: Promise<LintReply> } {
    const optionsJson = lintOptions === undefined ? "" : typeof lintOptions === "string" ? lintOptions : JSON.stringify(lintOptions);
    const { call, reply } = this.unary(this.linter, "Lint", { source: Buffer.from(source as Uint8Array), filename, optionsJson }, options);
    return { call, reply: reply as Promise<LintReply> };
  }

  async report(request: LintArguments): Promise<Report> {
    return JSON.parse((await this.lint(request)).report.toString("utf8")) as Report;
  }

  /** The status of a call that must fail. */
  async failure(request: LintArguments, options?: grpc.CallOptions): Promise<{ code: grpc.status; details: string; queueDepth: string | undefined }> {
    try {
      await this.lint(request, options);
    } catch (error) {
      const { code, details, metadata } = error as grpc.ServiceError;
      return { code, details, queueDepth: metadata.get("lintel-queue-depth")[0]?.toString() };
    }
    throw new Error("the call succeeded");
  }

  check(service = ""): Promise<{ status: string }> {
    return this.unary(this.healthClient, "Check", { service }, {}).reply as Promise<{ status: string }>;
  }

  /** A Watch whose statuses arrive in the returned array. */
  watch(service = ""): { call: grpc.ClientReadableStream<{ status: string }>; statuses: string[] } {
    const statuses: string[] = [];
    const open = (this.healthClient as unknown as Record<string, (request: object) => grpc.ClientReadableStream<{ status: string }>>)["Watch"]!;
    const call = open.call(this.healthClient, { service });
    call.on("data", (reply: { status: string }) => statuses.push(reply.status));
    call.on("error", () => statuses.push("ended"));
    return { call, statuses };
  }

  close(): void {
    this.linter.close();
    this.healthClient.close();
  }

  private unary(client: grpc.Client, name: string, request: object, options: grpc.CallOptions): { call: grpc.ClientUnaryCall; reply: Promise<unknown> } {
    let call: grpc.ClientUnaryCall | undefined;
    const reply = new Promise((resolve, reject) => {
      const method = (client as unknown as Record<string, Unary>)[name]!;
      call = method.call(client, request, options, (error, value) => {
        if (error === null) resolve(value);
        else reject(error);
      });
    });
    return { call: call!, reply };
  }
}

/** Waits for a condition with a bound; the message says what was waited for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
