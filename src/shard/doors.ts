/**
 * How connections reach a shard: one listening socket, and behind it the app that serves them. With TLS there is an app per
 * certificate: the socket belongs to one that serves nobody and hands every connection to the app with the newest certificate, so a
 * certificate is replaced without touching the socket or a connection. Must not know requests.
 */
import { closeSync } from "node:fs";
import { tmpdir } from "node:os";
import * as uWS from "uWebSockets.js";
import { assert } from "../base/assert.js";
import { messageOf } from "../base/errors.js";
import { inFirstFolder, pathOfUnnamed, unnamedFileIn } from "../base/unnamed-file.js";
import type { Certificate } from "./messages.js";

/** What the build of uWebSockets.js has, and its types leave out. */
interface ParentApp extends uWS.TemplatedApp {
  getDescriptor(): number;
  addChildAppDescriptor(descriptor: number): void;
  removeChildAppDescriptor(descriptor: number): void;
}

interface ServingApp {
  readonly app: ParentApp;
  connections: number;
}

export interface DoorsOptions {
  /** With it nothing listens before the first certificate is there. */
  readonly tls: boolean;
  /** Puts the routes on an app. */
  readonly equip: (app: uWS.TemplatedApp) => void;
  readonly onConnectionCount: (count: number) => void;
}

export class Doors {
  /** Has the listening socket. Without TLS it serves, too. */
  private front: ParentApp | undefined;
  private serving: ServingApp | undefined;
  /** Those with an older certificate: they live for as long as they have connections. */
  private readonly retired = new Set<ServingApp>();
  private socket: uWS.us_listen_socket | undefined;
  private connections = 0;

  constructor(private readonly options: DoorsOptions) {
    if (options.tls) return;
    this.front = uWS.App() as ParentApp;
    this.equip(this.front);
  }

  /** Resolves with the port, or undefined when the system refuses; uWebSockets.js does not say why. */
  listen(host: string, port: number): Promise<number | undefined> {
    const { front } = this;
    assert(front !== undefined, "a certificate comes before the first connection");
    return new Promise((resolve) => {
      front.listen(host, port, (socket) => {
        this.socket = socket === false ? undefined : socket;
        resolve(socket === false ? undefined : uWS.us_socket_local_port(socket));
      });
    });
  }

  /**
   * New connections get this certificate; those there keep theirs until they end. "" when it could be used, else why it could not: then
   * nothing has changed.
   */
  renew(certificate: Certificate): string {
    assert(this.options.tls, "only a port with TLS has a certificate");
    let app: ParentApp;
    try {
      app = secureApp(certificate);
      this.front ??= secureApp(certificate);
    } catch (thrown) {
      return messageOf(thrown);
    }
    const before = this.serving;
    this.serving = this.equip(app);
    // The new one first: at no time is there nobody to hand a connection to.
    this.front.addChildAppDescriptor(app.getDescriptor());
    if (before !== undefined) {
      this.front.removeChildAppDescriptor(before.app.getDescriptor());
      this.retired.add(before);
    }
    return "";
  }

  /** Now and then, never from a connection's own callback: lets go of what has no connection any more. */
  tidy(): void {
    for (const one of this.retired) {
      if (one.connections > 0) continue;
      this.retired.delete(one);
      one.app.close();
    }
  }

  /** Takes no new connections; those there stay. */
  stopListening(): void {
    if (this.socket !== undefined) uWS.us_listen_socket_close(this.socket);
    this.socket = undefined;
  }

  /** Cuts every connection. Must come before the thread ends: a live native handle would end the process. */
  close(): void {
    this.socket = undefined;
    for (const { app } of this.retired) app.close();
    this.retired.clear();
    this.serving?.app.close();
    this.front?.close();
  }

  private equip(app: ParentApp): ServingApp {
    const serving: ServingApp = { app, connections: 0 };
    app.filter((_res, change) => {
      const step = change > 0 ? 1 : -1;
      serving.connections += step;
      this.connections += step;
      this.options.onConnectionCount(this.connections);
    });
    this.options.equip(app);
    return serving;
  }
}

/** For TLS 1.2 (those of 1.3 are fixed): with forward secrecy, and authenticated as they encrypt. BoringSSL itself would also take RSA key exchange and CBC. */
const ciphers = ["ECDHE-ECDSA", "ECDHE-RSA"].flatMap((kind) => ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((cipher) => `${kind}-${cipher}`)).join(":");

/**
 * What was checked is what is served, on every shard: uWebSockets.js reads files alone, and those of the operator may change between two
 * reads. Throws with what was wrong.
 */
function secureApp({ cert, key }: Certificate): ParentApp {
  const files: number[] = [];
  try {
    const [certFile, keyFile] = [cert, key].map((text) => {
      const file = unnamedFileWith(text);
      files.push(file);
      return pathOfUnnamed(file);
    });
    assert(certFile !== undefined && keyFile !== undefined, "there are two files");
    return uWS.SSLApp({ cert_file_name: certFile, key_file_name: keyFile, ssl_ciphers: ciphers }) as ParentApp;
  } catch (thrown) {
    // Its own words for whatever may be wrong with either.
    if (messageOf(thrown) === "App construction failed") throw new Error("the TLS library (BoringSSL) does not take this certificate and key; expected an RSA key of 2048 bits or more, or an EC key (P-256, P-384)", { cause: thrown });
    throw thrown;
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** In memory where that is possible: the key must not come onto a disk. Throws when no folder lets it. */
function unnamedFileWith(text: string): number {
  try {
    return inFirstFolder(["/dev/shm", process.env["RUNTIME_DIRECTORY"], tmpdir()], (folder) => unnamedFileIn(folder, Buffer.from(text), 0o600));
  } catch (thrown) {
    throw new Error(`no folder lets the key be handed to the TLS library (${messageOf(thrown)}); TLS needs Linux, and one of these must be writable`, { cause: thrown });
  }
}
