// What a new demuxer must be told to go on in the middle of an input: sequence headers (FLV) or the CMAF header and the
// next box boundary (fMP4). MPEG-TS repeats its own.
import type { Container } from './protocol.ts'

const MAX_HEADER_BYTES = 512 * 1024

export class ResumeContext {
  readonly #container: Container
  /** FLV: the newest script, video and audio headers. */
  readonly #flvHeaders = new Map<string, Uint8Array>()
  readonly #boxes = new BoxTracker()

  constructor(container: Container) {
    this.#container = container
  }

  /** Looks at bytes on their way; does not keep them unless they are headers. */
  note(bytes: Uint8Array): void {
    if (this.#container === 'flv') this.#noteFlvTags(bytes)
    else if (this.#container === 'fmp4') this.#boxes.note(bytes)
  }

  /** Bytes to send first to a new owner; what follows is aligned by the demuxer's own means. */
  restart(): Uint8Array | null {
    if (this.#container === 'flv') return joined([...this.#flvHeaders.values()])
    if (this.#container === 'fmp4') return this.#boxes.restart()
    return null
  }

  #noteFlvTags(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at + 11 <= bytes.length; ) {
      const type = bytes[at] ?? 0
      const size = view.getUint32(at) & 0xffffff
      const end = at + 11 + size + 4
      if (end > bytes.length) return
      const kind = flvHeaderKind(type, bytes[at + 11] ?? 0, bytes[at + 12] ?? 0)
      if (kind !== null && size < MAX_HEADER_BYTES) this.#flvHeaders.set(kind, bytes.slice(at, end))
      at = end
    }
  }
}

/** Script data, or a sequence header of legacy (packet type 0) or enhanced RTMP (packet type 0 in the low nibble). */
function flvHeaderKind(type: number, first: number, second: number): string | null {
  if (type === 18) return 'script'
  if (type === 9)
    return (first & 0x80) !== 0
      ? (first & 0x0f) === 0
        ? 'video'
        : null
      : (first & 0x0f) === 7 && second === 0
        ? 'video'
        : null
  if (type === 8)
    return first >> 4 === 9
      ? (first & 0x0f) === 0
        ? 'audio'
        : null
      : first >> 4 === 10 && second === 0
        ? 'audio'
        : null
  return null
}

/** Follows top-level boxes through arbitrary chunks and keeps `ftyp` and `moov`. */
class BoxTracker {
  #header = new Uint8Array(16)
  #headerLength = 0
  #remaining = 0
  #isKept = false
  #kept: Uint8Array[] = []
  #keptBytes = 0

  note(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#remaining > 0) {
        const take = Math.min(this.#remaining, bytes.length - at)
        this.#keep(bytes.subarray(at, at + take))
        this.#remaining -= take
        at += take
        continue
      }
      this.#header[this.#headerLength++] = bytes[at++] ?? 0
      this.#beginBox()
    }
  }

  /** The kept header, and a `free` box that swallows what is left of the box under way. */
  restart(): Uint8Array | null {
    if (this.#kept.length === 0) return null
    const parts = [...this.#kept]
    if (this.#headerLength > 0) parts.push(this.#header.slice(0, this.#headerLength))
    else if (this.#remaining > 0) {
      const filler = new Uint8Array(16)
      const view = new DataView(filler.buffer)
      view.setUint32(0, 1)
      filler.set([0x66, 0x72, 0x65, 0x65], 4) // free
      view.setBigUint64(8, BigInt(16 + this.#remaining))
      parts.push(filler)
    }
    return joined(parts)
  }

  #beginBox(): void {
    if (this.#headerLength < 8) return
    const view = new DataView(this.#header.buffer)
    const size32 = view.getUint32(0)
    const headerBytes = size32 === 1 ? 16 : 8
    if (this.#headerLength < headerBytes) return
    const size = size32 === 1 ? Number(view.getBigUint64(8)) : size32
    const type = String.fromCharCode(...this.#header.subarray(4, 8))
    if (type === 'ftyp') {
      this.#kept = []
      this.#keptBytes = 0
    }
    this.#isKept = (type === 'ftyp' || type === 'moov') && size < MAX_HEADER_BYTES
    this.#remaining = Math.max(0, size - headerBytes)
    this.#keep(this.#header.slice(0, headerBytes))
    this.#headerLength = 0
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#isKept || this.#keptBytes + bytes.length > MAX_HEADER_BYTES) return
    this.#kept.push(bytes.slice())
    this.#keptBytes += bytes.length
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array | null {
  if (parts.length === 0) return null
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
