/**
 * The dashboard's manager desk over the admin service: what a browser asks goes to the manager with the credentials of whoever asks,
 * never with the balancer's own. Must not know HTTP, nor what may be done by whom: that is the manager's to say.
 */
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { adminExitCodes } from "../client/admin-exit-codes.js";
import { AdminService, type AdminServiceOptions } from "../client/admin-service.js";
import type { Credentials, DeskAnswer, ManagerDesk } from "../balancer/dashboard/manager-desk.js";
import type { ChangeReply, ChangeRequest, DashboardChange, FleetPicture, SignedIn } from "../balancer/dashboard/picture.js";
import type { ChangeKinds, HistoryReplyMessage, StatusReplyMessage } from "../rpc/admin-messages.js";
import type { ClientSecurity } from "../rpc/client-security.js";
import { isLoopback, parseAddress } from "../snapshot/address.js";

export interface ManagerDeskOptions {
  /** For people: "manager at 127.0.0.1:9900". */
  readonly name: string;
  /** Asked at every call: a port that is given out by the system is known only once it is open. */
  readonly managers: () => readonly string[];
  readonly service: Pick<AdminServiceOptions, "credentials" | "timeoutMs" | "clock">;
  /** Whether a token may travel to these managers: encrypted, or not beyond this machine. */
  readonly isPrivate: boolean;
}

/** What a page shows of the history. */
const historyEntriesMax = 20;
/** A page asks again soon; whoever waits for a dead manager sees why. */
export const deskTimeoutMs = 5_000;

export class AdminServiceDesk implements ManagerDesk {
  constructor(private readonly options: ManagerDeskOptions) {}

  get name(): string {
    return this.options.name;
  }

  who(credentials: Credentials): Promise<DeskAnswer<SignedIn>> {
    return this.with(credentials, (_service, signedIn) => {
      if (credentials.token !== "" || credentials.user !== "") return Promise.resolve(signedIn);
      throw new UserError("say who you are: it stands in the history with what you change", adminExitCodes.notAllowed);
    });
  }

  fleet(credentials: Credentials): Promise<DeskAnswer<FleetPicture>> {
    return this.with(credentials, async (service) => {
      const [status, history] = await Promise.all([service.status(), service.history(historyEntriesMax)]);
      return fleetOf(status, history);
    });
  }

  change(credentials: Credentials, { change, ...rest }: ChangeRequest): Promise<DeskAnswer<ChangeReply>> {
    return this.with(credentials, async (service) => {
      if (credentials.token === "" && credentials.user === "") throw new UserError("sign in first", adminExitCodes.notAllowed);
      const { revision, changed, differences, warnings } = await service.change({ ...kindsOf(change), ...rest });
      return { revision, changed, differences, warnings };
    });
  }

  close(): void {
    // Every question has a connection of its own, closed with it.
  }

  /** Lets nobody use what the balancer's own certificate would allow. */
  private async with<T>({ token, user }: Credentials, use: (service: AdminService, signedIn: SignedIn) => Promise<T>): Promise<DeskAnswer<T>> {
    if (token !== "" && !this.options.isPrivate) return { kind: "refused", why: "invalid", reason: "the token would travel readable by everybody between this balancer and the manager; use TLS between them" };
    const service = new AdminService({ ...this.options.service, managers: this.options.managers(), token, user });
    try {
      const { who, role, mayOperate, proof } = await service.who();
      if (proof === "certificate") return { kind: "refused", why: "not-allowed", reason: "this manager knows its callers by certificates, and the dashboard has none of yours; sign in with a token, or use `lintel admin`" };
      return { kind: "answer", value: await use(service, { who, role, mayOperate }) };
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      return { kind: "refused", why: reasonByExitCode.get(thrown.exitCode) ?? "unavailable", reason: thrown.message };
    } finally {
      service.close();
    }
  }
}

/** For managers that are elsewhere; of `security` the way there alone, because the balancer's own token is for following. */
export function managerDesk(managers: readonly string[], { credentials, encrypted }: ClientSecurity): AdminServiceDesk {
  return new AdminServiceDesk({
    name: `manager at ${managers.join(", ")}`,
    managers: () => managers,
    service: { credentials, timeoutMs: deskTimeoutMs, clock: systemClock },
    isPrivate: encrypted || managers.every((one) => isLoopback(parseAddress(one, { portZero: false })?.host ?? "")),
  });
}

const reasonByExitCode = new Map<number, "not-allowed" | "invalid" | "conflict">([
  [adminExitCodes.usage, "invalid"],
  [adminExitCodes.conflict, "conflict"],
  [adminExitCodes.notAllowed, "not-allowed"],
]);

function kindsOf(change: DashboardChange): ChangeKinds {
  switch (change.kind) {
    case "weights":
      return { weights: { language: change.language, weights: change.weights } };
    case "drain":
      return { drain: { workerId: change.workerId, drained: change.drained } };
    case "undo":
      return { undo: { revision: change.revision } };
  }
}

function fleetOf({ revision, manager, store, platform, balancers, workers, languages }: StatusReplyMessage, { entries }: HistoryReplyMessage): FleetPicture {
  return {
    revision,
    manager,
    store,
    platform,
    balancers: balancers.map(({ balancer, connected, stale, ready, acked, shards, reason, program }) => ({ balancer, connected, stale, ready, acked, shards, reason, program })),
    workers: workers
      .filter(({ state }) => state !== "listening" && state !== "elsewhere")
      .map(({ id, language, version, address, state, reason, sinceUnixMs, restarts }) => ({ id, language, version, address, state, reason, sinceUnixMs, restarts })),
    languages: languages.map(({ language, versions }) => ({ language, versions: versions.map(({ version, weight, source, waiting }) => ({ version, weight, source, waiting })) })),
    history: entries.map(({ revision: at, atUnixMs, who, what, reason, differences }) => ({ revision: at, atUnixMs, who, what, reason, differences })),
  };
}
