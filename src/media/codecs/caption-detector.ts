// CEA-608 and CEA-708 inside pictures: ANSI/SCTE 128-1 8.1 (SEI with ATSC1_data), CTA-708-E 4.4 (cc_data) and 5, 6 (DTVCC),
// CTA-608-E 5 (fields, channels). Only who speaks is found out, not what is said.

/** `CC1`…`CC4` and `SERVICE1`…`SERVICE63`: what INSTREAM-ID says (RFC 8216bis 4.4.6.1). */
export type CaptionChannel = string

const NAL_TYPES = {
  h264: {
    typeOf: (first: number) => first & 0x1f,
    sei: 6,
    isPicture: (type: number) => type >= 1 && type <= 5,
    header: 1,
  },
  hevc: { typeOf: (first: number) => (first >> 1) & 0x3f, sei: 39, isPicture: (type: number) => type < 32, header: 2 },
} as const

const USER_DATA_T35 = 4
/** country 181 (USA), provider 49 (ATSC), `GA94`, type 3 (cc_data). */
const ATSC_CAPTIONS = Uint8Array.of(0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03)

export class CaptionDetector {
  #hasData = false
  readonly #channels = new Set<CaptionChannel>()

  /** Pictures have room for captions, whether or not somebody speaks. */
  get hasData(): boolean {
    return this.#hasData
  }

  /** Those that have been heard of, in the order of their names. */
  get channels(): readonly CaptionChannel[] {
    return [...this.#channels].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  }

  /** `data`: NAL units with 4-byte lengths. True when a channel is new. */
  take(codec: 'h264' | 'hevc', data: Uint8Array): boolean {
    const before = this.#channels.size
    const { typeOf, sei, isPicture, header } = NAL_TYPES[codec]
    const view = new DataView(data.buffer, data.byteOffset, data.length)
    for (let at = 0; at + 5 <= data.length; ) {
      const end = at + 4 + view.getUint32(at)
      if (end > data.length) break
      const type = typeOf(data[at + 4] ?? 0)
      // SEI messages that belong to a picture come before it.
      if (isPicture(type)) break
      if (type === sei) this.#onSei(withoutEmulation(data.subarray(at + 4 + header, end)))
      at = end
    }
    return this.#channels.size > before
  }

  #onSei(bytes: Uint8Array): void {
    for (let at = 0; at + 2 < bytes.length; ) {
      let type = 0
      for (; bytes[at] === 0xff; at++) type += 255
      type += bytes[at++] ?? 0
      let size = 0
      for (; bytes[at] === 0xff; at++) size += 255
      size += bytes[at++] ?? 0
      const payload = bytes.subarray(at, at + size)
      if (type === USER_DATA_T35 && ATSC_CAPTIONS.every((byte, index) => payload[index] === byte)) {
        this.#onCaptionData(payload.subarray(ATSC_CAPTIONS.length))
      }
      at += size
    }
  }

  /** cc_data(): flags and count, em_data, then triplets of marker, valid, type and two bytes. */
  #onCaptionData(bytes: Uint8Array): void {
    this.#hasData = true
    const count = (bytes[0] ?? 0) & 0x1f
    for (let index = 0, at = 2; index < count && at + 3 <= bytes.length; index++, at += 3) {
      const flags = bytes[at] ?? 0
      if ((flags & 0x04) === 0) continue
      const kind = flags & 0x03
      const [first = 0, second = 0] = [bytes[at + 1], bytes[at + 2]]
      if (kind <= 1) this.#onField(kind === 0 ? 1 : 3, first & 0x7f)
      else if (kind === 3) this.#onPacket(second)
    }
  }

  /** A control code tells the channel: the second of a field has bit 3. Padding and characters tell nothing. */
  #onField(firstChannel: number, first: number): void {
    if (first >= 0x10 && first <= 0x1f) this.#channels.add(`CC${firstChannel + (first >= 0x18 ? 1 : 0)}`)
  }

  /** Begin of a DTVCC packet: its second byte is the header of the first service block. Service 7 is an extension. */
  #onPacket(blockHeader: number): void {
    const service = blockHeader >> 5
    const size = blockHeader & 0x1f
    if (service >= 1 && service <= 6 && size > 0) this.#channels.add(`SERVICE${service}`)
  }
}

/** 0x000003 → 0x0000: ISO/IEC 14496-10 7.4.1. */
function withoutEmulation(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length)
  let length = 0
  let zeros = 0
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0
      continue
    }
    zeros = byte === 0 ? zeros + 1 : 0
    out[length++] = byte
  }
  return out.subarray(0, length)
}
