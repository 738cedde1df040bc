// Boxes of ISO/IEC 14496-12 section 4.2, written and read. A box is size(32) type(4 characters) payload.
import { MirrorError } from '../../core/errors.ts'
import type { ByteWriter } from './byte-writer.ts'

export const BOX_HEADER_BYTES = 8
/** Children of one box that are looked at; real files have a few dozen. */
const MAX_CHILDREN = 4096

export function writeBox(out: ByteWriter, type: string, content: () => void): void {
  const start = out.length
  out.u32(0)
  out.ascii(type)
  content()
  out.patchU32(start, out.length - start)
}

export function writeFullBox(out: ByteWriter, type: string, version: number, flags: number, content: () => void): void {
  writeBox(out, type, () => {
    out.u32((version << 24) | flags)
    content()
  })
}

/** A box inside a parent that is wholly in memory. Offsets are into the parent's bytes. */
export interface BoxSpan {
  readonly type: string
  /** First byte after the box header. */
  readonly start: number
  /** First byte behind the box. */
  readonly end: number
}

/** The boxes that fill `bytes[start, end)`. Throws `ingest_malformed` when a size does not fit. */
export function childBoxes(bytes: Uint8Array, start: number, end: number, parent: string): BoxSpan[] {
  const boxes: BoxSpan[] = []
  let offset = start
  while (offset < end) {
    // Some writers close a container with zero bytes instead of a box (QuickTime file format, user data).
    if (end - offset < BOX_HEADER_BYTES) break
    const type = fourCc(bytes, offset + 4)
    let headerBytes = BOX_HEADER_BYTES
    let size = u32(bytes, offset)
    if (size === 1) {
      if (end - offset < 16) throw malformed(`box "${type}" in "${parent}" is cut short`)
      headerBytes = 16
      size = u64(bytes, offset + 8)
    } else if (size === 0) {
      if (u32(bytes, offset + 4) === 0) break
      size = end - offset
    }
    if (size < headerBytes || size > end - offset) {
      throw malformed(`box "${printable(type)}" in "${parent}" claims ${size} bytes where ${end - offset} are left`)
    }
    if (boxes.length === MAX_CHILDREN) throw malformed(`"${parent}" holds more than ${MAX_CHILDREN} boxes`)
    boxes.push({ type, start: offset + headerBytes, end: offset + size })
    offset += size
  }
  return boxes
}

export function findBox(boxes: readonly BoxSpan[], type: string): BoxSpan | null {
  return boxes.find((box) => box.type === type) ?? null
}

/** Reads numbers from one box payload and refuses to read past its end. */
export class BoxReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #type: string
  #offset: number

  constructor(bytes: Uint8Array, box: BoxSpan) {
    this.#bytes = bytes
    this.#offset = box.start
    this.#end = box.end
    this.#type = box.type
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#end - this.#offset
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  u16(): number {
    const at = this.#take(2)
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0)
  }

  u32(): number {
    return u32(this.#bytes, this.#take(4))
  }

  i32(): number {
    return u32(this.#bytes, this.#take(4)) | 0
  }

  u64(): number {
    return u64(this.#bytes, this.#take(8))
  }

  /** A signed 64-bit number, of which the range ±2^53 is accepted. */
  i64(): number {
    const at = this.#take(8)
    const value = (u32(this.#bytes, at) | 0) * 0x1_0000_0000 + u32(this.#bytes, at + 4)
    if (!Number.isSafeInteger(value)) throw malformed(`box "${this.#type}" holds a number beyond 2^53`)
    return value
  }

  skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): number {
    const at = this.#offset
    if (at + count > this.#end) throw malformed(`box "${this.#type}" is shorter than its fields`)
    this.#offset = at + count
    return at
  }
}

export function u32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x100_0000 + (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  )
}

/** Throws `ingest_malformed` beyond 2^53. */
export function u64(bytes: Uint8Array, at: number): number {
  const value = u32(bytes, at) * 0x1_0000_0000 + u32(bytes, at + 4)
  if (!Number.isSafeInteger(value)) throw malformed('a 64-bit number is beyond 2^53')
  return value
}

export function fourCc(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0)
}

/** For messages: everything outside printable ASCII becomes a full stop. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '.')
}

export function malformed(message: string): MirrorError {
  return new MirrorError('ingest_malformed', message)
}
