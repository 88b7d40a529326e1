import fc from "fast-check";
import t from "tap";
import { FrameReader, type FrameReaderLimits } from "../../src/http2/frame-reader.js";
import { writeFrameHeader, writeGoaway, writePing, writeRstStream, writeSettings, writeSettingsAck, writeWindowUpdate } from "../../src/http2/frame-writer.js";
import { flags, frameTypes, Http2Error } from "../../src/http2/protocol.js";
import { RecordingSink } from "./recording-sink.js";

function frame(type: number, frameFlags: number, streamId: number, payload: Uint8Array | readonly number[] = []): Buffer {
  const out = Buffer.alloc(9 + payload.length);
  out.set(payload, writeFrameHeader(out, 0, payload.length, type, frameFlags, streamId));
  return out;
}

const emptySettings = frame(frameTypes.settings, 0, 0);

function read(frames: readonly Uint8Array[], limits?: Partial<FrameReaderLimits>): string[] {
  const sink = new RecordingSink();
  const reader = readerOf(sink, limits);
  const bytes = Buffer.concat([emptySettings, ...frames]);
  reader.read(bytes, bytes.length);
  return sink.events.slice(1);
}

function readerOf(sink: RecordingSink, limits: Partial<FrameReaderLimits> = {}): FrameReader {
  return new FrameReader(sink, { frameBytesMax: 16_384, headerBlockBytesMax: 1_000, continuationFramesMax: 5, ...limits });
}

void t.test("every frame type arrives with its fields", (t) => {
  const buffer = Buffer.alloc(200);
  const written = (end: number): Buffer => Buffer.from(buffer.subarray(0, end));
  t.same(
    read([
      frame(frameTypes.data, 0, 1, [1, 2, 3]),
      frame(frameTypes.data, flags.endStream | flags.padded, 3, [2, 9, 0, 0]),
      frame(frameTypes.headers, flags.endHeaders, 1, [0x88]),
      frame(frameTypes.headers, flags.endHeaders | flags.endStream | flags.padded | flags.priority, 5, [1, 0, 0, 0, 0, 16, 0x88, 0]),
      frame(frameTypes.priority, 0, 1, [0, 0, 0, 0, 16]),
      written(writeRstStream(buffer, 0, 7, 8)),
      written(writeSettings(buffer, 0, [[3, 100], [4, 0x7fffffff]])),
      written(writeSettingsAck(buffer, 0)),
      written(writePing(buffer, 0, true, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 0)),
      written(writeGoaway(buffer, 0, 0x7fffffff, 0)),
      frame(frameTypes.goaway, 0, 0, [0, 0, 0, 9, 0, 0, 0, 11, 0x68, 0x69]),
      written(writeWindowUpdate(buffer, 0, 0, 0x7fffffff)),
      frame(frameTypes.windowUpdate, 0, 9, [0x80, 0, 0, 1]),
      frame(0xfa, 0xff, 12, [1, 2, 3]),
    ]),
    [
      "data 1 010203 flow 3",
      "data 3 09 flow 4 end",
      "headers 1 88",
      "headers 5 88 end",
      "reset 7 8",
      "setting 3 100",
      "setting 4 2147483647",
      "settings end",
      "ping ack 0102030405060708",
      "goaway 2147483647 0 ",
      "goaway 9 11 6869",
      "window 0 2147483647",
      "window 9 1",
    ],
  );
  t.end();
});

void t.test("a header block over several frames arrives whole, without padding and priority", (t) => {
  const frames = [
    frame(frameTypes.headers, flags.endStream | flags.padded | flags.priority, 3, [1, 0, 0, 0, 0, 16, 1, 2, 0]),
    frame(frameTypes.continuation, 0, 3, [3]),
    frame(frameTypes.continuation, 0, 3),
    frame(frameTypes.continuation, flags.endHeaders, 3, [4]),
    frame(frameTypes.headers, flags.endHeaders, 5, [5]),
  ];
  t.same(read(frames), ["headers 3 01020304 end", "headers 5 05"]);
  t.end();
});

