import { MirrorError } from '../../core/errors.ts'
import { parseAacConfig } from '../codecs/aac-config.ts'
import { ADTS_HEADER_BYTES, type AdtsHeader, adtsAudioSpecificConfig, parseAdtsHeader } from '../codecs/adts.ts'
import { type PesConsumer, TS_CLOCK_MODULUS } from './pes-reader.ts'
import type { TrackSlot } from './track-slot.ts'

const SAMPLES_PER_BLOCK = 1024

/** Splits PES packets into ADTS frames, also frames that go on in the next PES packet. */
export class AdtsReader implements PesConsumer {
  readonly keepsBegun = true
  readonly #slot: TrackSlot
  readonly #language: string
  /** Begin of a frame that goes on in the next PES packet: less than one frame (8191 bytes) and one header. */
  #carried: Uint8Array | null = null
  /** Time of the frame that the clock counts from, and PCM samples since. */
  #baseTicks: number | null = null
  #samplesSinceBase = 0
  #fixedPart: number | null = null

  constructor(slot: TrackSlot, language: string) {
    this.#slot = slot
    this.#language = language
  }

  get trackId(): string {
    return this.#slot.id
  }

  pes(pesBytes: Uint8Array, start: number, end: number, pts: number | null): void {
    const carriedBytes = this.#carried?.length ?? 0
    const bytes = this.#joinCarried(pesBytes.subarray(start, end))
    let newBase = pts
    let skippedBytes = 0
    let at = 0

    while (at < bytes.length) {
      // The PTS belongs to the first frame that begins in this PES packet (2.4.3.7).
      if (at >= carriedBytes && newBase !== null) {
        this.#baseTicks = newBase
        this.#samplesSinceBase = 0
        newBase = null
      }
      if (bytes.length - at < ADTS_HEADER_BYTES) {
        if (bytes[at] === 0xff) break
        skippedBytes += 1
        at += 1
        continue
      }
      const header = parseAdtsHeader(bytes, at)
      const verdict = header === null ? 'no' : this.#judge(header, bytes, at)
      if (verdict === 'later') break
      if (header === null || verdict === 'no') {
        const next = bytes.indexOf(0xff, at + 1)
        const resumeAt = next < 0 ? bytes.length : next
        skippedBytes += resumeAt - at
        at = resumeAt
        continue
      }
      this.#frame(header, bytes, at)
      at += header.frameBytes
    }

    this.#carried = at < bytes.length ? bytes.slice(at) : null
    if (skippedBytes > 0) this.#slot.repair('corrupt_sample', `${skippedBytes} bytes between ADTS frames were skipped`)
  }

  gap(): void {
    this.#carried = null
    this.#baseTicks = null // frames are missing, so only the next PTS tells the time
  }

  corruptPes(reason: string): void {
    this.#slot.repair('ts_corrupt_pes', `the rest of a PES packet was dropped: ${reason}`)
  }

  /** `later`: more bytes are needed. A header unlike the one before must be followed by its like or by the PES end. */
  #judge(header: AdtsHeader, bytes: Uint8Array, at: number): 'yes' | 'no' | 'later' {
    const next = at + header.frameBytes
    if (next > bytes.length) return 'later'
    if (header.fixedPart === this.#fixedPart || next === bytes.length) return 'yes'
    if (next + ADTS_HEADER_BYTES > bytes.length) return 'later'
    return parseAdtsHeader(bytes, next)?.fixedPart === header.fixedPart ? 'yes' : 'no'
  }

  #frame(header: AdtsHeader, bytes: Uint8Array, at: number): void {
    if (this.#baseTicks === null) return
    const ticks = this.#baseTicks + Math.round((this.#samplesSinceBase * 90_000) / header.sampleRateHz)
    if (header.fixedPart !== this.#fixedPart) {
      this.#changeConfig(header)
      this.#baseTicks = ticks
      this.#samplesSinceBase = 0
    }
    this.#samplesSinceBase += SAMPLES_PER_BLOCK * header.rawBlocks
    if (header.rawBlocks > 1) {
      this.#slot.repair('corrupt_sample', 'an ADTS frame with several raw data blocks was dropped')
      return
    }
    const data = bytes.slice(at + header.headerBytes, at + header.frameBytes)
    this.#slot.sample(ticks % TS_CLOCK_MODULUS, 0, true, data)
  }

  #changeConfig(header: AdtsHeader): void {
    if (header.channelConfig === 0) {
      throw new MirrorError(
        'ingest_codec_unsupported',
        `track ${this.#slot.id}: AAC with a program config element in ADTS is not supported`,
      )
    }
    this.#fixedPart = header.fixedPart
    this.#slot.announce(parseAacConfig(adtsAudioSpecificConfig(header), this.#language))
  }

  #joinCarried(payload: Uint8Array): Uint8Array {
    if (this.#carried === null) return payload
    const joined = new Uint8Array(this.#carried.length + payload.length)
    joined.set(this.#carried)
    joined.set(payload, this.#carried.length)
    return joined
  }
}
