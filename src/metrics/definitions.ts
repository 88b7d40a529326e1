/**
 * Every metric there is: name, type, labels, meaning. docs/metrics.md is made from it, and nothing can be exposed that is not in
 * it. Must not know where the numbers come from.
 *
 * Names begin with `lintel_`; units are seconds and bytes; a counter ends in `_total`. A label has only values that the
 * configuration or the program bounds: nothing that a user sends becomes one.
 */

export const labelMeanings = {
  language: "a configured language; empty for requests that reached none",
  version: "a version of that language; empty for requests that reached none",
  worker: "the id of a worker in the configuration that is served now",
  code: "the HTTP status: one of those in [http.md](http.md); 499 is a client that left before its answer",
  shard: "the number of a shard, from 0",
  balancer: "a balancer that follows the manager, by its name; one that is gone is shown for at most five minutes",
  state: "what a worker does: starting, listening, pausing, leaving",
  program: "the version of Lintel",
} as const;

export type LabelName = keyof typeof labelMeanings;

export interface MetricDefinition {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly LabelName[];
  readonly help: string;
}

/** Upper bounds in seconds: dense around 10 ms, which is what a typical analysis takes. */
export const latencyBoundsSeconds: readonly number[] = [
  0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
];

const ofVersion = ["language", "version"] as const;
const ofWorker = ["language", "version", "worker"] as const;
const ofShard = ["shard"] as const;
const ofBalancer = ["balancer"] as const;

/** Of every process. */
export const processMetrics = {
  build: gauge("lintel_build_info", ["program"], "Always 1; its label says which program runs"),
  started: gauge("lintel_process_start_time_seconds", [], "When the process started, in seconds since 1970"),
  cpu: counter("lintel_process_cpu_seconds_total", [], "CPU time that the process has used, all its threads together"),
  resident: gauge("lintel_process_resident_memory_bytes", [], "Memory of the process that is in RAM"),
} as const;

/** On the admin port of `lintel balancer` and `lintel up`. */
export const balancerMetrics = {
  requests: counter("lintel_requests_total", [...ofVersion, "code"], "Requests answered, by language, version and HTTP status; 499 is a client that left first"),
  duration: histogram("lintel_request_duration_seconds", ["language"], "From a request's arrival to its answer"),
  attempts: counter("lintel_attempts_total", ofVersion, "Attempts at workers, by language and version that got them"),
  spreading: gauge("lintel_version_spreading_shards", ofVersion, "How many shards use the ejected workers of a version, because it has no others"),
  weight: gauge("lintel_version_weight", ofVersion, "The version's wanted share of its language's traffic, relative to the other versions"),
  workerInFlight: gauge("lintel_worker_in_flight", ofWorker, "Attempts in flight at a worker, over all shards"),
  workerAttempts: counter("lintel_worker_attempts_total", ofWorker, "Attempts at a worker"),
  workerFailures: counter("lintel_worker_failures_total", ofWorker, "Attempts at a worker that failed"),
  workerEjections: counter("lintel_worker_ejections_total", ofWorker, "How often shards ejected a worker because its attempts kept failing"),
  workerUsable: gauge("lintel_worker_usable_shards", ofWorker, "How many shards may choose this worker now"),
  workerDepth: gauge("lintel_worker_reported_queue_depth", ofWorker, "Other balancers' and shards' requests at the worker, as it last said; the highest of any shard"),
  inFlight: gauge("lintel_shard_exchanges_in_flight", ofShard, "Requests a shard is working on"),
  bodyBytes: gauge("lintel_shard_body_bytes_held", ofShard, "Bytes of sources that a shard holds"),
  replyBytes: gauge("lintel_shard_reply_bytes_held", ofShard, "Bytes of replies that a shard holds for clients that have not read them"),
  connections: gauge("lintel_shard_connections", ofShard, "Open connections of users"),
  retries: counter("lintel_shard_retries_total", ofShard, "Attempts after the first"),
  budgetRefused: counter("lintel_shard_retry_budget_exhausted_total", ofShard, "Retries not made because the budget was spent"),
  shed: counter("lintel_shard_requests_shed_total", ofShard, "Requests refused because a bound was reached"),
  rateLimited: counter("lintel_shard_rate_limited_total", ofShard, "Requests refused because their client asks too often"),
  spilled: counter("lintel_shard_requests_spilled_total", ofShard, "Requests served by another version because their own had no usable worker"),
  poison: counter("lintel_shard_poison_refused_total", ofShard, "Requests refused because their source ended two workers before"),
  busy: counter("lintel_shard_busy_seconds_total", ofShard, "Time in which a shard's thread had something to do; it begins again when the shard does"),
  listening: gauge("lintel_shard_listening", ofShard, "Whether a shard takes connections"),
  restarts: counter("lintel_shard_restarts_total", ofShard, "How often a shard crashed and was started again"),
  revision: gauge("lintel_shard_applied_revision", ofShard, "The configuration revision a shard serves"),
  accessWritten: counter("lintel_access_log_lines_total", [], "Lines of the access log that were handed to the system"),
  accessDropped: counter("lintel_access_log_dropped_total", [], "Records of the access log that were dropped, because the disk or the main thread was too slow"),
  certificateExpires: gauge("lintel_tls_certificate_expires_timestamp_seconds", [], "When the certificate of the users' port expires, in seconds since 1970; only with TLS"),
  shards: gauge("lintel_shards", [], "Shards of this balancer"),
  ready: gauge("lintel_ready", [], "Whether /readyz says yes"),
} as const;

