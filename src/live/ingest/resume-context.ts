// What a new demuxer must be told to go on in the middle of an input: sequence headers (FLV) or the CMAF header and the
// next box boundary (fMP4). MPEG-TS repeats its own.
import { parseAudioBody, parseVideoBody } from '../../media/flv/flv-message.ts'
import { FLV_AUDIO, FLV_SCRIPT, FLV_VIDEO } from '../../media/flv/flv-tag.ts'
import type { Container } from './protocol.ts'

const MAX_HEADER_BYTES = 512 * 1024
/** One for the script data, and one per track and then some. */
const MAX_FLV_HEADERS = 64

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
      const key = flvHeaderKey(type, bytes.subarray(at + 11, at + 11 + size))
      if (
        key !== null &&
        size < MAX_HEADER_BYTES / 4 &&
        (this.#flvHeaders.has(key) || this.#flvHeaders.size < MAX_FLV_HEADERS)
      ) {
        this.#flvHeaders.set(key, bytes.slice(at, end))
      }
      at = end
    }
  }
}

/** What a later tag of the same key replaces: script data, or the sequence headers of the same tracks. Null: media. */
function flvHeaderKey(type: number, body: Uint8Array): string | null {
  if (type === FLV_SCRIPT) return 'script'
  try {
    const messages = type === FLV_VIDEO ? parseVideoBody(body) : type === FLV_AUDIO ? parseAudioBody(body) : []
    if (messages.length === 0 || messages.some(({ kind }) => kind !== 'config')) return null
    return `${type} ${messages.map(({ trackIndex }) => trackIndex).join()}`
  } catch {
    return null // The demuxer judges it.
  }
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
    const parts = [...this.#kept]
    if (this.#headerLength > 0) parts.push(this.#header.slice(0, this.#headerLength))
    // The rest of a box that is kept itself simply follows.
    else if (this.#remaining > 0 && !this.#isKept) parts.push(freeBoxHeader(this.#remaining))
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
    this.#isKept = (type === 'ftyp' || type === 'moov') && this.#keptBytes + size <= MAX_HEADER_BYTES
    this.#remaining = Math.max(0, size - headerBytes)
    this.#keep(this.#header.slice(0, headerBytes))
    this.#headerLength = 0
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#isKept) return
    this.#kept.push(bytes.slice())
    this.#keptBytes += bytes.length
  }
}

/** The header of a `free` box that swallows so many bytes. Never larger than the box whose rest it covers. */
function freeBoxHeader(contentBytes: number): Uint8Array {
  const isLong = 8 + contentBytes > 0xffff_ffff
  const header = new Uint8Array(isLong ? 16 : 8)
  const view = new DataView(header.buffer)
  view.setUint32(0, isLong ? 1 : 8 + contentBytes)
  view.setUint32(4, 0x66726565) // free
  if (isLong) view.setBigUint64(8, BigInt(16 + contentBytes))
  return header
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
