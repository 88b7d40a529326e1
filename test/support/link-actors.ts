/**
 * Who plays in the scenarios of test/scenario/link/: real managers on real ports, balancers that speak the protocol as the
 * script says, and real links that put what they get into a receiver. Each says what it hears, a line each.
 */
import { Client, type ClientDuplexStream, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "../../src/base/clock.js";
import { createLogger } from "../../src/base/logger.js";
import { seededRandom } from "../../src/base/random.js";
import { defaultFleetOptions, Fleet } from "../../src/manager/fleet.js";
import { defaultLinkServiceOptions, LinkService } from "../../src/manager/link-service.js";
import { linkDefinition } from "../../src/manager/link-wire.js";
import { defaultPublisherOptions, type LiveWorker, Publisher } from "../../src/manager/publisher.js";
import { defaultRegistrationOptions, type RegisteredWorker, Registrations } from "../../src/manager/registrations.js";
import { emptyConfiguration, type StoredConfiguration } from "../../src/manager/stored-configuration.js";
import { type HeldSnapshot, nothingHeld, readMessage } from "../../src/manager-link/held-snapshot.js";
import type { LastGood } from "../../src/manager-link/last-good.js";
import type { ApplyOutcome, BalancerStanding, StandingReceiver } from "../../src/manager-link/link.js";
import { defaultManagedLinkOptions, ManagedLink } from "../../src/manager-link/managed-link.js";
import { defaultManagerStreamOptions } from "../../src/manager-link/manager-stream.js";
import type { BalancerMessage, ChangeMessage, HeartbeatMessage, ManagerMessage, WelcomeMessage } from "../../src/snapshot/link-messages.js";
import type { LanguageSnapshot, Snapshot } from "../../src/snapshot/snapshot.js";
import { ManualClock } from "./manual-clock.js";

export const quiet = createLogger({ level: "error", format: "text", write: () => undefined });

export type Say = (line: string) => void;

/** Everything of a manager but its store, its platform and its administrators. */
export class ManagerActor {
  readonly clock = new ManualClock();
  readonly fleet: Fleet;
  address = "";
  private stored: StoredConfiguration = emptyConfiguration;
  private readonly live: LiveWorker[] = [];
  private onStored: (configuration: StoredConfiguration) => void = () => undefined;
  private onLive: () => void = () => undefined;
  private readonly publisher: Publisher;
  private readonly registrations: Registrations;
  private readonly server = new Server();

  constructor(rejoinMs = 0) {
    this.fleet = new Fleet({ ...defaultFleetOptions, rejoinMs }, this.clock);
    this.registrations = new Registrations(defaultRegistrationOptions, this.clock);
    const view = this as unknown as { stored: StoredConfiguration };
    const configuration = { get current() { return view.stored; }, onConfiguration: (listener: typeof this.onStored) => (this.onStored = listener) };
    const platform = { workers: () => this.live, onChange: (listener: () => void) => (this.onLive = listener) };
    this.publisher = new Publisher(configuration, [platform, this.registrations], defaultPublisherOptions, this.clock);
    const service = new LinkService(this.publisher, this.fleet, this.registrations, defaultLinkServiceOptions, this.clock, quiet);
    this.server.addService(linkDefinition, service.implementation);
  }

  /** Listens, and publishes from here on. Port 0 takes a free one. */
  async start(port = 0): Promise<void> {
    this.publisher.start();
    const bound = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, listening) => (error === null ? resolve(listening) : reject(error)));
    });
    this.address = `127.0.0.1:${bound}`;
  }

  store(revision: number, languages: readonly LanguageSnapshot[]): void {
    this.stored = { ...emptyConfiguration, revision, languages };
    this.onStored(this.stored);
  }

  /** Its platform's worker begins or ends. */
  setWorker(language: string, version: string, id: string, there: boolean): void {
    const known = this.live.findIndex(({ endpoint }) => endpoint?.id === id);
    if (known >= 0) this.live.splice(known, 1);
    if (there) this.live.push({ language, version, endpoint: { id, host: "127.0.0.1", port: 7_070 } });
    this.onLive();
  }

  registered(): readonly RegisteredWorker[] {
    return this.registrations.workers();
  }

  /** As kill -9 would: every stream breaks. */
  stop(): void {
    this.server.forceShutdown();
  }
}

