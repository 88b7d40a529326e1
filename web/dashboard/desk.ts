/**
 * What is asked of the manager by way of the admin port: who one is, the fleet, changes. The credentials live in this object alone:
 * not in a cookie, not in the browser's storage. Must not know how anything is shown.
 */
import type { ChangeReply, ChangeRequest, FleetPicture, SignedIn } from "../../src/balancer/dashboard/picture.js";

export interface Credentials {
  /** "" for none. */
  readonly token: string;
  readonly user: string;
}

export type Answer<T> = { readonly kind: "answer"; readonly value: T } | { readonly kind: "refused"; readonly status: number; readonly reason: string };

export class Desk {
  private credentials: Credentials | undefined;
  /** Undefined while nobody is signed in. */
  signedIn: SignedIn | undefined;

  async signIn(credentials: Credentials): Promise<Answer<SignedIn>> {
    const answer = await ask<SignedIn>("dashboard/sign-in", credentials, {});
    if (answer.kind === "answer") {
      this.credentials = credentials;
      this.signedIn = answer.value;
    }
    return answer;
  }

  signOut(): void {
    this.credentials = undefined;
    this.signedIn = undefined;
  }

  fleet(): Promise<Answer<FleetPicture>> {
    return ask<FleetPicture>("dashboard/manager", this.credentials);
  }

  change(request: ChangeRequest): Promise<Answer<ChangeReply>> {
    return ask<ChangeReply>("dashboard/changes", this.credentials, request);
  }
}

/** With a body it is a POST. */
async function ask<T>(path: string, credentials: Credentials | undefined, body?: object): Promise<Answer<T>> {
  const headers: Record<string, string> = {};
  if (credentials !== undefined && credentials.token !== "") headers["Authorization"] = `Bearer ${credentials.token}`;
  if (credentials !== undefined && credentials.user !== "") headers["Lintel-User"] = credentials.user;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const reply = await fetch(path, { headers, ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }) });
    const value: unknown = await reply.json();
    if (reply.ok) return { kind: "answer", value: value as T };
    const { reason = reply.statusText } = value as { reason?: string };
    return { kind: "refused", status: reply.status, reason };
  } catch {
    return { kind: "refused", status: 0, reason: "the balancer does not answer" };
  }
}
