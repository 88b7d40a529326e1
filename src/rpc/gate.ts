/**
 * Lets callers in: finds out who calls, by token or by certificate, and holds what they ask for against their role. Must not
 * know what a method does; a service says which permission each of its methods asks for.
 */
import { type Metadata, type sendUnaryData, type ServerUnaryCall, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import type { AccessList, Caller } from "./access-list.js";
import { leastRoleFor, mayDo, type Permission, type Role, roles } from "./roles.js";

/** Without either everybody who can reach the port is let in, as an administrator: for loopback alone. */
export interface GateOptions {
  readonly accessList?: AccessList;
  /** Clients must show a certificate that the server has verified. */
  readonly certificates: boolean;
  /** Of a certificate for which neither the list nor its unit names a role; not given: it is refused. */
  readonly roleOfPeers?: Role;
}

/** Somebody who was let in, and by what. */
export interface KnownCaller extends Caller {
  readonly proof: "token" | "certificate" | "none";
}

export interface CallRefusal {
  readonly kind: "refused";
  readonly code: status.UNAUTHENTICATED | status.PERMISSION_DENIED;
  /** A sentence. */
  readonly details: string;
}

/** A caller as grpc-js hands it over; what they say of themselves is in its metadata. */
export type Call = Pick<ServerUnaryCall<unknown, unknown>, "getAuthContext" | "getPeer" | "metadata">;

/** Somebody who tries a thousand tokens fills no log. */
const refusalLogPauseMs = 1_000;

const whatItIs: Readonly<Record<Permission, string>> = {
  view: "look at the manager",
  operate: "move traffic",
  administer: "change what is run",
  follow: "follow as a balancer",
  join: "join as a worker",
};

export class Gate {
  private lastLoggedMs = -Infinity;
  private readonly callers = new WeakMap<Call, KnownCaller>();

  constructor(
    private readonly options: GateOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Who makes this call. Only for calls that were let in by `guarded`. */
  callerOf(call: Call): KnownCaller {
    const caller = this.callers.get(call);
    assert(caller !== undefined, "a call is served after it was let in");
    return caller;
  }

  /** Undefined when the caller may. */
  refusalFor({ who, role }: Caller, permission: Permission): CallRefusal | undefined {
    if (mayDo(role, permission)) return undefined;
    return { kind: "refused", code: status.PERMISSION_DENIED, details: `${who} has the role ${role}, which may not ${whatItIs[permission]}; it takes the role ${leastRoleFor(permission)}` };
  }

  /** The service, each method behind the permission it asks for. */
  guarded(implementation: UntypedServiceImplementation, permissions: Readonly<Record<string, Permission>>): UntypedServiceImplementation {
    const methods = Object.entries(implementation).map(([name, handle]) => {
      const permission = permissions[name];
      assert(permission !== undefined, `the method ${name} says which permission it asks for`);
      const serve = handle as (call: Call, callback?: sendUnaryData<unknown>) => void;
      const guardedHandle = (call: ServerUnaryCall<unknown, unknown>, callback?: sendUnaryData<unknown>): void => {
        const refusal = this.admit(call, permission);
        if (refusal === undefined) serve(call, callback);
        else if (callback !== undefined) callback(refusal);
        else call.emit("error", refusal);
      };
      return [name, guardedHandle] as const;
    });
    return Object.fromEntries(methods);
  }

  private admit(call: Call, permission: Permission): CallRefusal | undefined {
    const caller = this.identify(call);
    const refusal = "role" in caller ? this.refusalFor(caller, permission) : caller;
    if (refusal === undefined && "role" in caller) this.callers.set(call, caller);
    if (refusal !== undefined) this.logRefusal(call, refusal);
    return refusal;
  }

  private identify(call: Call): KnownCaller | CallRefusal {
    const { accessList, certificates } = this.options;
    const authorization = textOf(call.metadata, "authorization");
    if (accessList !== undefined && authorization !== "") {
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
      const caller = accessList.byToken(token);
      return caller === undefined ? unauthenticated("the token is not known here; use one from the manager's tokens file") : { who: caller.who, role: caller.role, proof: "token" };
    }
    if (certificates) return this.identifyByCertificate(call);
    if (accessList !== undefined) return unauthenticated("the manager asks for a token; give one with --token-file or in LINTEL_TOKEN");
    return { who: nameGiven(call.metadata), role: "admin", proof: "none" };
  }

  /** The list decides; who is not on it may have a role in the certificate. */
  private identifyByCertificate(call: Call): KnownCaller | CallRefusal {
    const subject = call.getAuthContext().sslPeerCertificate?.subject;
    const who = oneOf(subject?.CN);
    if (who === "") return unauthenticated("the client certificate has no common name (CN); it says who one is");
    const listed = this.options.accessList?.byCertificate(who);
    if (listed !== undefined) return { who, role: listed.role, proof: "certificate" };
    const unit = oneOf(subject?.OU);
    const role = roles.find((one): one is Role => one === unit) ?? this.options.roleOfPeers;
    return role === undefined
      ? unauthenticated(`the certificate of ${who} gives no role; put one of ${roles.join(", ")} into its organizational unit (OU), or a line "ROLE ${who} certificate" into the manager's tokens file`)
      : { who, role, proof: "certificate" };
  }

  private logRefusal(call: Call, { details }: CallRefusal): void {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.lastLoggedMs < refusalLogPauseMs) return;
    this.lastLoggedMs = nowMs;
    this.logger.warn("a caller was refused", { peer: call.getPeer(), reason: details });
  }
}

function unauthenticated(details: string): CallRefusal {
  return { kind: "refused", code: status.UNAUTHENTICATED, details };
}

/** On a loopback port that asks nobody for proof, callers say themselves who they are. */
export const userMetadataKey = "lintel-user";

function nameGiven(metadata: Metadata): string {
  const name = textOf(metadata, userMetadataKey).replace(/[^\w.@-]/g, "?").slice(0, 64);
  return name === "" ? "somebody on this machine" : `${name} (not verified)`;
}

function textOf(metadata: Metadata, key: string): string {
  const [value] = metadata.get(key);
  return value === undefined ? "" : value.toString();
}

/** A subject may have a field several times. */
function oneOf(field: string | readonly string[] | undefined): string {
  return typeof field === "string" ? field : (field?.[0] ?? "");
}