/** On `lintel manager --metrics`, and on the admin port of `lintel up`. */
export const managerMetrics = {
  revision: gauge("lintel_manager_revision", [], "The newest configuration revision this manager knows; it grows by one with every change"),
  barrier: gauge("lintel_manager_barrier_open", [], "Whether that revision is active on every shard of every balancer"),
  connected: gauge("lintel_manager_balancer_connected", ofBalancer, "Whether the balancer's stream is open"),
  balancerReady: gauge("lintel_manager_balancer_ready", ofBalancer, "Whether the balancer says that it can serve users"),
  stale: gauge("lintel_manager_balancer_stale", ofBalancer, "Whether the balancer has not acknowledged a change in time"),
  acked: gauge("lintel_manager_balancer_acked_revision", ofBalancer, "The revision that is active on all shards of the balancer"),
  workers: gauge("lintel_manager_workers", [...ofVersion, "state"], "Workers that this manager runs or that registered themselves"),
  workerRestarts: gauge("lintel_manager_worker_restarts", ofVersion, "How often those workers that this manager runs were started again"),
  drained: gauge("lintel_manager_drained_workers", [], "Workers that an administrator drained"),
} as const;

export const metricGroups = [
  { title: "Every process", where: "In each of the places below", metrics: processMetrics },
  { title: "Balancers", where: "At `GET /metrics` on the admin port of `lintel balancer` and of `lintel up`, and on the port that `lintel balancer --metrics HOST:PORT` opens", metrics: balancerMetrics },
  { title: "Managers", where: "At `GET /metrics` on the port that `lintel manager --metrics HOST:PORT` opens, and on the admin port of `lintel up`", metrics: managerMetrics },
] as const;

function counter(name: string, labels: readonly LabelName[], help: string): MetricDefinition {
  return { name, type: "counter", labels, help };
}

function gauge(name: string, labels: readonly LabelName[], help: string): MetricDefinition {
  return { name, type: "gauge", labels, help };
}

function histogram(name: string, labels: readonly LabelName[], help: string): MetricDefinition {
  return { name, type: "histogram", labels, help };
}

/** The names of all series: a histogram has three. */
export function seriesNames(): string[] {
  return metricGroups.flatMap(({ metrics }) =>
    Object.values(metrics as Readonly<Record<string, MetricDefinition>>).flatMap(({ name, type }) => (type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name])),
  );
}
