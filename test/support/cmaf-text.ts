// A CMAF track of subtitles as a packager sends it (ISO/IEC 14496-30, 23000-19 11): no ffmpeg of today fragments one.
import { writeBox, writeFullBox } from '../../src/media/fmp4/boxes.ts'
import { ByteWriter } from '../../src/media/fmp4/byte-writer.ts'
import { packLanguage } from '../../src/media/fmp4/language.ts'

export interface TextTrackOptions {
  readonly format: 'wvtt' | 'stpp'
  readonly timescale: number
  readonly language: string
  /** BCP 47 for an `elng` box. */
  readonly extendedLanguage?: string
  /** For a `kind` box. */
  readonly role?: string
}

export interface TextSampleToWrite {
  readonly durationTicks: number
  readonly data: Uint8Array
}

export function textHeader({ format, timescale, language, extendedLanguage, role }: TextTrackOptions): Uint8Array {
  const out = new ByteWriter()
  writeBox(out, 'ftyp', () => out.ascii('cmfc\0\0\0\0cmfciso6'))
  writeBox(out, 'moov', () => {
    writeFullBox(out, 'mvhd', 0, 0, () => {
      out.zeros(8)
      out.u32(1000)
      out.zeros(4)
      out.u32(0x10000)
      out.u16(0x100)
      out.zeros(70)
      out.u32(2)
    })
    writeBox(out, 'trak', () => {
      writeFullBox(out, 'tkhd', 0, 3, () => {
        out.zeros(8)
        out.u32(1)
        out.zeros(68)
      })
      writeBox(out, 'mdia', () => {
        writeFullBox(out, 'mdhd', 0, 0, () => {
          out.zeros(8)
          out.u32(timescale)
          out.zeros(4)
          out.u16(packLanguage(language))
          out.zeros(2)
        })
        writeFullBox(out, 'hdlr', 0, 0, () => {
          out.zeros(4)
          out.ascii(format === 'wvtt' ? 'text' : 'subt')
          out.zeros(13)
        })
        if (extendedLanguage !== undefined) writeFullBox(out, 'elng', 0, 0, () => out.ascii(`${extendedLanguage}\0`))
        writeBox(out, 'minf', () => {
          writeFullBox(out, format === 'wvtt' ? 'nmhd' : 'sthd', 0, 0, () => {})
          writeBox(out, 'dinf', () =>
            writeFullBox(out, 'dref', 0, 0, () => {
              out.u32(1)
              writeFullBox(out, 'url ', 0, 1, () => {})
            }),
          )
          writeBox(out, 'stbl', () => {
            writeFullBox(out, 'stsd', 0, 0, () => {
              out.u32(1)
              writeBox(out, format, () => {
                out.zeros(6)
                out.u16(1)
                if (format === 'wvtt') writeBox(out, 'vttC', () => out.ascii('WEBVTT'))
                else out.ascii('http://www.w3.org/ns/ttml\0\0\0')
              })
            })
            for (const type of ['stts', 'stsc', 'stco']) writeFullBox(out, type, 0, 0, () => out.u32(0))
            writeFullBox(out, 'stsz', 0, 0, () => out.zeros(8))
          })
        })
      })
      if (role !== undefined) {
        writeBox(out, 'udta', () =>
          writeFullBox(out, 'kind', 0, 0, () => out.ascii(`urn:mpeg:dash:role:2011\0${role}\0`)),
        )
      }
    })
    writeBox(out, 'mvex', () =>
      writeFullBox(out, 'trex', 0, 0, () => {
        out.u32(1)
        out.u32(1)
        out.zeros(12)
      }),
    )
  })
  return out.finish()
}

/** Samples one after the other from `baseTicks` on. */
export function textFragment(
  sequenceNumber: number,
  baseTicks: number,
  samples: readonly TextSampleToWrite[],
): Uint8Array {
  const moof = (dataOffset: number): Uint8Array => {
    const out = new ByteWriter()
    writeBox(out, 'moof', () => {
      writeFullBox(out, 'mfhd', 0, 0, () => out.u32(sequenceNumber))
      writeBox(out, 'traf', () => {
        writeFullBox(out, 'tfhd', 0, 0x020000, () => out.u32(1))
        writeFullBox(out, 'tfdt', 1, 0, () => {
          out.u32(Math.floor(baseTicks / 2 ** 32))
          out.u32(baseTicks % 2 ** 32)
        })
        writeFullBox(out, 'trun', 0, 0x301, () => {
          out.u32(samples.length)
          out.u32(dataOffset)
          for (const { durationTicks, data } of samples) {
            out.u32(durationTicks)
            out.u32(data.length)
          }
        })
      })
    })
    return out.finish()
  }
  const head = moof(moof(0).length + 8)
  const mdat = new ByteWriter()
  writeBox(mdat, 'mdat', () => {
    for (const { data } of samples) mdat.bytes(data)
  })
  return Buffer.concat([head, mdat.finish()])
}

/** The cues of one moment; none is `vtte`. */
export function wvttSample(...cues: readonly { readonly text: string; readonly settings?: string }[]): Uint8Array {
  const out = new ByteWriter()
  const write = (type: string, text: string) => writeBox(out, type, () => out.bytes(Buffer.from(text, 'utf8')))
  if (cues.length === 0) write('vtte', '')
  for (const { text, settings } of cues) {
    writeBox(out, 'vttc', () => {
      if (settings !== undefined) write('sttg', settings)
      write('payl', text)
    })
  }
  return out.finish()
}
