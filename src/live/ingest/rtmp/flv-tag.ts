// FLV tags as the media plane takes them: 11-byte header, body, PreviousTagSize.
// Source: Adobe Flash Video File Format 10.1, annex E.4.1.
import { MirrorError } from '../../../core/errors.ts'
import { MESSAGE, type RtmpMessage, readUint24, writeUint24, writeUint32 } from './message.ts'

const TAG_HEADER_BYTES = 11
const TAG_TRAILER_BYTES = 4

export interface FlvTag {
  readonly type: number
  readonly timestampMs: number
  readonly body: Uint8Array
}

/** Several tags in one freshly allocated buffer of exactly their size, which can be transferred to another thread. */
export function joinFlvTags(tags: readonly FlvTag[]): Uint8Array<ArrayBuffer> {
  let size = 0
  for (const tag of tags) size += TAG_HEADER_BYTES + tag.body.length + TAG_TRAILER_BYTES
  const joined = new Uint8Array(size)
  let offset = 0
  for (const { type, timestampMs, body } of tags) {
    joined[offset] = type
    writeUint24(joined, offset + 1, body.length)
    writeUint24(joined, offset + 4, timestampMs & 0xffffff)
    joined[offset + 7] = timestampMs >>> 24
    joined.set(body, offset + TAG_HEADER_BYTES)
    offset += TAG_HEADER_BYTES + body.length
    writeUint32(joined, offset, TAG_HEADER_BYTES + body.length)
    offset += TAG_TRAILER_BYTES
  }
  return joined
}

/** Splits an aggregate message (RTMP 1.0, section 7.1.6). Its timestamp shifts those of the parts. Throws `ingest_malformed`. */
export function splitAggregate(message: RtmpMessage): FlvTag[] {
  const { body } = message
  const tags: FlvTag[] = []
  let shiftMs: number | null = null
  let offset = 0
  while (offset < body.length) {
    const start = offset + TAG_HEADER_BYTES
    const length = readUint24(body, offset + 1)
    if (start + length > body.length) {
      throw new MirrorError('ingest_malformed', 'An RTMP aggregate message ends in the middle of a part.')
    }
    const ownMs = (readUint24(body, offset + 4) | ((body[offset + 7] ?? 0) << 24)) >>> 0
    shiftMs ??= message.timestampMs - ownMs
    tags.push({
      type: body[offset] ?? 0,
      timestampMs: (ownMs + shiftMs) >>> 0,
      body: body.subarray(start, start + length),
    })
    offset = start + length + TAG_TRAILER_BYTES
  }
  return tags
}

/** `@setDataFrame` as an AMF0 string: RTMP puts it before script data, FLV does not know it. */
const SET_DATA_FRAME = Uint8Array.of(2, 0, 13, ...new TextEncoder().encode('@setDataFrame'))
const CLEAR_DATA_FRAME = Uint8Array.of(2, 0, 15, ...new TextEncoder().encode('@clearDataFrame'))

/** The script data of a data message, null when it carries none. */
export function scriptData(type: number, body: Uint8Array): Uint8Array | null {
  const payload = type === MESSAGE.dataAmf3 ? body.subarray(1) : body
  if (startsWith(payload, CLEAR_DATA_FRAME)) return null
  const data = startsWith(payload, SET_DATA_FRAME) ? payload.subarray(SET_DATA_FRAME.length) : payload
  return data.length === 0 ? null : data
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, index) => bytes[index] === byte)
}
