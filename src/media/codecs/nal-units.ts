// NAL units of H.264 (ISO 14496-10 7.3.1) and HEVC (ISO 23008-2 7.3.1): finding, judging and packing them.
export type NalCodec = 'h264' | 'hevc'

/**
 * What becomes of a NAL unit. `key` and `picture` are slices; `parameters` move into the configuration record; `dropped`
 * are delimiters, filler, end of sequence and foreign layers; everything else (SEI above all) stays with the sample.
 */
export type NalKind = 'key' | 'picture' | 'parameters' | 'dropped' | 'other'

/** Start and end offsets by turns, reused from call to call so that the hot path does not allocate. */
export type NalSpans = number[]

export interface AccessUnit {
  /** NAL units with 4-byte lengths; empty when nothing is left. */
  readonly data: Uint8Array
  /** H.264: holds an IDR slice (recovery points of open GOPs do not count). HEVC: holds an IRAP slice (BLA, IDR, CRA). */
  readonly isKeyframe: boolean
  /** Holds at least one slice. */
  readonly hasPicture: boolean
  /** Views into the input. */
  readonly parameterSets: readonly Uint8Array[]
}

const LENGTH_BYTES = 4
const NO_SETS: readonly Uint8Array[] = []

/** Classifies by the header at `offset`; `nextByte` is the second header byte of HEVC. */
export function nalKind(codec: NalCodec, header: number, nextByte: number): NalKind {
  return codec === 'h264' ? h264Kind(header) : hevcKind(header, nextByte)
}

function h264Kind(header: number): NalKind {
  if (header >= 0x80) return 'dropped' // forbidden_zero_bit: a damaged unit
  const type = header & 0x1f
  if (type === 5) return 'key'
  if (type >= 1 && type <= 4) return 'picture'
  if (type === 7 || type === 8 || type === 13 || type === 15) return 'parameters'
  return type >= 9 && type <= 12 ? 'dropped' : 'other'
}

function hevcKind(header: number, nextByte: number): NalKind {
  const layerId = ((header & 1) << 5) | (nextByte >>> 3)
  if (header >= 0x80 || layerId > 0) return 'dropped'
  const type = header >>> 1
  if (type >= 16 && type <= 21) return 'key'
  if (type < 32) return 'picture'
  if (type <= 34) return 'parameters'
  return type <= 38 ? 'dropped' : 'other'
}

/**
 * Finds the NAL units of an Annex B byte stream in `bytes[start, end)` and writes their spans, without start codes and
 * trailing zeros. Returns how many there are.
 */
export function findAnnexBNals(bytes: Uint8Array, start: number, end: number, spans: NalSpans): number {
  let count = 0
  let nalStart = -1
  let at = start + 2
  while (at < end) {
    const byte = bytes[at] ?? 0
    if (byte > 1) {
      at += 3
    } else if (byte === 0) {
      at += 1
    } else {
      if (bytes[at - 1] === 0 && bytes[at - 2] === 0) {
        if (nalStart >= 0) count = addSpan(bytes, nalStart, at - 2, spans, count)
        nalStart = at + 1
      }
      at += 3
    }
  }
  return nalStart >= 0 ? addSpan(bytes, nalStart, end, spans, count) : count
}

function addSpan(bytes: Uint8Array, start: number, end: number, spans: NalSpans, count: number): number {
  let nalEnd = end
  // A NAL unit never ends with a zero byte (7.4.1), so these belong to the byte stream.
  while (nalEnd > start && bytes[nalEnd - 1] === 0) nalEnd -= 1
  if (nalEnd === start) return count
  spans[count * 2] = start
  spans[count * 2 + 1] = nalEnd
  return count + 1
}

/** The same for NAL units with lengths of `lengthSize` bytes; null when a length does not fit. Empty units are skipped. */
export function findSizedNals(bytes: Uint8Array, lengthSize: number, spans: NalSpans): number | null {
  let count = 0
  let at = 0
  while (at < bytes.length) {
    if (at + lengthSize > bytes.length) return null
    let length = 0
    for (let index = 0; index < lengthSize; index += 1) length = length * 256 + (bytes[at + index] ?? 0)
    at += lengthSize
    if (at + length > bytes.length) return null
    if (length > 0) {
      spans[count * 2] = at
      spans[count * 2 + 1] = at + length
      count += 1
    }
    at += length
  }
  return count
}

/** Builds the sample from the first `count` spans, which it overwrites: one allocation, one copy per NAL unit. */
export function packAccessUnit(codec: NalCodec, bytes: Uint8Array, spans: NalSpans, count: number): AccessUnit {
  let sizeBytes = 0
  let isKeyframe = false
  let hasPicture = false
  let parameterSets: Uint8Array[] | null = null
  let kept = 0

  for (let index = 0; index < count; index += 1) {
    const start = spans[index * 2] ?? 0
    const end = spans[index * 2 + 1] ?? 0
    const kind = nalKind(codec, bytes[start] ?? 0, bytes[start + 1] ?? 0)
    if (kind === 'dropped') continue
    if (kind === 'parameters') {
      parameterSets ??= []
      parameterSets.push(bytes.subarray(start, end))
      continue
    }
    if (kind === 'key') isKeyframe = true
    if (kind !== 'other') hasPicture = true
    // The spans that stay move to the front; they are read before they are overwritten.
    spans[kept * 2] = start
    spans[kept * 2 + 1] = end
    kept += 1
    sizeBytes += LENGTH_BYTES + end - start
  }

  return {
    data: hasPicture ? copySized(bytes, spans, kept, sizeBytes) : new Uint8Array(0),
    isKeyframe,
    hasPicture,
    parameterSets: parameterSets ?? NO_SETS,
  }
}

function copySized(bytes: Uint8Array, spans: NalSpans, count: number, sizeBytes: number): Uint8Array {
  const data = new Uint8Array(sizeBytes)
  let at = 0
  for (let index = 0; index < count; index += 1) {
    const start = spans[index * 2] ?? 0
    const end = spans[index * 2 + 1] ?? 0
    const length = end - start
    data[at] = length >>> 24
    data[at + 1] = length >>> 16
    data[at + 2] = length >>> 8
    data[at + 3] = length
    data.set(bytes.subarray(start, end), at + LENGTH_BYTES)
    at += LENGTH_BYTES + length
  }
  return data
}
