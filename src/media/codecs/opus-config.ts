// Opus: the `dOps` payload (Opus in ISOBMFF 4.3.2), OpusHead (RFC 7845 5.1) and packet durations (RFC 6716 3.1).
import { MirrorError } from '../../core/errors.ts'
import type { AudioConfig } from '../samples.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

/** Opus always decodes to 48 kHz, whatever rate the encoder was fed with. */
export const OPUS_RATE_HZ = 48_000
/** 20 ms, what nearly every encoder sends. */
export const OPUS_USUAL_SAMPLES = 960
/** RFC 6716 3.2.5: a packet lasts at most 120 ms. */
const MAX_PACKET_SAMPLES = 5760

/** Streams, coupled streams and mapping of the Vorbis channel order for 1 to 8 channels (RFC 7845 5.1.1.2). */
const SURROUND: readonly (readonly [number, number, readonly number[]])[] = [
  [1, 0, [0]],
  [1, 1, [0, 1]],
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
]

/** `samplesPerFrame` is not part of the record; see `opusPacketSamples`. */
export function parseOpusDops(dops: Uint8Array, language: string, samplesPerFrame = OPUS_USUAL_SAMPLES): AudioConfig {
  const reader = new ByteReader(dops, 'the dOps record')
  const version = reader.u8()
  if (version !== 0) throw new MirrorError('ingest_malformed', `the dOps record has the unknown version ${version}`)
  const channels = reader.u8()
  if (channels === 0) throw new MirrorError('ingest_malformed', 'the dOps record declares no channels')
  reader.view(8)
  if (reader.u8() !== 0) reader.view(2 + channels)
  return {
    kind: 'audio',
    codec: 'opus',
    codecString: 'opus',
    sampleRateHz: OPUS_RATE_HZ,
    channels,
    samplesPerFrame,
    configRecord: dops,
    language,
  }
}

/** A record for 1 to 8 channels in Vorbis order, without pre-skip: a live listener never hears the encoder's start. */
export function buildOpusDops(channels: number): Uint8Array {
  const layout = SURROUND[channels - 1]
  if (layout === undefined) {
    throw new MirrorError('ingest_codec_unsupported', `Opus with ${channels} channels is not supported`)
  }
  const [streams, coupled, mapping] = layout
  const writer = new ByteWriter().u8(0).u8(channels).u16(0).u32(OPUS_RATE_HZ).u16(0)
  if (channels <= 2) return writer.u8(0).toBytes()
  return writer.u8(1).u8(streams).u8(coupled).bytes(Uint8Array.from(mapping)).toBytes()
}

/** OpusHead counts little-endian, dOps big-endian; otherwise they are the same. */
export function opusHeadToDops(head: Uint8Array): Uint8Array {
  const reader = new ByteReader(head, 'the Opus header')
  if (reader.fourCc() + reader.fourCc() !== 'OpusHead') {
    throw new MirrorError('ingest_malformed', 'the Opus header does not begin with OpusHead')
  }
  reader.u8()
  const writer = new ByteWriter().u8(0).u8(reader.u8())
  for (const size of [2, 4, 2]) writer.bytes(reader.view(size).toReversed())
  return writer.bytes(reader.rest()).toBytes()
}

/** PCM samples at 48 kHz that a packet decodes to; null when it is no Opus packet. */
export function opusPacketSamples(packet: Uint8Array): number | null {
  const [toc, second] = packet
  if (toc === undefined) return null
  const config = toc >>> 3
  const framing = toc & 3
  const frames = framing === 0 ? 1 : framing === 3 ? (second ?? 0) & 0x3f : 2
  const samples = frames * frameSamples(config)
  return samples > 0 && samples <= MAX_PACKET_SAMPLES ? samples : null
}

function frameSamples(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config & 3] ?? 0 // SILK
  if (config < 16) return (config & 1) === 0 ? 480 : 960 // hybrid
  return 120 << (config & 3) // CELT
}
