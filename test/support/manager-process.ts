/** Managers in processes of their own, and what a test asks them over gRPC. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Client, type ClientReadableStream, ChannelCredentials, Metadata, type MethodDefinition, type ServiceError } from "@grpc/grpc-js";
import type { BarrierMessage, ChangeKinds, ChangeReplyMessage, ChangeRequestMessage, HistoryReplyMessage, StatusReplyMessage, WhoReplyMessage } from "../../src/rpc/admin-messages.js";
import { serviceDefinition } from "../../src/rpc/service-definition.js";
import type { ManagerProcessOptions } from "./manager-process-entry.js";

const entry = fileURLToPath(new URL("manager-process-entry.js", import.meta.url));

export class ManagerProcess {
  private constructor(
    readonly child: ChildProcessByStdio<null, Readable, Readable>,
    readonly port: number,
  ) {}

  /** Resolves when it listens; rejects with what it says when it does not. */
  static async start(given: Partial<ManagerProcessOptions> & Pick<ManagerProcessOptions, "storePath">): Promise<ManagerProcess> {
    const options: ManagerProcessOptions = { auditPath: `${given.storePath}.audit`, shared: false, host: "127.0.0.1", security: {}, ...given };
    const env = { ...process.env, LINTEL_LOG_LEVEL: "warn" };
    const child = spawn(process.execPath, [entry, JSON.stringify(options)], { stdio: ["ignore", "pipe", "pipe"], env });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const port = await Promise.race([once(child.stdout, "data").then(([data]) => Number(String(data))), once(child, "exit").then(() => undefined)]);
    if (port === undefined) throw new ManagerEnded(child.exitCode, said.trim());
    return new ManagerProcess(child, port);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.kill(signal);
    await gone;
  }
}

export class ManagerEnded extends Error {
  constructor(
    readonly exitCode: number | null,
    message: string,
  ) {
    super(message);
  }
}

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>;

/** Calls as any gRPC client makes them, without the patience of `lintel admin`. */
export class AdminCaller {
  private readonly methods = serviceDefinition("admin.proto", "Admin") as unknown as Methods;
  private readonly client: Client;
  readonly metadata = new Metadata();

  constructor(address: string, credentials: ChannelCredentials = ChannelCredentials.createInsecure(), options: Record<string, string | number> = {}) {
    this.client = new Client(address, credentials, { "grpc.initial_reconnect_backoff_ms": 50, "grpc.max_reconnect_backoff_ms": 200, "grpc.use_local_subchannel_pool": 1, ...options });
  }

  change(kind: ChangeKinds, given: Partial<ChangeRequestMessage> = {}): Promise<ChangeReplyMessage> {
    return this.ask("Change", { ...kind, ...given });
  }

  wait(revision: number, timeoutMs: number): Promise<BarrierMessage> {
    return this.ask("Wait", { revision, timeoutMs });
  }

  status(): Promise<StatusReplyMessage> {
    return this.ask("Status", {});
  }

  history(entriesMax = 0): Promise<HistoryReplyMessage> {
    return this.ask("History", { entriesMax });
  }

  who(): Promise<WhoReplyMessage> {
    return this.ask("Who", {});
  }

  watch(): ClientReadableStream<StatusReplyMessage> {
    const { path, requestSerialize, responseDeserialize } = this.method("Watch");
    return this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, this.metadata) as ClientReadableStream<StatusReplyMessage>;
  }

  close(): void {
    this.client.close();
  }

  private ask<Reply>(name: string, request: object): Promise<Reply> {
    const { path, requestSerialize, responseDeserialize } = this.method(name);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, this.metadata, {}, (error: ServiceError | null, reply?: object) => {
        if (error === null) resolve(reply as Reply);
        else reject(error);
      });
    });
  }

  private method(name: string): MethodDefinition<object, object> {
    const method = this.methods[name];
    if (method === undefined) throw new Error(`no method ${name}`);
    return method;
  }
}
