/**
 * One worker process, put together: analysis pool first, so that nothing is served before a thread is warm, then the server.
 * Knows how to leave: it says so on every Watch, goes on serving, and ends when every watcher has let go. Must not know
 * signals, flags or the parent process.
 */
import type { Clock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import type { PeerCertificates } from "../base/peer-certificates.js";
import type { Logger } from "../base/logger.js";
import { AnalysisPool, type PoolLimits } from "./analysis-pool.js";
import type { Introduction } from "./analysis.js";
import type { AnalyzerChoice } from "./analyzers/registry.js";
import { LinterServer } from "./server.js";

export interface WorkerOptions {
  readonly language: string;
  readonly analyzer: AnalyzerChoice;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** What Describe calls this version; undefined for the linter's own. */
  readonly version: string | undefined;
  readonly limits: PoolLimits;
  readonly sourceBytesMax: number;
  readonly reportBytesMax: number;
  readonly silenceMs: number;
  readonly tls: PeerCertificates | undefined;
  readonly drainTimeoutMs: number;
}

export interface Worker {
  readonly port: number;
  readonly version: string;
  /** Starts to leave; resolves when nothing is left to do, at the latest after the drain timeout. */
  drain(): Promise<void>;
  /** Ends the threads and the programs they run, at once. */
  close(): void;
}

/** The canonical report's name in Describe. */
const reportFormat = "lintel.report.v1";
/** How long those who did not let go within the drain timeout have to read the GOAWAY. */
const farewellMs = 500;

export async function startWorker(options: WorkerOptions, clock: Clock, logger: Logger): Promise<Worker> {
  const { language, analyzer, reportBytesMax } = options;
  const pool = new AnalysisPool({ language, analyzer, reportBytesMax }, options.limits, clock, logger);
  const introduction = await introduce(pool, options);
  if (introduction.selfTest === undefined) logger.warn("the linter has no stable answer to an empty file; balancers cannot probe it", { language });
  const version = options.version ?? introduction.linterVersion;
  const description = { language, version, formats: [reportFormat], ...introduction };
  let leave: (() => void) | undefined;
  const server = new LinterServer(description, pool, options, () => leave?.());
  const port = await listen(server, pool, options);
  return {
    port,
    version,
    drain: () => drain(server, pool, options, clock, (onLastWatcherGone) => (leave = onLastWatcherGone)),
    close() {
      server.destroy();
      pool.close();
    },
  };
}

async function introduce(pool: AnalysisPool, { language, limits }: WorkerOptions): Promise<Introduction> {
  try {
    return await pool.start();
  } catch (error) {
    pool.close();
    throw new UserError(
      `The linter for ${language} could not be started: ${messageOf(error)} (--analysis-heap-bytes-max is ${limits.analysisHeapBytesMax}; raise it if memory is what was missing).`,
    );
  }
}

async function listen(server: LinterServer, pool: AnalysisPool, { host, port }: WorkerOptions): Promise<number> {
  try {
    return await server.listen(host, port);
  } catch (error) {
    pool.close();
    server.destroy();
    throw new UserError(explainListen(messageOf(error), host, port));
  }
}

function explainListen(reason: string, host: string, port: number): string {
  if (reason.includes("EADDRINUSE")) return `The address ${host}:${port} (--listen) is in use by another process: stop that one, or choose another port (0 for any free one).`;
  if (reason.includes("EACCES")) return `The address ${host}:${port} (--listen) needs privileges this process does not have: choose a port above 1023.`;
  return `Cannot listen on ${host}:${port} (--listen): ${reason}.`;
}

/** Serving goes on meanwhile: watchers stop sending when they hear of it, and let go when their last call has ended. */
async function drain(
  server: LinterServer,
  pool: AnalysisPool,
  { drainTimeoutMs }: WorkerOptions,
  clock: Clock,
  whenLastWatcherGone: (callback: () => void) => void,
): Promise<void> {
  server.health.stopServing();
  const timeIsUp = new Promise<void>((resolve) => clock.after(drainTimeoutMs, resolve));
  const watchersGone = new Promise<void>((resolve) => {
    whenLastWatcherGone(resolve);
    if (server.health.watcherCount === 0) resolve();
  });
  await Promise.race([watchersGone, timeIsUp]);
  // GOAWAY to whoever is left: clients without a Watch, which finish what they have, or those that did not let go in time.
  const farewellOver = timeIsUp.then(() => new Promise<void>((resolve) => clock.after(farewellMs, resolve)));
  await Promise.race([server.close(), farewellOver]);
  server.destroy();
  pool.close();
}
