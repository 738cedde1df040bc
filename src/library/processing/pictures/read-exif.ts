// What a camera wrote about a picture, out of the EXIF block. Source: CIPA DC-008 (Exif 2.32), TIFF 6.0 for the layout.
import type { ExifValue } from './picture-facts.ts'

/** Tags that tell people something. Serial numbers, notes of the maker and the place are left where they are. */
const TAGS: Readonly<Record<number, string>> = {
  271: 'make', // 0x010F
  272: 'model', // 0x0110
  274: 'orientation', // 0x0112
  305: 'software', // 0x0131
  315: 'artist', // 0x013B
  33432: 'copyright', // 0x8298
  33434: 'exposureTimeSec', // 0x829A
  33437: 'fNumber', // 0x829D
  34855: 'iso', // 0x8827
  36867: 'takenAt', // 0x9003, local time of the camera: "2026:11:21 10:53:07"
  36881: 'takenAtOffset', // 0x9011: "+01:00"
  37386: 'focalLengthMm', // 0x920A
  42036: 'lens', // 0xA434
}
const EXIF_IFD = 0x8769
const GPS_IFD = 0x8825
/** Bytes of a value of each TIFF type that is read. */
const TYPE_BYTES: Readonly<Record<number, number>> = { 2: 1, 3: 2, 4: 4, 5: 8, 10: 8 }
const MAX_ENTRIES = 200
const MAX_TEXT_BYTES = 200

export interface Exif {
  readonly tags: Readonly<Record<string, ExifValue>>
  readonly hasLocation: boolean
}

/** Never throws: what cannot be read is left out. `block` with or without its `Exif\0\0` prefix. */
export function readExif(block: Uint8Array): Exif {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  const tiff = bytes.subarray(0, 6).equals(Buffer.from('Exif\0\0')) ? bytes.subarray(6) : bytes
  const order = tiff.toString('latin1', 0, 2)
  if (tiff.length < 8 || (order !== 'II' && order !== 'MM')) return { tags: {}, hasLocation: false }
  const reader = new TiffReader(tiff, order === 'II')
  const first = reader.entries(reader.uint32(4))
  const sub = first.find(({ tag }) => tag === EXIF_IFD)
  const entries = [...first, ...(sub === undefined ? [] : reader.entries(reader.uint32(sub.at)))]
  const found = entries.flatMap((entry) => {
    const name = TAGS[entry.tag]
    const value = name === undefined ? null : reader.value(entry)
    return name === undefined || value === null ? [] : [[name, value] as const]
  })
  const gps = first.find(({ tag }) => tag === GPS_IFD)
  const hasLocation =
    gps !== undefined && reader.entries(reader.uint32(gps.at)).some(({ tag }) => tag === 2 || tag === 4)
  return { tags: Object.fromEntries(found), hasLocation }
}

interface Entry {
  readonly tag: number
  readonly type: number
  readonly count: number
  /** Where the value, or the offset of a longer one, lies. */
  readonly at: number
}

class TiffReader {
  readonly #tiff: Buffer
  readonly #isLittle: boolean

  constructor(tiff: Buffer, isLittle: boolean) {
    this.#tiff = tiff
    this.#isLittle = isLittle
  }

  /** Of one directory; those after it (thumbnails) are not followed, so no loop of directories matters. */
  entries(offset: number): readonly Entry[] {
    if (offset < 8 || offset + 2 > this.#tiff.length) return []
    const count = Math.min(this.#uint16(offset), MAX_ENTRIES)
    const entries: Entry[] = []
    for (let at = offset + 2; entries.length < count && at + 12 <= this.#tiff.length; at += 12) {
      entries.push({ tag: this.#uint16(at), type: this.#uint16(at + 2), count: this.uint32(at + 4), at: at + 8 })
    }
    return entries
  }

  value({ type, count, at }: Entry): ExifValue | null {
    const each = TYPE_BYTES[type]
    if (each === undefined || count < 1) return null
    const start = each * count <= 4 ? at : this.uint32(at)
    if (start + each > this.#tiff.length) return null
    if (type === 2) return this.#text(start, Math.min(count, MAX_TEXT_BYTES))
    if (type === 3) return this.#uint16(start)
    if (type === 4) return this.uint32(start)
    const below = type === 5 ? this.uint32(start + 4) : this.#int32(start + 4)
    const above = type === 5 ? this.uint32(start) : this.#int32(start)
    return below === 0 ? null : Number((above / below).toPrecision(6))
  }

  uint32(at: number): number {
    if (at + 4 > this.#tiff.length) return 0
    return this.#isLittle ? this.#tiff.readUInt32LE(at) : this.#tiff.readUInt32BE(at)
  }

  #int32(at: number): number {
    return this.uint32(at) | 0
  }

  #uint16(at: number): number {
    if (at + 2 > this.#tiff.length) return 0
    return this.#isLittle ? this.#tiff.readUInt16LE(at) : this.#tiff.readUInt16BE(at)
  }

  #text(start: number, length: number): string | null {
    const [text = ''] = this.#tiff.toString('utf8', start, Math.min(start + length, this.#tiff.length)).split('\0')
    const clean = text.replace(/[\p{Cc}\uFFFD]/gu, '').trim()
    return clean === '' ? null : clean
  }
}
