/**
 * The manager's port: services behind the gate, on loopback unless it is safe elsewhere. Must not know what the services do.
 */
import { logVerbosity, Server, type ServiceDefinition, setLogVerbosity, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Clock, Timer } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import type { Permission } from "../rpc/roles.js";
import type { ServerSecurity } from "../rpc/server-security.js";
import { type Address, formatAddress, isLoopback } from "../snapshot/address.js";

export interface ManagerServerOptions {
  /** A configuration file of 4 MiB (`replace`), and what is around it. */
  readonly messageBytesMax: number;
  /** A client has a few calls open at once; a dashboard a few watches. */
  readonly callsPerConnectionMax: number;
  /** A peer that vanished without a word is noticed after both; a paused one answers nothing either. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** For replies that are on their way when the manager stops; watches and links are cut. */
  readonly closeGraceMs: number;
}

export const defaultManagerServerOptions: ManagerServerOptions = {
  messageBytesMax: 5 * 1024 * 1024,
  callsPerConnectionMax: 200,
  keepaliveMs: 20_000,
  keepaliveTimeoutMs: 20_000,
  closeGraceMs: 500,
};

export class ManagerServer {
  port = 0;
  private readonly server: Server;

  constructor(
    private readonly security: ServerSecurity,
    private readonly clock: Clock,
    private readonly options: ManagerServerOptions = defaultManagerServerOptions,
  ) {
    // It would write its own lines between those of the log; what matters comes back as an error.
    if (process.env["GRPC_VERBOSITY"] === undefined) setLogVerbosity(logVerbosity.NONE);
    this.server = new Server({
      "grpc.max_receive_message_length": options.messageBytesMax,
      // A snapshot or a status of tens of thousands of workers.
      "grpc.max_send_message_length": -1,
      "grpc.max_concurrent_streams": options.callsPerConnectionMax,
      "grpc.keepalive_time_ms": options.keepaliveMs,
      "grpc.keepalive_timeout_ms": options.keepaliveTimeoutMs,
    });
  }

  /** Every method of the service needs its permission. */
  add(definition: ServiceDefinition, implementation: UntypedServiceImplementation, permissions: Readonly<Record<string, Permission>>): void {
    this.server.addService(definition, this.security.gate.guarded(implementation, permissions));
  }

  /** Port 0 lets the system choose. `flag` is where the address came from. Throws a UserError when it may not or cannot listen there. */
  async listen(address: Address, flag = "--listen"): Promise<void> {
    const place = formatAddress(address);
    const unsafe = whyUnsafe(this.security);
    if (unsafe !== "" && !isLoopback(address.host)) {
      throw new UserError(`the manager may only listen on loopback (127.0.0.1, ::1 or localhost), not on ${place}: ${unsafe}`);
    }
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(place, this.security.credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(new UserError(`the manager cannot listen on ${place}: ${/EADDRINUSE/.test(messageOf(error)) ? `the port is in use; choose another one with ${flag}` : messageOf(error)}`));
      });
    });
  }

  /** Resolves when nothing is open any more. */
  async close(): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      timer = this.clock.after(this.options.closeGraceMs, resolve);
      this.server.tryShutdown(() => resolve());
    });
    this.clock.clear(timer);
    this.server.forceShutdown();
    this.security.close();
  }
}

/** Beyond this machine, what is said must be hidden from others, and who says it must be known. */
function whyUnsafe({ encrypted, authenticated }: ServerSecurity): string {
  if (encrypted && authenticated) return "";
  const missing: string[] = [];
  if (!encrypted) missing.push("TLS (--mutual-tls, or --tls-cert and --tls-key)");
  if (!authenticated) missing.push("proof of who calls (--mutual-tls, --tokens-file or --client-ca)");
  return `it has no ${missing.join(" and no ")}`;
}