/** Opens a stream of the service as a client. */
function openStream<Request, Reply>(client: Client, name: "Follow" | "Join"): ClientDuplexStream<Request, Reply> {
  const { path, requestSerialize, responseDeserialize } = linkDefinition[name]!;
  const stream = client.makeBidiStreamRequest<Request, Reply>(path, requestSerialize, responseDeserialize, new Metadata());
  return stream;
}

function connect(address: string): Client {
  return new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
}

/** A balancer whose every message is the script's; what it holds follows from what it said. */
export class ScriptedBalancer {
  private held: HeldSnapshot = nothingHeld;
  private heard: ManagerMessage | undefined;
  private client: Client | undefined;
  private stream: ClientDuplexStream<BalancerMessage, ManagerMessage> | undefined;

  constructor(
    private readonly name: string,
    private readonly say: Say,
  ) {}

  join(address: string, shards: number): void {
    const { revision, checksum } = this.held;
    this.client = connect(address);
    const stream = openStream<BalancerMessage, ManagerMessage>(this.client, "Follow");
    this.stream = stream;
    stream.on("data", (message: ManagerMessage) => {
      this.heard = message;
      this.say(`hears ${renderMessage(message)}`);
    });
    stream.on("error", ({ details }: { details?: string }) => this.stream === stream && this.say(`loses the stream: ${details ?? ""}`));
    stream.write({ hello: { balancer: this.name, instance: `${this.name}-process`, shards, revision, checksum, program: "test" } });
  }

  /** Says something first that is no Hello. */
  intrude(address: string): void {
    this.client = connect(address);
    this.stream = openStream<BalancerMessage, ManagerMessage>(this.client, "Follow");
    this.stream.on("error", ({ details }: { details?: string }) => this.say(`loses the stream: ${details ?? ""}`));
    this.stream.write({ receipt: { nonce: 1 } });
  }

  /** Takes what it heard for its own, or says why it cannot. */
  receive(): void {
    const { nonce, revision } = this.heard!;
    const read = readMessage(this.held, this.heard!);
    if (read.kind === "refused") {
      this.say(`cannot take it: ${read.reason}`);
      this.send({ nack: { nonce, revision, reason: read.reason, wantWhole: read.wantWhole } });
      return;
    }
    this.held = read.held;
    this.send({ receipt: { nonce } });
  }

  ack(shards: readonly number[]): void {
    const { nonce, revision } = this.heard!;
    this.send({ ack: { nonce, revision, shardRevisions: shards } });
  }

  refuse(reason: string): void {
    const { nonce, revision } = this.heard!;
    this.send({ nack: { nonce, revision, reason, wantWhole: false } });
  }

  stand(shards: readonly number[], waiting: readonly { language: string; version: string; shard: string; reason: string }[]): void {
    this.send({ standing: { shardRevisions: shards, ready: true, notReadyBecause: "", waiting } });
  }

  /** What it holds is another content than the manager takes it for. */
  forget(): void {
    this.held = { ...this.held, languages: [] };
  }

  vanish(): void {
    const { stream } = this;
    this.stream = undefined;
    stream?.on("error", () => undefined);
    stream?.cancel();
    this.client?.close();
  }

  private send(message: BalancerMessage): void {
    this.stream!.write(message);
  }
}

/** A worker that registers itself as the script says. */
export class ScriptedWorker {
  private client: Client | undefined;
  private stream: ClientDuplexStream<HeartbeatMessage, WelcomeMessage> | undefined;

  constructor(
    private readonly name: string,
    private readonly say: Say,
  ) {}

  join(address: string, language: string, version: string): void {
    this.client = connect(address);
    this.stream = openStream<HeartbeatMessage, WelcomeMessage>(this.client, "Join");
    this.stream.on("data", ({ intervalMs, timeoutMs }: WelcomeMessage) => this.say(`is welcome: a heartbeat every ${intervalMs} ms, gone after ${timeoutMs} ms`));
    this.stream.on("end", () => this.stream !== undefined && this.say("is let go"));
    this.stream.on("error", () => undefined);
    this.stream.write({ language, version, worker: { id: this.name, host: "", port: 7_071 }, leaving: false });
  }

  beat(): void {
    this.stream!.write({ language: "", version: "", worker: null, leaving: false });
  }

  leave(): void {
    this.stream!.write({ language: "", version: "", worker: null, leaving: true });
  }

