/**
 * Credentials from a program that the kubeconfig names (client.authentication.k8s.io): run when they are needed, kept until
 * they expire. Must not know requests.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Clock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";

export interface ExecSettings {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly installHint: string;
}

export interface ExecCredential {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** A log-in helper may ask an identity provider over the network. */
const execTimeoutMs = 60_000;
const outputBytesMax = 1024 * 1024;
/** New ones before the old ones end on the way. */
const expiryMarginMs = 10_000;

const run = promisify(execFile);

export class ExecCredentials {
  private kept: { readonly credential: ExecCredential; readonly untilUnixMs: number } | undefined;
  private running: Promise<ExecCredential> | undefined;

  constructor(
    private readonly settings: ExecSettings,
    private readonly clock: Clock,
  ) {}

  /** Throws a UserError when the program fails. */
  get(): Promise<ExecCredential> {
    const { kept, clock } = this;
    if (kept !== undefined && clock.wallMs() < kept.untilUnixMs - expiryMarginMs) return Promise.resolve(kept.credential);
    this.running ??= this.ask().finally(() => (this.running = undefined));
    return this.running;
  }

  /** The API server did not take them. */
  forget(): void {
    this.kept = undefined;
  }

  private async ask(): Promise<ExecCredential> {
    const { apiVersion, command, args, environment, installHint } = this.settings;
    const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec: { interactive: false } });
    try {
      const { stdout } = await run(command, [...args], { env: { ...process.env, ...environment, KUBERNETES_EXEC_INFO: info }, timeout: execTimeoutMs, maxBuffer: outputBytesMax });
      const { status } = JSON.parse(stdout) as { readonly status?: { readonly token?: string; readonly clientCertificateData?: string; readonly clientKeyData?: string; readonly expirationTimestamp?: string } };
      const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = status ?? {};
      if (token === undefined && certificate === undefined) throw new Error("its answer has neither a token nor a certificate");
      const credential = { ...(token !== undefined && { token }), ...(certificate !== undefined && { certificate }), ...(key !== undefined && { key }) };
      this.kept = { credential, untilUnixMs: expirationTimestamp === undefined ? Infinity : Date.parse(expirationTimestamp) };
      return credential;
    } catch (thrown) {
      throw new UserError(`the program ${command}, which the kubeconfig names to log in, failed: ${messageOf(thrown)}${installHint === "" ? "" : `; ${installHint}`}`, 1);
    }
  }
}