void t.test("what breaks the protocol is an error with the code that RFC 9113 names and the words for it", (t) => {
  const refuses = (frames: readonly Buffer[], code: number, message: RegExp): void => {
    t.throws(() => read(frames), { name: "Http2Error", code, message }, String(message));
  };
  const [protocol, flow, size, calm] = [1, 3, 6, 11];
  refuses([frame(frameTypes.data, 0, 0)], protocol, /DATA on stream 0/);
  refuses([frame(frameTypes.data, flags.padded, 1, [3, 0, 0])], protocol, /more padding than content/);
  refuses([frame(frameTypes.data, flags.padded, 1)], size, /padded DATA of 0 bytes/);
  refuses([frame(frameTypes.headers, flags.priority, 1, [1])], size, /HEADERS of 1 bytes/);
  refuses([frame(frameTypes.headers, flags.padded | flags.priority, 1, [1, 0, 0, 0, 0, 16])], protocol, /more padding/);
  refuses([frame(frameTypes.headers, 0, 1), frame(frameTypes.data, 0, 1)], protocol, /type 0 inside a header block/);
  refuses([frame(frameTypes.headers, 0, 1), frame(0xfa, 0, 1)], protocol, /type 250 inside/);
  refuses([frame(frameTypes.headers, 0, 1), frame(frameTypes.continuation, 0, 3)], protocol, /CONTINUATION on stream 3/);
  refuses([frame(frameTypes.continuation, 0, 1)], protocol, /without a header block/);
  refuses([frame(frameTypes.headers, 0, 1, Buffer.alloc(600)), frame(frameTypes.continuation, 0, 1, Buffer.alloc(600))], calm, /more than 1000 bytes/);
  refuses([frame(frameTypes.headers, 0, 1), ...Array.from({ length: 6 }, () => frame(frameTypes.continuation, 0, 1))], calm, /more than 5 CONTINUATION/);
  refuses([frame(frameTypes.rstStream, 0, 1, [0])], size, /RST_STREAM of 1/);
  refuses([frame(frameTypes.rstStream, 0, 0, [0, 0, 0, 0])], protocol, /RST_STREAM on stream 0/);
  refuses([frame(frameTypes.settings, 0, 1)], protocol, /SETTINGS on stream 1/);
  refuses([frame(frameTypes.settings, 0, 0, [1])], size, /multiple of 6/);
  refuses([frame(frameTypes.settings, flags.ack, 0, [1])], size, /acknowledgement of 1/);
  refuses([frame(frameTypes.settings, 0, 0, [0, 2, 0, 0, 0, 1])], protocol, /ENABLE_PUSH 1/);
  refuses([frame(frameTypes.settings, 0, 0, [0, 4, 0x80, 0, 0, 0])], flow, /INITIAL_WINDOW_SIZE 2147483648/);
  refuses([frame(frameTypes.settings, 0, 0, [0, 5, 0, 0, 0x3f, 0xff])], protocol, /MAX_FRAME_SIZE 16383/);
  refuses([frame(frameTypes.settings, 0, 0, [0, 5, 1, 0, 0, 0])], protocol, /MAX_FRAME_SIZE 16777216/);
  refuses([frame(frameTypes.pushPromise, 0, 1, [0, 0, 0, 2])], protocol, /PUSH_PROMISE/);
  refuses([frame(frameTypes.ping, 0, 0, [1])], size, /PING of 1/);
  refuses([frame(frameTypes.ping, 0, 1, Buffer.alloc(8))], protocol, /PING on stream 1/);
  refuses([frame(frameTypes.goaway, 0, 0, [1])], size, /GOAWAY of 1/);
  refuses([frame(frameTypes.windowUpdate, 0, 1, [0, 0, 0, 0])], protocol, /WINDOW_UPDATE by 0/);
  refuses([frame(frameTypes.windowUpdate, 0, 1, [0])], size, /WINDOW_UPDATE of 1/);
  refuses([frame(frameTypes.priority, 0, 1, [0])], size, /PRIORITY of 1/);
  refuses([frame(frameTypes.data, 0, 1, Buffer.alloc(16_385))], size, /16385 bytes/);
  t.end();
});

