// The CMAF header of one track: ISO/IEC 14496-12 (moov and below), 23000-19 7.3 (what CMAF asks of it), 14496-15
// (avcC, hvcC), 14496-14 (esds), AV1 in ISOBMFF 2.3, Opus in ISOBMFF 4.3. Equal configurations give equal bytes.
import { createHash } from 'node:crypto'
import type { AudioConfig, TrackConfig, VideoConfig } from '../samples.ts'
import { writeBox, writeFullBox } from './boxes.ts'
import { ByteWriter } from './byte-writer.ts'
import { writeElementaryStream } from './descriptors.ts'
import { packLanguage } from './language.ts'

/** Every CMAF track is alone in its file. */
export const TRACK_ID = 1

const UNITY_MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]
const MOVIE_TIMESCALE = 1000 // only durations use it, and a live track has none
const PACKED_UND = packLanguage('und')

const VIDEO_ENTRIES = {
  h264: { entry: 'avc1', record: 'avcC' },
  hevc: { entry: 'hvc1', record: 'hvcC' },
  av1: { entry: 'av01', record: 'av1C' },
} as const

export function writeInitSegment(track: { readonly config: TrackConfig; readonly timescale: number }): Uint8Array {
  const out = new ByteWriter()
  writeBox(out, 'ftyp', () => {
    out.ascii('iso6')
    out.u32(0)
    for (const brand of ['iso6', 'cmfc', 'mp41']) out.ascii(brand)
  })
  writeBox(out, 'moov', () => {
    writeMovieHeader(out)
    writeTrack(out, track.config, track.timescale)
    writeBox(out, 'mvex', () => {
      writeFullBox(out, 'trex', 0, 0, () => {
        out.u32(TRACK_ID)
        out.u32(1) // sample description
        out.zeros(12) // no default duration, size and flags: each fragment says its own
      })
    })
  })
  return out.finish()
}

/** First 16 hexadecimal digits of the SHA-256: names an init segment by its content. */
export function initHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

// Creation and modification times stay 0 everywhere, so that bytes depend on the configuration alone.
function writeMovieHeader(out: ByteWriter): void {
  writeFullBox(out, 'mvhd', 0, 0, () => {
    out.zeros(8)
    out.u32(MOVIE_TIMESCALE)
    out.u32(0) // duration: unknown
    out.u32(0x10000) // rate
    out.u16(0x100) // volume
    out.zeros(10)
    for (const value of UNITY_MATRIX) out.u32(value)
    out.zeros(24)
    out.u32(TRACK_ID + 1)
  })
}

function writeTrack(out: ByteWriter, config: TrackConfig, timescale: number): void {
  writeBox(out, 'trak', () => {
    writeFullBox(out, 'tkhd', 0, 3, () => {
      // Flags 3: enabled, part of the presentation.
      out.zeros(8)
      out.u32(TRACK_ID)
      out.zeros(4 + 4 + 8 + 4) // reserved, duration, reserved, layer and alternate group
      out.u16(config.kind === 'audio' ? 0x100 : 0) // volume
      out.u16(0)
      for (const value of UNITY_MATRIX) out.u32(value)
      out.u32(config.kind === 'video' ? displayWidth(config) : 0)
      out.u32(config.kind === 'video' ? config.heightPx * 0x10000 : 0)
    })
    writeBox(out, 'mdia', () => {
      writeFullBox(out, 'mdhd', 0, 0, () => {
        out.zeros(8)
        out.u32(timescale)
        out.u32(0)
        out.u16(config.kind === 'audio' ? packLanguage(config.language) : PACKED_UND)
        out.u16(0)
      })
      writeFullBox(out, 'hdlr', 0, 0, () => {
        out.u32(0)
        out.ascii(config.kind === 'video' ? 'vide' : 'soun')
        out.zeros(12)
        out.ascii(config.kind === 'video' ? 'VideoHandler\0' : 'SoundHandler\0')
      })
      writeBox(out, 'minf', () => {
        if (config.kind === 'video') writeFullBox(out, 'vmhd', 0, 1, () => out.zeros(8))
        else writeFullBox(out, 'smhd', 0, 0, () => out.zeros(4))
        writeBox(out, 'dinf', () => {
          writeFullBox(out, 'dref', 0, 0, () => {
            out.u32(1)
            writeFullBox(out, 'url ', 0, 1, () => {}) // flag 1: the media is in this file
          })
        })
        writeSampleTable(out, config)
      })
    })
  })
}

/** The samples are in fragments; the tables that a movie would fill must exist and be empty. */
function writeSampleTable(out: ByteWriter, config: TrackConfig): void {
  writeBox(out, 'stbl', () => {
    writeFullBox(out, 'stsd', 0, 0, () => {
      out.u32(1)
      if (config.kind === 'video') writeVideoEntry(out, config)
      else writeAudioEntry(out, config)
    })
    writeFullBox(out, 'stts', 0, 0, () => out.u32(0))
    writeFullBox(out, 'stsc', 0, 0, () => out.u32(0))
    writeFullBox(out, 'stsz', 0, 0, () => out.zeros(8))
    writeFullBox(out, 'stco', 0, 0, () => out.u32(0))
  })
}

function writeVideoEntry(out: ByteWriter, config: VideoConfig): void {
  const { entry, record } = VIDEO_ENTRIES[config.codec]
  writeBox(out, entry, () => {
    out.zeros(6)
    out.u16(1) // data reference
    out.zeros(16)
    out.u16(config.widthPx)
    out.u16(config.heightPx)
    out.u32(0x480000) // 72 dpi
    out.u32(0x480000)
    out.u32(0)
    out.u16(1) // frames per sample
    out.zeros(32) // compressor name
    out.u16(24)
    out.u16(0xffff)
    writeBox(out, record, () => out.bytes(config.configRecord))
    const { num, den } = config.pixelAspect
    if (num !== den) {
      writeBox(out, 'pasp', () => {
        out.u32(num)
        out.u32(den)
      })
    }
  })
}

function writeAudioEntry(out: ByteWriter, config: AudioConfig): void {
  writeBox(out, config.codec === 'aac' ? 'mp4a' : 'Opus', () => {
    out.zeros(6)
    out.u16(1) // data reference
    out.zeros(8)
    out.u16(config.channels)
    out.u16(16) // bits per sample, by convention
    out.u32(0)
    out.u32(entrySampleRate(config))
    if (config.codec === 'aac') writeFullBox(out, 'esds', 0, 0, () => writeElementaryStream(out, config.configRecord))
    else writeBox(out, 'dOps', () => out.bytes(config.configRecord))
  })
}

/** 16.16 fixed point. Opus always says 48 kHz; a rate that does not fit is 0 and stands in the AudioSpecificConfig. */
function entrySampleRate(config: AudioConfig): number {
  if (config.codec === 'opus') return 48_000 * 0x10000
  return config.sampleRateHz < 0x10000 ? config.sampleRateHz * 0x10000 : 0
}

/** 16.16 fixed point, in square pixels. */
function displayWidth(config: VideoConfig): number {
  const width = (config.widthPx * config.pixelAspect.num) / config.pixelAspect.den
  return Math.min(Math.round(width * 0x10000), 0xffff_ffff)
}
