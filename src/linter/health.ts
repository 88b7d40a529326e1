/**
 * grpc.health.v1 for a worker: serving until it is told to stop, and from then on not. Every shard of every balancer keeps
 * a Watch open: they hear of the stop at once, and when the last Watch has ended nobody sends anything any more. By hand: two methods
 * do not pay for a package that loads a protocol compiler. Must not know analyses.
 */
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { decodeHealthRequest, encodeHealthResponse, servingStatuses, type HealthRequest, type ServingStatus } from "./messages.js";
import { method, streamMethod } from "./grpc-method.js";

/** The services one may ask for: the worker as a whole, and its one service by name. */
const knownServices: readonly string[] = ["", "lintel.v1.Linter"];

export const healthDefinition = {
  Check: method("/grpc.health.v1.Health/Check", decodeHealthRequest, encodeHealthResponse),
  Watch: streamMethod("/grpc.health.v1.Health/Watch", decodeHealthRequest, encodeHealthResponse),
};

type WatchStream = ServerWritableStream<HealthRequest, ServingStatus>;

export class Health {
  private readonly watchers = new Set<WatchStream>();
  private current: ServingStatus = servingStatuses.serving;

  /** `onLastWatcherGone` is called whenever no Watch is open any more. */
  constructor(private readonly onLastWatcherGone: () => void) {}

  get watcherCount(): number {
    return this.watchers.size;
  }

  readonly implementation: UntypedServiceImplementation = {
    Check: (call: ServerUnaryCall<HealthRequest, ServingStatus>, callback: sendUnaryData<ServingStatus>) => {
      if (knownServices.includes(call.request.service)) callback(null, this.current);
      else callback({ code: status.NOT_FOUND, details: `There is no service "${call.request.service.slice(0, 100)}" here.` });
    },
    Watch: (stream: WatchStream) => this.watch(stream),
  };

  /** Tells every watcher that no new work is wanted. */
  stopServing(): void {
    this.current = servingStatuses.notServing;
    for (const stream of this.watchers) stream.write(this.current);
  }

  private watch(stream: WatchStream): void {
    // A service nobody knows may come to be known later, says the protocol: the stream stays open. It waits for nothing here.
    if (!knownServices.includes(stream.request.service)) {
      stream.write(servingStatuses.serviceUnknown);
      return;
    }
    this.watchers.add(stream);
    stream.on("cancelled", () => this.forget(stream));
    stream.on("close", () => this.forget(stream));
    stream.on("error", () => this.forget(stream));
    stream.write(this.current);
  }

  private forget(stream: WatchStream): void {
    if (this.watchers.delete(stream) && this.watchers.size === 0) this.onLastWatcherGone();
  }
}
