/**
 * The messages of proto/lintel/v1/linter.proto and grpc.health.v1 as bytes: what a worker receives and sends.
 * A test holds this file against the .proto files. Must not know gRPC.
 */
import { bytesField, presentField, ProtobufReader, tagOf, varintLength, writeVarint } from "./protobuf.js";

export interface LintRequest {
  /** A view into the received message. */
  readonly source: Uint8Array;
  readonly filename: string;
  readonly optionsJson: string;
}

const noBytes = new Uint8Array(0);

export function decodeLintRequest(bytes: Uint8Array): LintRequest {
  const reader = new ProtobufReader(bytes);
  let source: Uint8Array = noBytes;
  let filename = "";
  let optionsJson = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) source = reader.view();
    else if (field === 2) filename = reader.text();
    else if (field === 3) optionsJson = reader.text();
    else reader.skip();
  }
  return { source, filename, optionsJson };
}

/** The bytes of a LintResponse behind its report: room for the queue depth and the cost, two uint32. */
const numbersRoom = 12;

/** A LintResponse whose report is in place and whose numbers are still to be written. */
export interface UnfinishedLintResponse {
  /** Owns its whole ArrayBuffer, so that it can be transferred between threads. */
  readonly bytes: Uint8Array;
  /** How many bytes are used so far; behind them is room for the numbers. */
  readonly length: number;
}

/** Encodes `report` once, straight into the message that will be sent. */
export function beginLintResponse(report: string): UnfinishedLintResponse {
  const reportLength = Buffer.byteLength(report);
  const start = 1 + varintLength(reportLength);
  const bytes = Buffer.from(new ArrayBuffer(start + reportLength + numbersRoom));
  bytes[0] = tagOf(1, "bytes");
  writeVarint(bytes, 1, reportLength);
  bytes.write(report, start, "utf8");
  return { bytes, length: start + reportLength };
}

/** The report in an unfinished response: a view. */
export function reportOf(response: UnfinishedLintResponse): Uint8Array {
  const reader = new ProtobufReader(response.bytes.subarray(0, response.length));
  return reader.next() === 1 ? reader.view() : noBytes;
}

/** Writes the numbers into their room; the message, without a copy. */
export function finishLintResponse({ bytes, length }: UnfinishedLintResponse, queueDepth: number, costMicros: number): Buffer {
  const end = writeNumber(bytes, writeNumber(bytes, length, 2, queueDepth), 3, costMicros);
  return Buffer.from(bytes.buffer, bytes.byteOffset, end);
}

/** A uint32 field; nothing for its default. */
function writeNumber(bytes: Uint8Array, at: number, field: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tagOf(field, "varint");
  return writeVarint(bytes, at + 1, value);
}

/** A known answer: what `Lint` gives for `source`. */
export interface SelfTest {
  readonly source: Uint8Array;
  readonly filename: string;
  readonly reportSha256: Uint8Array;
}

export interface Description {
  readonly language: string;
  readonly version: string;
  readonly linterName: string;
  readonly linterVersion: string;
  readonly formats: readonly string[];
  readonly selfTest?: SelfTest;
  readonly documentationUrl: string;
}

export function encodeDescription(description: Description): Buffer {
  const { selfTest } = description;
  return Buffer.concat([
    bytesField(1, description.language),
    bytesField(2, description.version),
    bytesField(3, description.linterName),
    bytesField(4, description.linterVersion),
    ...description.formats.map((format) => bytesField(5, format)),
    ...(selfTest === undefined
      ? []
      : [presentField(6, Buffer.concat([bytesField(1, selfTest.source), bytesField(2, selfTest.filename), bytesField(3, selfTest.reportSha256)]))]),
    bytesField(7, description.documentationUrl),
  ]);
}

/** The numbers of grpc.health.v1.HealthCheckResponse.ServingStatus. */
export const servingStatuses = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;
export type ServingStatus = (typeof servingStatuses)[keyof typeof servingStatuses];

export interface HealthRequest {
  /** "" is the worker as a whole. */
  readonly service: string;
}

export function decodeHealthRequest(bytes: Uint8Array): HealthRequest {
  const reader = new ProtobufReader(bytes);
  let service = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) service = reader.text();
    else reader.skip();
  }
  return { service };
}

export function encodeHealthResponse(status: ServingStatus): Buffer {
  return Buffer.from([tagOf(1, "varint"), status]);
}
