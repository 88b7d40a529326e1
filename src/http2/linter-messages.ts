/**
 * The messages of proto/lintel/v1/linter.proto and grpc.health.v1 that a balancer sends and receives, as bytes.
 * Must not know how they travel.
 */
import { ProtobufReader, wireTypes } from "./protobuf-reader.js";

/** What a LintRequest is made of. */
export interface LintRequestFields {
  readonly source: Uint8Array;
  readonly filename: string;
  readonly optionsJson: string;
  readonly traceparent: string;
}

const tag = (field: number): number => (field << 3) | wireTypes.bytes;
const lintRequestTags = { source: tag(1), filename: tag(2), optionsJson: tag(3), traceparent: tag(4) } as const;

/**
 * Writes LintRequests: `measure` one, then write it whole, or only what comes before its source. The source
 * comes last (the order of fields is free), so that a large one need not be copied to wait for its windows.
 */
export class LintRequestWriter {
  /** Of the request measured last: all of it, and what comes before the source's own bytes. */
  messageBytes = 0;
  headBytes = 0;
  private filenameBytes = 0;
  private optionsBytes = 0;
  private traceparentBytes = 0;

  measure(request: LintRequestFields): void {
    this.filenameBytes = utf8Bytes(request.filename);
    this.optionsBytes = utf8Bytes(request.optionsJson);
    this.traceparentBytes = utf8Bytes(request.traceparent);
    const sourceBytes = request.source.length;
    this.headBytes = textBytes(this.filenameBytes) + textBytes(this.optionsBytes) + textBytes(this.traceparentBytes);
    if (sourceBytes > 0) this.headBytes += 1 + varintBytes(sourceBytes);
    this.messageBytes = this.headBytes + sourceBytes;
  }

  /** Writes the `headBytes` of the request measured last. */
  writeHead(request: LintRequestFields, out: Buffer, at: number): number {
    let next = writeText(out, at, lintRequestTags.filename, request.filename, this.filenameBytes);
    next = writeText(out, next, lintRequestTags.optionsJson, request.optionsJson, this.optionsBytes);
    next = writeText(out, next, lintRequestTags.traceparent, request.traceparent, this.traceparentBytes);
    if (request.source.length === 0) return next;
    out[next] = lintRequestTags.source;
    return writeVarint(out, next + 1, request.source.length);
  }
}

/** Reads LintResponses in place. */
export class LintResponseReader {
  /** Where the report is in the bytes read last. */
  reportStart = 0;
  reportEnd = 0;
  queueDepth = 0;
  costMicros = 0;
  private readonly reader = new ProtobufReader();

  /** Throws `MessageError`. */
  read(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.reader;
    this.reportStart = this.reportEnd = start;
    this.queueDepth = 0;
    this.costMicros = 0;
    reader.reset(bytes, start, end);
    while (reader.next()) {
      if (reader.field === 1) {
        reader.expect(wireTypes.bytes);
        this.reportStart = reader.start;
        this.reportEnd = reader.end;
      } else if (reader.field === 2) {
        reader.expect(wireTypes.varint);
        this.queueDepth = reader.value >>> 0; // as every reader of a uint32 cuts a longer number
      } else if (reader.field === 3) {
        reader.expect(wireTypes.varint);
        this.costMicros = reader.value >>> 0;
      }
    }
  }
}

/** DescribeResponse, with the defaults of what was not sent. */
export interface DescribeReply {
  language: string;
  version: string;
  linterName: string;
  linterVersion: string;
  formats: string[];
  selfTest?: { source: Uint8Array; filename: string; reportSha256: Uint8Array };
  documentationUrl: string;
}

/** Throws `MessageError`. */
export function readDescribeResponse(bytes: Uint8Array, start: number, end: number): DescribeReply {
  const reply: DescribeReply = { language: "", version: "", linterName: "", linterVersion: "", formats: [], documentationUrl: "" };
  const reader = new ProtobufReader();
  reader.reset(bytes, start, end);
  while (reader.next()) {
    if (reader.field === 1) reply.language = reader.text();
    else if (reader.field === 2) reply.version = reader.text();
    else if (reader.field === 3) reply.linterName = reader.text();
    else if (reader.field === 4) reply.linterVersion = reader.text();
    else if (reader.field === 5) reply.formats.push(reader.text());
    else if (reader.field === 6) {
      reader.expect(wireTypes.bytes);
      reply.selfTest = readSelfTest(bytes, reader.start, reader.end);
    } else if (reader.field === 7) reply.documentationUrl = reader.text();
  }
  return reply;
}

function readSelfTest(bytes: Uint8Array, start: number, end: number): NonNullable<DescribeReply["selfTest"]> {
  const selfTest: NonNullable<DescribeReply["selfTest"]> = { source: new Uint8Array(0), filename: "", reportSha256: new Uint8Array(0) };
  const reader = new ProtobufReader();
  reader.reset(bytes, start, end);
  while (reader.next()) {
    if (reader.field === 1) selfTest.source = reader.copy();
    else if (reader.field === 2) selfTest.filename = reader.text();
    else if (reader.field === 3) selfTest.reportSha256 = reader.copy();
  }
  return selfTest;
}

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
export const servingStatus = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** The status in a HealthCheckResponse. Throws `MessageError`. */
export function readHealthResponse(bytes: Uint8Array, start: number, end: number): number {
  const reader = new ProtobufReader();
  let status: number = servingStatus.unknown;
  reader.reset(bytes, start, end);
  while (reader.next()) {
    if (reader.field !== 1) continue;
    reader.expect(wireTypes.varint);
    status = reader.value;
  }
  return status;
}

function utf8Bytes(text: string): number {
  return text === "" ? 0 : Buffer.byteLength(text, "utf8");
}

/** A string field with its tag and length; nothing when it is empty. */
function textBytes(contentBytes: number): number {
  return contentBytes === 0 ? 0 : 1 + varintBytes(contentBytes) + contentBytes;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let next = at;
  let rest = value;
  while (rest >= 0x80) {
    out[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[next] = rest;
  return next + 1;
}

function writeText(out: Buffer, at: number, fieldTag: number, text: string, contentBytes: number): number {
  if (contentBytes === 0) return at;
  out[at] = fieldTag;
  const next = writeVarint(out, at + 1, contentBytes);
  return next + out.write(text, next, contentBytes, "utf8");
}
