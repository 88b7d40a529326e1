/**
 * Walks over the fields of a protobuf message in place (https://protobuf.dev/programming-guides/encoding/).
 * One reader is used again and again. Must not know any message.
 */

/** The bytes are not the message they should be. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export class ProtobufReader {
  /** The field that `next` found. */
  field = 0;
  wireType = 0;
  /** The content of a field of bytes. */
  start = 0;
  end = 0;
  /** The value of a varint field; exact up to 2^53, which is more than any field of ours. */
  value = 0;

  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private limit = 0;

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.limit = end;
  }

  /** Moves to the next field; false at the end. Throws `MessageError`. */
  next(): boolean {
    if (this.at >= this.limit) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) throw new MessageError("a field with number 0");
    switch (this.wireType) {
      case wireTypes.varint:
        this.value = this.varint();
        return true;
      case wireTypes.bytes:
        this.take(this.varint());
        return true;
      case wireTypes.fixed64:
        this.take(8);
        return true;
      case wireTypes.fixed32:
        this.take(4);
        return true;
      default:
        throw new MessageError(`field ${this.field} has the unknown wire type ${this.wireType}`);
    }
  }

  /** The field at hand must be of the type the contract gives it. */
  expect(wireType: number): void {
    if (this.wireType !== wireType) throw new MessageError(`field ${this.field} has wire type ${this.wireType}, not ${wireType}`);
  }

  /** A copy of the field's content as text. */
  text(): string {
    this.expect(wireTypes.bytes);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, this.end - this.start).toString("utf8");
  }

  /** A copy of the field's content. */
  copy(): Uint8Array {
    this.expect(wireTypes.bytes);
    return this.bytes.slice(this.start, this.end);
  }

  private take(length: number): void {
    if (length > this.limit - this.at) throw new MessageError(`field ${this.field} ends behind its message`);
    this.start = this.at;
    this.end = this.at += length;
  }

  private varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      if (this.at >= this.limit) throw new MessageError("a number that ends behind its message");
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MessageError("a number of more than ten bytes");
  }
}
