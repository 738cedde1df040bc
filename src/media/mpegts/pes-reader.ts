// PES packets out of packet payloads: ISO 13818-1 2.4.3.6.
import { MirrorError } from '../../core/errors.ts'
import type { PayloadReader } from './payload-reader.ts'

/** 33-bit timestamps of the 90 kHz clock. */
export const TS_CLOCK_MODULUS = 2 ** 33

export interface PesConsumer {
  readonly trackId: string
  /** `bytes[start, end)` is valid only during the call. */
  pes(bytes: Uint8Array, start: number, end: number, pts: number | null, dts: number | null): void
  /** True: what came before a loss is of use. `pes` then gets it without its end. */
  readonly keepsBegun: boolean
  /** What was carried over from earlier PES packets no longer continues. */
  gap(): void
  corruptPes(reason: string): void
}

const MAX_PES_BYTES = 16 * 2 ** 20
const FIRST_BUFFER_BYTES = 16 * 1024
const FIXED_HEADER_BYTES = 6
const OPTIONAL_HEADER_BYTES = 9
const UNBOUNDED = Number.POSITIVE_INFINITY

/** `lost`: packets are missing and the next payload tells whether a PES packet suffered. */
type State = 'idle' | 'open' | 'lost'

/** A PES packet is delivered as soon as its declared length is reached, without one when the next begins. */
export class PesReader implements PayloadReader {
  readonly #consumer: PesConsumer
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES)
  #length = 0
  /** Header included; null until the header's first six bytes are there. */
  #expected: number | null = null
  #state: State = 'idle'

  constructor(consumer: PesConsumer) {
    this.#consumer = consumer
  }

  get trackId(): string {
    return this.#consumer.trackId
  }

  payload(bytes: Uint8Array, from: number, to: number, isUnitStart: boolean): void {
    if (isUnitStart) {
      this.#close()
      this.#state = 'open'
      this.#length = 0
      this.#expected = null
    } else if (this.#state !== 'open') {
      if (this.#state === 'lost') this.#drop('its start was lost')
      return
    }

    const length = this.#length + to - from
    if (length > this.#buffer.length) this.#grow(length)
    this.#buffer.set(bytes.subarray(from, to), this.#length)
    this.#length = length

    if (this.#expected === null && length >= FIXED_HEADER_BYTES) {
      const declared = ((this.#buffer[4] ?? 0) << 8) | (this.#buffer[5] ?? 0)
      this.#expected = declared === 0 ? UNBOUNDED : FIXED_HEADER_BYTES + declared
    }
    if (this.#expected !== null && length >= this.#expected) this.#deliver(this.#expected)
  }

  lost(): void {
    if (this.#state === 'open') {
      if (this.#consumer.keepsBegun) this.#salvage()
      this.#drop('packets of it were lost')
    } else {
      this.#state = 'lost'
      this.#consumer.gap()
    }
  }

  end(): void {
    this.#close()
  }

  #close(): void {
    if (this.#state !== 'open') return
    if (this.#expected === UNBOUNDED) this.#deliver(this.#length)
    else this.#drop('it is shorter than it declares')
  }

  #drop(reason: string): void {
    this.#state = 'idle'
    this.#consumer.gap()
    this.#consumer.corruptPes(reason)
  }

  #deliver(end: number): void {
    this.#state = 'idle'
    const bytes = this.#buffer
    const fault = headerFault(bytes, end)
    if (fault !== null) this.#drop(fault)
    else if (hasOptionalHeader(bytes[3] ?? 0)) this.#hand(end)
  }

  #salvage(): void {
    const bytes = this.#buffer
    if (headerFault(bytes, this.#length) === null && hasOptionalHeader(bytes[3] ?? 0)) this.#hand(this.#length)
  }

  #hand(end: number): void {
    const bytes = this.#buffer
    const start = OPTIONAL_HEADER_BYTES + (bytes[8] ?? 0)
    const flags = (bytes[7] ?? 0) >>> 6
    const pts = flags >= 2 && start >= 14 ? readTimestamp(bytes, 9) : null
    const dts = flags === 3 && start >= 19 ? readTimestamp(bytes, 14) : null
    this.#consumer.pes(bytes, start, end, pts, dts)
  }

  #grow(wanted: number): void {
    if (wanted > MAX_PES_BYTES) {
      throw new MirrorError(
        'ingest_fragment_too_large',
        `a PES packet of ${this.trackId} exceeds ${MAX_PES_BYTES} bytes`,
      )
    }
    const larger = new Uint8Array(Math.min(MAX_PES_BYTES, Math.max(wanted, this.#buffer.length * 2)))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/** Null when the header is whole, or there is none to be expected. */
function headerFault(bytes: Uint8Array, end: number): string | null {
  if (end < FIXED_HEADER_BYTES || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 1) return 'it has no start code'
  if (!hasOptionalHeader(bytes[3] ?? 0)) return null
  const start = OPTIONAL_HEADER_BYTES + (bytes[8] ?? 0)
  const isDamaged = end < OPTIONAL_HEADER_BYTES || start > end || ((bytes[6] ?? 0) & 0xc0) !== 0x80
  return isDamaged ? 'its header is damaged' : null
}

/** Table 2-21: these stream ids have no timestamps and carry no media. */
function hasOptionalHeader(streamId: number): boolean {
  return !(
    streamId === 0xbc ||
    streamId === 0xbe ||
    streamId === 0xbf ||
    (streamId >= 0xf0 && streamId <= 0xf2) ||
    streamId === 0xf8 ||
    streamId === 0xff
  )
}

/** 33 bits in 3 + 15 + 15, each followed by a marker bit. */
function readTimestamp(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) >>> 1) & 7
  const middle = ((bytes[at + 1] ?? 0) << 7) | ((bytes[at + 2] ?? 0) >>> 1)
  const low = ((bytes[at + 3] ?? 0) << 7) | ((bytes[at + 4] ?? 0) >>> 1)
  return high * 2 ** 30 + middle * 2 ** 15 + low
}
