// Cuts a byte stream into top-level boxes. Sizes are checked when the header is seen, before any memory is promised.
import { MirrorError } from '../../core/errors.ts'
import { fourCc, malformed, printable, u32, u64 } from './boxes.ts'

export const DEFAULT_MAX_BOX_BYTES = 64 * 1024 * 1024

export interface FramedBox {
  readonly type: string
  /** The whole box with its header: a view into the pushed chunk, or a copy when the box spans several. */
  readonly bytes: Uint8Array
  /** 8, or 16 when the size is 64-bit. */
  readonly headerBytes: number
  /** Position of the box in the stream since the framer was made. */
  readonly offset: number
}

interface Header {
  readonly type: string
  readonly headerBytes: number
  readonly size: number
}

/** With what a stream of MP4 boxes can begin. Anything else is another format, which may look like a huge box. */
const FIRST_TYPES = new Set(
  'ftyp styp moov moof mdat free skip wide pdin sidx ssix prft emsg uuid meta mfra udta'.split(' '),
)
/** What may be cut short at the end of a stream: it holds no media. */
const OPTIONAL_TYPES = new Set(['free', 'skip', 'mfra'])
const LONG_HEADER_BYTES = 16

export class BoxFramer {
  readonly #maxBoxBytes: number
  /** Header bytes of a box whose header was cut by a chunk border. */
  readonly #partialHeader = new Uint8Array(LONG_HEADER_BYTES)
  #partialHeaderBytes = 0
  /** The box that is being collected, and how much of it is there. */
  #open: { readonly header: Header; readonly bytes: Uint8Array; filled: number } | null = null
  /** An optional box that lasts until the end of the stream was seen: the rest is ignored. */
  #isDraining = false
  #isFirst = true
  /** Start of the current box. */
  #offset = 0

  constructor(options: { readonly maxBoxBytes?: number } = {}) {
    this.#maxBoxBytes = options.maxBoxBytes ?? DEFAULT_MAX_BOX_BYTES
  }

  /** No box is half received: the stream could end here. */
  get isAtBoundary(): boolean {
    return this.#open === null && this.#partialHeaderBytes === 0
  }

  /**
   * Yields each box as soon as its last byte is there. The iterator must be run to its end before the next push; after
   * an error the framer is of no further use.
   */
  *push(input: Uint8Array): Generator<FramedBox, void, void> {
    // A Buffer's slice is a view where a Uint8Array's is a copy: behind this line there are no Buffers.
    const chunk = new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    let at = 0
    while (at < chunk.length && !this.#isDraining) {
      if (this.#open !== null) {
        const open = this.#open
        const take = Math.min(open.bytes.length - open.filled, chunk.length - at)
        open.bytes.set(chunk.subarray(at, at + take), open.filled)
        open.filled += take
        at += take
        if (open.filled === open.bytes.length) {
          this.#open = null
          yield this.#complete(open.header, open.bytes)
        }
        continue
      }

      if (this.#partialHeaderBytes > 0 || chunk.length - at < LONG_HEADER_BYTES) {
        // Near a chunk border the header is collected byte by byte until it can be read.
        this.#partialHeader[this.#partialHeaderBytes++] = chunk[at++] ?? 0
        const header = this.#parseHeader(this.#partialHeader, 0, this.#partialHeaderBytes)
        if (header === null) continue
        const held = this.#partialHeaderBytes
        this.#partialHeaderBytes = 0
        if (header.size === held) yield this.#complete(header, this.#partialHeader.slice(0, held))
        else if (!this.#isDraining) this.#openBox(header, this.#partialHeader.subarray(0, held))
        continue
      }

      const header = this.#parseHeader(chunk, at, chunk.length - at)
      if (header === null || this.#isDraining) continue
      const rest = chunk.length - at
      if (header.size <= rest) {
        const bytes = chunk.subarray(at, at + header.size)
        at += header.size
        yield this.#complete(header, bytes)
      } else {
        this.#openBox(header, chunk.subarray(at))
        at = chunk.length
      }
    }
  }

  /** The stream ended. Throws `ingest_truncated` when it ended inside a box that matters. */
  end(): void {
    if (this.isAtBoundary || this.#isDraining) return
    const open = this.#open
    if (open === null) {
      throw new MirrorError('ingest_truncated', `the input ended inside a box header at byte ${this.#offset}`)
    }
    if (OPTIONAL_TYPES.has(open.header.type)) return
    throw new MirrorError(
      'ingest_truncated',
      `the input ended inside box "${open.header.type}": ${open.filled} of ${open.header.size} bytes came`,
      { details: { boxType: open.header.type, boxBytes: open.header.size, receivedBytes: open.filled } },
    )
  }

  /** Null while bytes of the header are missing. */
  #parseHeader(bytes: Uint8Array, at: number, available: number): Header | null {
    if (available < 8) return null
    const type = fourCc(bytes, at + 4)
    if (!/^[\x20-\x7e\xa9]{4}$/.test(type) || (this.#isFirst && !FIRST_TYPES.has(type))) {
      throw malformed(`no MP4 box at byte ${this.#offset}: found "${printable(fourCc(bytes, at) + type)}"`)
    }
    const shortSize = u32(bytes, at)
    if (shortSize === 0) {
      if (!OPTIONAL_TYPES.has(type)) {
        throw malformed(`box "${type}" at byte ${this.#offset} has no size, which a live input cannot have`)
      }
      this.#isDraining = true
      return { type, headerBytes: 8, size: 0 }
    }
    if (shortSize === 1 && available < LONG_HEADER_BYTES) return null
    const headerBytes = shortSize === 1 ? LONG_HEADER_BYTES : 8
    const size = shortSize === 1 ? boundedU64(bytes, at + 8) : shortSize
    if (size < headerBytes) throw malformed(`box "${type}" at byte ${this.#offset} claims ${size} bytes`)
    if (size > this.#maxBoxBytes) {
      throw new MirrorError(
        'ingest_fragment_too_large',
        `box "${type}" claims ${size} bytes; the limit is ${this.#maxBoxBytes}`,
        { details: { boxType: type, boxBytes: size, limitBytes: this.#maxBoxBytes } },
      )
    }
    return { type, headerBytes, size }
  }

  #openBox(header: Header, start: Uint8Array): void {
    // Exactly one copy: the size is known and bounded, and untouched pages of the buffer cost no memory.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(header.size).buffer)
    bytes.set(start)
    this.#open = { header, bytes, filled: start.length }
  }

  #complete(header: Header, bytes: Uint8Array): FramedBox {
    const offset = this.#offset
    this.#offset += header.size
    this.#isFirst = false
    return { type: header.type, bytes, headerBytes: header.headerBytes, offset }
  }
}

/** Sizes beyond 2^53 are told apart by no limit, so they need not be exact. */
function boundedU64(bytes: Uint8Array, at: number): number {
  const high = u32(bytes, at)
  return high < 0x20_0000 ? u64(bytes, at) : high * 0x1_0000_0000
}
