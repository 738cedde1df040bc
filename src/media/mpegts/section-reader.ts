// PSI sections out of packet payloads: ISO 13818-1 2.4.4.
import type { PayloadReader } from './payload-reader.ts'

/** section_length has 12 bits, of which PAT and PMT may use 10. */
const MAX_SECTION_BYTES = 3 + 1021
const STUFFING_TABLE_ID = 0xff

/** Calls `onSection` with each complete section whose CRC is right; damaged ones are dropped, they repeat anyway. */
export class SectionReader implements PayloadReader {
  readonly trackId = null
  readonly #onSection: (section: Uint8Array) => void
  readonly #buffer = new Uint8Array(MAX_SECTION_BYTES)
  #length = 0
  #isOpen = false

  constructor(onSection: (section: Uint8Array) => void) {
    this.#onSection = onSection
  }

  payload(bytes: Uint8Array, from: number, to: number, isUnitStart: boolean): void {
    if (!isUnitStart) {
      if (this.#isOpen) this.#take(bytes, from, to)
      return
    }
    const start = from + 1 + (bytes[from] ?? 0) // pointer_field
    if (start > to) {
      this.lost()
      return
    }
    if (this.#isOpen) this.#take(bytes, from + 1, start)
    let at = start
    while (at < to && bytes[at] !== STUFFING_TABLE_ID) {
      this.#isOpen = true
      this.#length = 0
      at = this.#take(bytes, at, to)
    }
  }

  lost(): void {
    this.#isOpen = false
  }

  end(): void {}

  /** Returns the offset behind what belongs to the section. */
  #take(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    while (at < to && this.#isOpen) {
      const wanted = this.#length < 3 ? 3 : this.#sectionBytes()
      const count = Math.min(wanted - this.#length, to - at)
      this.#buffer.set(bytes.subarray(at, at + count), this.#length)
      this.#length += count
      at += count
      if (this.#length < 3) break
      const sectionBytes = this.#sectionBytes()
      if (sectionBytes > MAX_SECTION_BYTES) {
        this.#isOpen = false
        return to
      }
      if (this.#length === sectionBytes) {
        this.#isOpen = false
        // The CRC of a section with its own CRC is 0 (Annex A).
        const section = this.#buffer.slice(0, sectionBytes)
        if (crc32Mpeg(section) === 0) this.#onSection(section)
      }
    }
    return at
  }

  #sectionBytes(): number {
    return 3 + (((this.#buffer[1] ?? 0) & 0x0f) << 8) + (this.#buffer[2] ?? 0)
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24
  for (let bit = 0; bit < 8; bit += 1) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1
  return value
})

/** ISO 13818-1 Annex A: polynomial 0x04C11DB7, no reflection, no final inversion. */
export function crc32Mpeg(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0)
  return crc >>> 0
}
