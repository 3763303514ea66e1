// Cursors over bytes. Every read is bounds-checked once, here, so that codecs can be written without fear.

/** The bytes are not what the format says. Thrown by every decoder; carries where. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly offset: number;

  constructor(offset: number, what: string) {
    super(`${what} at byte ${offset}`);
    this.offset = offset;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(what: string): number {
    return this.#view.getUint8(this.#advance(1, what));
  }

  u16(what: string): number {
    return this.#view.getUint16(this.#advance(2, what));
  }

  u32(what: string): number {
    return this.#view.getUint32(this.#advance(4, what));
  }

  /** A view, not a copy: copy it when it must outlive the packet. */
  take(length: number, what: string): Uint8Array {
    const start = this.#advance(length, what);
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Uint8Array {
    return this.take(this.left, 'rest');
  }

  #advance(length: number, what: string): number {
    const start = this.#at;
    if (length < 0 || start + length > this.#bytes.length)
      throw new DecodeError(start, `${what}: ${length} bytes wanted, ${this.left} left`);
    this.#at = start + length;
    return start;
  }
}

export class ByteWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity = 576) {
    this.#bytes = Buffer.alloc(capacity);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): this {
    this.#room(1);
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#room(2);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  put(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** The bytes, then zeros up to `length`. Throws when they do not fit. */
  padded(bytes: Uint8Array, length: number): this {
    if (bytes.length > length) throw new RangeError(`${bytes.length} bytes do not fit in a field of ${length}`);
    return this.put(bytes).put(new Uint8Array(length - bytes.length));
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
