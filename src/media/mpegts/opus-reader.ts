// Opus in MPEG-TS (ETSI TS 103 491 draft, as ffmpeg and broadcast encoders write it): access units with control headers.
import { buildOpusDops, OPUS_RATE_HZ, opusPacketSamples, parseOpusDops } from '../codecs/opus-config.ts'
import { type PesConsumer, TS_CLOCK_MODULUS } from './pes-reader.ts'
import type { TrackSlot } from './track-slot.ts'

export class OpusReader implements PesConsumer {
  readonly keepsBegun = false
  readonly #slot: TrackSlot
  readonly #language: string
  readonly #dops: Uint8Array
  #samplesPerFrame: number | null = null

  constructor(slot: TrackSlot, language: string, channels: number) {
    this.#slot = slot
    this.#language = language
    this.#dops = buildOpusDops(channels)
  }

  get trackId(): string {
    return this.#slot.id
  }

  pes(bytes: Uint8Array, start: number, end: number, pts: number | null): void {
    if (pts === null) {
      this.corruptPes('it has no timestamp')
      return
    }
    let samplesBefore = 0
    let at = start
    while (at < end) {
      const unit = readControlHeader(bytes, at, end)
      const samples = unit === null ? null : opusPacketSamples(bytes.subarray(unit.start, unit.end))
      if (unit === null || samples === null) {
        this.corruptPes('its Opus control header is damaged')
        return
      }
      if (this.#samplesPerFrame !== samples) {
        this.#samplesPerFrame = samples
        this.#slot.announce(parseOpusDops(this.#dops, this.#language, samples))
      }
      const ticks = pts + Math.round((samplesBefore * 90_000) / OPUS_RATE_HZ)
      this.#slot.sample(ticks % TS_CLOCK_MODULUS, 0, true, bytes.slice(unit.start, unit.end))
      samplesBefore += samples
      at = unit.end
    }
  }

  gap(): void {}

  corruptPes(reason: string): void {
    this.#slot.repair('ts_corrupt_pes', `a PES packet was dropped: ${reason}`)
  }
}

/** Eleven bits 0x3FF, flags for start trim, end trim and extension, then the size in bytes of 255 until one is smaller. */
function readControlHeader(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { readonly start: number; readonly end: number } | null {
  const flags = bytes[offset + 1] ?? 0
  if (bytes[offset] !== 0x7f || (flags & 0xe0) !== 0xe0) return null
  let at = offset + 2
  let sizeBytes = 0
  for (;;) {
    if (at >= end) return null
    const byte = bytes[at] ?? 0
    at += 1
    sizeBytes += byte
    if (byte !== 255) break
  }
  if ((flags & 0x10) !== 0) at += 2
  if ((flags & 0x08) !== 0) at += 2
  if ((flags & 0x04) !== 0) at += 1 + (bytes[at] ?? 0)
  return sizeBytes === 0 || at + sizeBytes > end ? null : { start: at, end: at + sizeBytes }
}
