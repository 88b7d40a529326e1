/**
 * The manager as the dashboard asks it: interface alone, because the balancer knows no manager. src/commands/manager-desk.ts answers
 * it over the admin service. Must not know HTTP.
 */
import type { ChangeReply, ChangeRequest, FleetPicture, SignedIn } from "./picture.js";

/** Who asks, as the browser says it; the manager judges it. */
export interface Credentials {
  /** "" for none. */
  readonly token: string;
  /** A name, where nobody asks for proof; "" for none. */
  readonly user: string;
}

export const nobody: Credentials = { token: "", user: "" };

/** What became of a question. */
export type DeskAnswer<T> =
  | { readonly kind: "answer"; readonly value: T }
  /** A sentence for whoever asked. "not-allowed": other credentials would help; "conflict": somebody else was faster. */
  | { readonly kind: "refused"; readonly why: "not-allowed" | "invalid" | "conflict" | "unavailable"; readonly reason: string };

export interface ManagerDesk {
  /** For people: "manager at 127.0.0.1:9900". */
  readonly name: string;
  who(credentials: Credentials): Promise<DeskAnswer<SignedIn>>;
  fleet(credentials: Credentials): Promise<DeskAnswer<FleetPicture>>;
  change(credentials: Credentials, request: ChangeRequest): Promise<DeskAnswer<ChangeReply>>;
  close(): void;
}
