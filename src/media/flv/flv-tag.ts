// FLV tags: Adobe FLV 10.1 Annex E.4.1. Bytes in any cut, whole tags out.
import { MirrorError } from '../../core/errors.ts'
import { plainBytes } from '../codecs/plain-bytes.ts'

export const FLV_AUDIO = 8
export const FLV_VIDEO = 9
export const FLV_SCRIPT = 18
export type FlvTagType = typeof FLV_AUDIO | typeof FLV_VIDEO | typeof FLV_SCRIPT

const TAG_HEADER_BYTES = 11
const PREVIOUS_SIZE_BYTES = 4
const FILE_SIGNATURE = [0x46, 0x4c, 0x56] // 'FLV'
const FILE_HEADER_BYTES = 9
const MAX_BODY_BYTES = 2 ** 24 - 1

/** 11-byte header, body, 4-byte PreviousTagSize. `timestampMs` is taken modulo 2^32. */
export function writeFlvTag(type: FlvTagType, timestampMs: number, body: Uint8Array): Uint8Array {
  if (body.length > MAX_BODY_BYTES) throw new RangeError(`an FLV tag cannot hold ${body.length} bytes`)
  const tag = new Uint8Array(TAG_HEADER_BYTES + body.length + PREVIOUS_SIZE_BYTES)
  const view = new DataView(tag.buffer)
  const time = timestampMs % 2 ** 32
  view.setUint32(0, type * 2 ** 24 + body.length)
  view.setUint32(4, (time % 2 ** 24) * 2 ** 8 + Math.floor(time / 2 ** 24))
  tag.set(body, TAG_HEADER_BYTES)
  view.setUint32(TAG_HEADER_BYTES + body.length, TAG_HEADER_BYTES + body.length)
  return tag
}

/** Calls `onTag` per tag; the body is a view into the pushed bytes when it was not cut. */
export class FlvTagReader {
  readonly #onTag: (type: FlvTagType, timestampMs: number, body: Uint8Array) => void
  /** What a cut left over; at most one tag. Grows with what arrives, not with what a header promises. */
  #pending = new Uint8Array(256)
  #pendingBytes = 0
  #isAtStart = true

  constructor(onTag: (type: FlvTagType, timestampMs: number, body: Uint8Array) => void) {
    this.#onTag = onTag
  }

  push(chunk: Uint8Array): void {
    const bytes = plainBytes(chunk)
    let at = 0
    while (this.#pendingBytes > 0 && at < bytes.length) {
      const wanted = unitBytes(this.#pending.subarray(0, this.#pendingBytes), this.#isAtStart)
      at += this.#append(bytes.subarray(at, at + wanted - this.#pendingBytes))
      if (this.#pendingBytes < wanted) return
      const unit = this.#pending.slice(0, wanted)
      // The first bytes may only now tell how long the unit is.
      if (unitBytes(unit, this.#isAtStart) > wanted) continue
      this.#pendingBytes = 0
      this.#take(unit)
    }
    while (at < bytes.length) {
      const left = bytes.subarray(at)
      const size = unitBytes(left, this.#isAtStart)
      if (left.length < size) {
        this.#append(left)
        return
      }
      this.#take(left.subarray(0, size))
      at += size
    }
  }

  /** True when the input stopped inside a tag. */
  get isCut(): boolean {
    return this.#pendingBytes > 0
  }

  #take(unit: Uint8Array): void {
    const isFileHeader = this.#isAtStart && unit[0] === FILE_SIGNATURE[0]
    this.#isAtStart = false
    if (isFileHeader) return
    const type = unit[0] ?? 0
    if (type !== FLV_AUDIO && type !== FLV_VIDEO && type !== FLV_SCRIPT) {
      throw new MirrorError('ingest_malformed', `an FLV tag has the unknown type ${type}`)
    }
    const timestampMs = (unit[7] ?? 0) * 2 ** 24 + u24(unit, 4)
    this.#onTag(type, timestampMs, unit.subarray(TAG_HEADER_BYTES, unit.length - PREVIOUS_SIZE_BYTES))
  }

  #append(bytes: Uint8Array): number {
    const length = this.#pendingBytes + bytes.length
    if (length > this.#pending.length) {
      const larger = new Uint8Array(Math.max(length, this.#pending.length * 2))
      larger.set(this.#pending.subarray(0, this.#pendingBytes))
      this.#pending = larger
    }
    this.#pending.set(bytes, this.#pendingBytes)
    this.#pendingBytes = length
    return bytes.length
  }
}

/** Bytes of the unit (tag or file header) that begins here, as far as they are known: never less than is needed to know more. */
function unitBytes(bytes: Uint8Array, isAtStart: boolean): number {
  const type = bytes[0] ?? 0
  if (isAtStart && type === FILE_SIGNATURE[0]) {
    if (bytes.length < FILE_HEADER_BYTES) return FILE_HEADER_BYTES
    if (bytes[1] !== FILE_SIGNATURE[1] || bytes[2] !== FILE_SIGNATURE[2] || u32(bytes, 5) !== FILE_HEADER_BYTES) {
      throw new MirrorError('ingest_malformed', 'the FLV file header is damaged')
    }
    return FILE_HEADER_BYTES + PREVIOUS_SIZE_BYTES
  }
  if (type !== FLV_AUDIO && type !== FLV_VIDEO && type !== FLV_SCRIPT) {
    throw new MirrorError('ingest_malformed', `an FLV tag has the unknown type ${type}`)
  }
  return bytes.length < TAG_HEADER_BYTES ? TAG_HEADER_BYTES : TAG_HEADER_BYTES + u24(bytes, 1) + PREVIOUS_SIZE_BYTES
}

function u24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 2 ** 24 + u24(bytes, at + 1)
}
