/**
 * How large a request's head (request line and headers) may be. uWebSockets.js knows only a process-wide
 * setting, read from the environment when it is loaded: so the main thread sets it before the first shard.
 */

/**
 * Its own default of 4 KiB would refuse a file name and options that are within their limits; nginx takes
 * 32 KiB (4 x 8k) by default. An unfinished head is kept per connection: 10,000 slow clients cost 320 MB.
 */
export const headBytesMax = 32_768;

/** To be called on the main thread: a worker thread's environment is a copy that native code does not see. */
export function limitHeads(): void {
  process.env["UWS_HTTP_MAX_HEADERS_SIZE"] = String(headBytesMax);
}
