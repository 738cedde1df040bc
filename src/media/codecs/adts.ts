// ADTS frames: ISO 14496-3 1.A.2.
import { AAC_SAMPLE_RATES_HZ, buildAudioSpecificConfig } from './aac-config.ts'

export interface AdtsHeader {
  /** 7, or 9 with a CRC. */
  readonly headerBytes: number
  /** Header included. */
  readonly frameBytes: number
  readonly sampleRateHz: number
  readonly audioObjectType: number
  readonly sampleRateIndex: number
  readonly channelConfig: number
  /** Raw data blocks in the frame; each holds 1024 PCM samples. */
  readonly rawBlocks: number
  /** What stays equal from frame to frame (adts_fixed_header without the CRC flag). */
  readonly fixedPart: number
}

export const ADTS_HEADER_BYTES = 7

/** Null when there is no header at `offset`; needs 7 bytes from there. */
export function parseAdtsHeader(bytes: Uint8Array, offset: number): AdtsHeader | null {
  const b1 = bytes[offset + 1] ?? 0
  if (bytes[offset] !== 0xff || (b1 & 0xf6) !== 0xf0) return null
  const b2 = bytes[offset + 2] ?? 0
  const b3 = bytes[offset + 3] ?? 0
  const sampleRateIndex = (b2 >>> 2) & 0xf
  const sampleRateHz = AAC_SAMPLE_RATES_HZ[sampleRateIndex]
  if (sampleRateHz === undefined) return null
  const headerBytes = (b1 & 1) === 1 ? 7 : 9
  const frameBytes = ((b3 & 3) << 11) | ((bytes[offset + 4] ?? 0) << 3) | ((bytes[offset + 5] ?? 0) >>> 5)
  if (frameBytes <= headerBytes) return null
  return {
    headerBytes,
    frameBytes,
    sampleRateHz,
    audioObjectType: (b2 >>> 6) + 1,
    sampleRateIndex,
    channelConfig: ((b2 & 1) << 2) | (b3 >>> 6),
    rawBlocks: ((bytes[offset + 6] ?? 0) & 3) + 1,
    fixedPart: ((b1 & 0x08) << 13) | ((b2 & 0xfd) << 8) | (b3 & 0xc0),
  }
}

export function adtsAudioSpecificConfig(header: AdtsHeader): Uint8Array {
  return buildAudioSpecificConfig(header.audioObjectType, header.sampleRateIndex, header.channelConfig)
}
