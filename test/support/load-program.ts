/**
 * An open load as a program, for places a test can only start programs in: URL, requests per second; it ends when its input ends, and prints
 * one line of JSON. Half of the requests come on new connections.
 */
import { once } from "node:events";
import { OpenLoad } from "./open-load.js";

const [, , url = "", perSecond = "100"] = process.argv;
const files = [{ path: "/v1/lint/json", source: Buffer.from('{"a" 1}\n') }];
const loads = [true, false].map((keepAlive) => new OpenLoad({ url, files, perSecond: Number(perSecond) / 2, keepAlive }));
process.stdout.write("started\n");
process.stdin.resume();
await once(process.stdin, "end");
const results = (await Promise.all(loads.map((load) => load.stop()))).flat();
const failed = results.filter(({ status }) => status !== 200);
process.stdout.write(`${JSON.stringify({ requests: results.length, failed: failed.length, firstFailures: failed.slice(0, 3) })}\n`);
