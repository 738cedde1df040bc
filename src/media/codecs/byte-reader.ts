// Whole bytes of a small record, big-endian.
import { MirrorError } from '../../core/errors.ts'

/** Reading past the end throws `ingest_malformed` with the name of the record. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #position = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  get left(): number {
    return this.#bytes.length - this.#position
  }

  u8(): number {
    if (this.#position >= this.#bytes.length) this.#fail()
    const value = this.#bytes[this.#position] ?? 0
    this.#position += 1
    return value
  }

  u16(): number {
    return this.u8() * 2 ** 8 + this.u8()
  }

  u24(): number {
    return this.u16() * 2 ** 8 + this.u8()
  }

  u32(): number {
    return this.u16() * 2 ** 16 + this.u16()
  }

  /** Signed, 24 bits. */
  s24(): number {
    const value = this.u24()
    return value >= 2 ** 23 ? value - 2 ** 24 : value
  }

  f64(): number {
    const bytes = this.view(8)
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0)
  }

  /** Four characters. */
  fourCc(): string {
    return String.fromCharCode(this.u8(), this.u8(), this.u8(), this.u8())
  }

  /** A view, not a copy. */
  view(length: number): Uint8Array {
    if (length > this.left) this.#fail()
    const bytes = this.#bytes.subarray(this.#position, this.#position + length)
    this.#position += length
    return bytes
  }

  rest(): Uint8Array {
    return this.view(this.left)
  }

  #fail(): never {
    throw new MirrorError('ingest_malformed', `${this.#what} ends early`)
  }
}
