/**
 * The limits of the request path: every one a named setting with a default and the reason for it. Must not
 * know who keeps them.
 */
import * as z from "zod";
import { count, duration, size } from "./setting-types.js";

const hourMs = 3_600_000;
const mebibyte = 1024 * 1024;

export const limitsSchema = z.strictObject(
  {
    // Editors and CI jobs wait about this long before a person looks up; analyses take milliseconds.
    deadlineMs: duration({ min: 10, max: hourMs }).prefault("10s").describe("Longest time from a request's arrival to its reply, over all attempts."),
    // A fifth of the deadline: a worker that hangs costs a request two seconds and leaves time for two more attempts.
    attemptTimeoutMs: duration({ min: 1, max: hourMs }).prefault("2s").describe("Longest time one attempt at one worker may take before another is tried."),
    // The first and two distinct further workers: three independent failures are rare, more tries only spread a poisonous input.
    attemptsMax: count({ min: 1, max: 10 }).default(3).describe("Attempts a request may have, each at another worker."),
    // The built-in rule that cuts uploads slower than 16 KB/s lets 1 MiB take 64 s at worst.
    requestTimeoutMs: duration({ min: 100, max: hourMs }).prefault("1m").describe("Longest time a request may take to arrive, and a reply to be read; a slower request is answered 408, a slower reader is cut."),
    // At 1 KB each this is 4 MB. A shard that holds more gets more than its workers can do, and further waiting helps nobody.
    inFlightPerShardMax: count({ min: 1, max: 1_000_000 }).default(4_096).describe("Requests a shard holds at once; further ones are answered 503."),
    // A worker analyses with a few threads at about 10 ms a file: behind 128 a request waits a second, and waits better elsewhere.
    inFlightPerWorkerMax: count({ min: 1, max: 100_000 }).default(128).describe("Requests a shard has at one worker at once."),
    // Bodies are kept whole for a retry. 64 of the largest, or every request a shard may hold at 16 KiB; outside V8's heap.
    bodyBytesHeldPerShardMax: size({ min: 1024, max: 1024 * 1024 * mebibyte }).prefault("64MiB").describe("Bytes of request bodies a shard holds at once; further uploads are answered 503."),
    // Eight of the largest reports a built-in linter makes, or a thousand usual ones, for clients that read slowly; outside V8's heap.
    replyBytesHeldPerShardMax: size({ min: 1024, max: 1024 * 1024 * mebibyte }).prefault("64MiB").describe("Bytes of replies a shard holds for clients that have not read them; over it the oldest of these clients is cut."),
    // A file of 1 MiB with a finding on every line makes about 10 MB of report.
    reportBytesMax: size({ min: 1024, max: 1024 * mebibyte }).prefault("16MiB").describe("Largest report taken from a worker; a larger one is answered 502."),
    // A worker on the same network accepts in milliseconds; room for one lost SYN, which is sent again after 1 s.
    connectTimeoutMs: duration({ min: 10, max: 60_000 }).prefault("1500ms").describe("Longest time a connection to a worker may take to open."),
    // A worker that starts now listens within seconds; what takes longer is broken, and a change must not hang on it.
    handoverTimeoutMs: duration({ min: 0, max: hourMs }).prefault("10s").describe("Longest time a version that is to get its first traffic is waited for; then it gets it whether it has a usable worker or not."),
    // Each costs a shard some memory, and a question to a worker that has been silent. Nearly every fleet has fewer workers, and then every shard knows them all.
    connectionsPerShardMax: count({ min: 16, max: 100_000 }).default(4_096).describe("Connections to workers a shard keeps; with more workers than that, each shard takes an even part of every version's."),
    // Idle connections cannot be listed: a client that sends every 10 s, as many do, must get the answer that says so.
    drainQuietMs: duration({ min: 0, max: hourMs }).prefault("11s").describe("How long a stopping balancer keeps silent connections open, so that their clients hear that it leaves."),
    // Longer than the quiet time, shorter than the 30 s that Kubernetes gives before it kills.
    drainTimeoutMs: duration({ min: 0, max: hourMs }).prefault("25s").describe("Longest time a stopping balancer lets requests and connections finish."),
  },
  { error: "a mapping" },
);

export type Limits = Readonly<z.output<typeof limitsSchema>>;
