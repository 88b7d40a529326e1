/**
 * The numbers of HTTP/2 (RFC 9113) and the one error that everything in this folder throws. Must not know
 * sockets, gRPC or linters.
 */

/** RFC 9113 section 6. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** RFC 9113 section 6.5.2. */
export const settingIds = {
  headerTableBytes: 1,
  enablePush: 2,
  concurrentStreamsMax: 3,
  initialWindowBytes: 4,
  frameBytesMax: 5,
  headerListBytesMax: 6,
} as const;

/** RFC 9113 section 7. */
export const errorCodes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

const errorNames = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** The name that people know an error code by. */
export function errorName(code: number): string {
  return errorNames[code] ?? `error code ${code}`;
}

/** What a connection starts with before any SETTINGS (RFC 9113 section 6.5.2, RFC 7541 section 4.2). */
export const protocolDefaults = {
  headerTableBytes: 4_096,
  windowBytes: 65_535,
  frameBytes: 16_384,
} as const;

/** Flow-control windows and stream identifiers have 31 bits. */
export const int31Max = 0x7fff_ffff;

/** The largest SETTINGS_MAX_FRAME_SIZE a peer may announce. */
export const frameBytesLimit = 0xff_ffff;

export const frameHeaderBytes = 9;

/** What a client sends before its first frame (RFC 9113 section 3.4). */
export const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The peer broke the protocol: the connection is over, `message` says what was wrong, `code` goes into GOAWAY. */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}