  vanish(): void {
    const { stream } = this;
    this.stream = undefined;
    stream?.cancel();
    this.client?.close();
  }
}

/** A real link; what it applies is active at once, or when the script lets go. */
export class LinkActor implements StandingReceiver {
  readonly link: ManagedLink;
  private revision = 0;
  private holding: ((outcome: ApplyOutcome) => void)[] | undefined;
  private refusal = "";

  constructor(
    name: string,
    managers: readonly string[],
    disk: LastGood | undefined,
    private readonly say: Say,
  ) {
    const stream = { ...defaultManagerStreamOptions, security: { credentials: credentials.createInsecure(), encrypted: false, token: "" } };
    const options = { ...defaultManagedLinkOptions, firstAnswerMs: 20_000, managers, balancer: name, program: "test", stream };
    this.link = new ManagedLink(options, disk, systemClock, seededRandom(1), quiet);
  }

  start(): void {
    void this.link.start(this);
  }

  async apply({ revision, languages }: Snapshot): Promise<ApplyOutcome> {
    this.say(`applies ${revision}: ${renderLanguages(languages)}`);
    const { refusal: reason, holding } = this;
    const outcome: ApplyOutcome = reason !== "" ? { kind: "refused", reason } : holding === undefined ? { kind: "applied" } : await new Promise((resolve) => holding.push(resolve));
    if (outcome.kind === "applied") this.revision = Math.max(revision, this.revision);
    return outcome;
  }

  standing(): BalancerStanding {
    return { shardRevisions: [this.revision], notReadyBecause: "", waiting: [] };
  }

  refuse(reason: string): void {
    this.refusal = reason;
  }

  hold(): void {
    this.holding = [];
  }

  /** The last one becomes active; those before it were superseded. */
  letGo(): void {
    const held = this.holding ?? [];
    this.holding = undefined;
    held.forEach((settle, index) => settle({ kind: index === held.length - 1 ? "applied" : "superseded" }));
  }
}

/** "python 1=90(a b) 2=10; css 1=1" */
export function renderLanguages(languages: readonly LanguageSnapshot[]): string {
  const version = ({ version: name, weight, workers }: LanguageSnapshot["versions"][number]): string =>
    `${name}=${weight}${workers.length === 0 ? "" : `(${workers.map(({ id }) => id).join(" ")})`}`;
  return languages.map(({ language, versions }) => `${language} ${versions.map(version).join(" ")}`.trim()).join("; ") || "nothing";
}

export function parseLanguages(text: string): LanguageSnapshot[] {
  if (text === "" || text === "nothing") return [];
  return text.split("; ").map((one) => {
    const [language = "", ...versions] = one.split(/ (?![^(]*\))/);
    return { language, extensions: [], spill: true, versions: versions.map(parseVersion) };
  });
}

function parseVersion(text: string): LanguageSnapshot["versions"][number] {
  const [, version = "", weight = "", workers = ""] = /^([^=]+)=(\d+)(?:\((.*)\))?$/.exec(text) ?? [];
  return { version, weight: Number(weight), workers: workers === "" ? [] : workers.split(" ").map((id) => ({ id, host: "127.0.0.1", port: 7_070 })) };
}

function renderMessage({ revision, snapshot, changes }: ManagerMessage): string {
  if (snapshot !== undefined && snapshot !== null) return `the whole of ${revision}: ${renderLanguages(snapshot.languages)}`;
  if (changes === undefined || changes === null) return "nothing it knows";
  return `${changes.baseRevision} -> ${revision}: ${changes.changes.map(renderChange).join(", ") || "no change"}`;
}

function renderChange({ setLanguage, removeLanguage, setVersion, removeVersion, setWorker, removeWorker }: ChangeMessage): string {
  if (setLanguage !== undefined) return `+${setLanguage.language}`;
  if (removeLanguage !== undefined) return `-${removeLanguage}`;
  if (setVersion !== undefined) return `${setVersion.language} ${setVersion.version}=${setVersion.weight}`;
  if (removeVersion !== undefined) return `${removeVersion.language} -${removeVersion.version}`;
  if (setWorker !== undefined) return `${setWorker.language} ${setWorker.version} +${setWorker.worker?.id ?? "?"}`;
  return `${removeWorker?.language ?? ""} ${removeWorker?.version ?? ""} -${removeWorker?.workerId ?? ""}`;
}