void t.test("a peer that does not speak HTTP/2 is named by its first bytes", (t) => {
  const greets = (bytes: Buffer, message: RegExp): void => {
    t.throws(() => readerOf(new RecordingSink()).read(bytes, bytes.length), { name: "Http2Error", message });
  };
  greets(Buffer.from("HTTP/1.1 400 Bad Request\r\n"), /does not speak HTTP\/2: its first bytes are "HTTP\/1.1/);
  greets(frame(frameTypes.ping, 0, 0, Buffer.alloc(8)), /not a SETTINGS frame/);
  greets(frame(frameTypes.settings, flags.ack, 0), /before sending its own/);
  t.end();
});

void t.test("after stop nothing more is heard, not even from the same chunk", (t) => {
  const sink = new RecordingSink();
  const reader = readerOf(sink);
  sink.onReset = (): void => {
    reader.stop();
  };
  const bytes = Buffer.concat([emptySettings, frame(frameTypes.rstStream, 0, 1, [0, 0, 0, 0]), frame(frameTypes.ping, 0, 0, Buffer.alloc(8))]);
  reader.read(bytes, bytes.length);
  reader.read(bytes, bytes.length);
  t.same(sink.events, ["settings end"]);
  t.end();
});

const validFrame = fc.oneof(
  fc.record({ id: fc.integer({ min: 1, max: 9 }), bytes: fc.uint8Array({ maxLength: 400 }) }).map(({ id, bytes }) => [frame(frameTypes.data, 0, id, bytes)]),
  fc.uint8Array({ minLength: 3, maxLength: 3 }).map((bytes) => [frame(frameTypes.data, flags.padded | flags.endStream, 7, [2, ...bytes])]),
  fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 4 }).map((parts) =>
    parts.map((part, index) => {
      const isLast = index === parts.length - 1 ? flags.endHeaders : 0;
      return index === 0 ? frame(frameTypes.headers, isLast, 3, part) : frame(frameTypes.continuation, isLast, 3, part);
    }),
  ),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => [frame(frameTypes.ping, 0, 0, bytes)]),
  fc.uint8Array({ minLength: 8, maxLength: 30 }).map((bytes) => [frame(frameTypes.goaway, 0, 0, bytes)]),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => [frame(0x42, 0, 5, bytes)]),
);

void t.test("however the stream is split, the sink hears the same", (t) => {
  fc.assert(
    fc.property(fc.array(validFrame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (frames, cuts) => {
      const bytes = Buffer.concat([emptySettings, ...frames.flat()]);
      const whole = new RecordingSink();
      readerOf(whole).read(bytes, bytes.length);
      const split = new RecordingSink();
      const reader = readerOf(split);
      // One buffer for all chunks, as a socket reads: what the reader keeps it must have copied.
      const chunk = Buffer.alloc(64);
      let at = 0;
      for (let index = 0; at < bytes.length; index++) {
        const length = bytes.copy(chunk, 0, at, at + (cuts[index % cuts.length] ?? 1));
        reader.read(chunk, length);
        chunk.fill(0xee);
        at += length;
      }
      t.same(split.events, whole.events);
    }),
  );
  t.end();
});

void t.test("whatever the bytes, reading ends with events or the typed error, and events are fewer than bytes", (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 300 }), validFrame.map((frames) => Buffer.concat(frames))), { maxLength: 8 }), (chunks) => {
      const sink = new RecordingSink();
      const reader = readerOf(sink);
      let bytes = emptySettings.length;
      reader.read(emptySettings, bytes);
      try {
        for (const chunk of chunks) {
          reader.read(chunk, chunk.length);
          bytes += chunk.length;
        }
      } catch (error) {
        if (!(error instanceof Http2Error)) throw error;
      }
      t.ok(sink.events.length <= bytes + 300);
    }),
    { numRuns: 500 },
  );
  t.end();
});
