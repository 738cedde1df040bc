// Reassembles RTMP messages from chunks, however the bytes arrive. Source: RTMP 1.0, section 5.3.
import { MirrorError } from '../../../core/errors.ts'
import {
  DEFAULT_CHUNK_SIZE,
  EXTENDED_TIMESTAMP,
  MAX_CHUNK_HEADER_BYTES,
  MESSAGE,
  type RtmpMessage,
  readUint24,
  readUint32,
} from './message.ts'

/** Bytes that are sent before anybody has shown a key: commands, never media. */
export const MAX_COMMAND_BYTES = 64 * 1024
/** A 24-bit length cannot say more. A keyframe of a 50 Mbit/s stream is below 2 MiB. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** Announced bytes of all messages that are not complete yet. */
const MAX_PARTIAL_BYTES = 32 * 1024 * 1024
/** Encoders use three to six. */
const MAX_CHUNK_STREAMS = 64

/** Bytes of the message header by chunk format, section 5.3.1.2. */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const

interface ChunkStream {
  type: number
  length: number
  streamId: number
  timestampMs: number
  /** What a chunk of format 3 that begins a message adds. After format 0 it is the timestamp itself (5.3.1.2.4). */
  deltaMs: number
  /** The value of the extended timestamp field, null when the last header had none. */
  extended: number | null
  /** The message under way, null between messages. */
  body: Uint8Array | null
  filled: number
}

export class ChunkReader {
  readonly #onMessage: (message: RtmpMessage) => void
  readonly #streams = new Map<number, ChunkStream>()
  readonly #carry = new Uint8Array(2 * MAX_CHUNK_HEADER_BYTES)
  #carried = 0
  #chunkSize = DEFAULT_CHUNK_SIZE
  #maxMessageBytes = MAX_COMMAND_BYTES
  #partialBytes = 0
  /** The chunk whose payload is being read. */
  #current: ChunkStream | null = null
  #payloadLeft = 0

  /** `onMessage` gets every message but Set Chunk Size and Abort, which concern only this reader. */
  constructor(onMessage: (message: RtmpMessage) => void) {
    this.#onMessage = onMessage
  }

  /** From the first accepted publish on, messages may be as large as the format allows. */
  allowMedia(): void {
    this.#maxMessageBytes = MAX_MESSAGE_BYTES
  }

  /** Takes the next bytes of the connection, which the caller may reuse afterwards. Throws `ingest_malformed`; then the connection is lost. */
  push(bytes: Uint8Array): void {
    let offset = 0
    while (offset < bytes.length) {
      if (this.#current !== null) offset += this.#readPayload(this.#current, bytes, offset)
      else offset += this.#readHeader(bytes, offset)
    }
  }

  /** Returns how many of the given bytes were used. */
  #readHeader(bytes: Uint8Array, offset: number): number {
    if (this.#carried === 0) {
      const used = this.#parseHeader(bytes, offset, bytes.length)
      if (used > 0) return used
    }
    // The header lies across two reads: its first bytes wait here for the rest.
    const before = this.#carried
    const added = Math.min(bytes.length - offset, MAX_CHUNK_HEADER_BYTES)
    this.#carry.set(bytes.subarray(offset, offset + added), before)
    const used = this.#parseHeader(this.#carry, 0, before + added)
    if (used === 0) {
      this.#carried = before + added
      return added
    }
    this.#carried = 0
    if (used >= before) return used - before
    // Bytes that waited as a possible extended timestamp were payload after all.
    this.push(this.#carry.slice(used, before))
    return 0
  }

  /** Returns the header's size, or 0 when it is not complete. */
  #parseHeader(bytes: Uint8Array, start: number, end: number): number {
    const available = end - start
    if (available < 1) return 0
    const first = bytes[start] ?? 0
    const format = first >> 6
    let id = first & 0x3f
    let size = 1
    if (id === 0) {
      if (available < 2) return 0
      id = 64 + (bytes[start + 1] ?? 0)
      size = 2
    } else if (id === 1) {
      if (available < 3) return 0
      id = 64 + (bytes[start + 1] ?? 0) + (bytes[start + 2] ?? 0) * 256
      size = 3
    }

    const header = start + size
    size += MESSAGE_HEADER_BYTES[format] ?? 0
    if (available < size) return 0

    const known = this.#streams.get(id)
    if (format === 3) {
      if (known === undefined) throw malformed(`chunk stream ${id} continues what it never began`)
      return this.#continueStream(known, bytes, start, size, available)
    }

    const field = readUint24(bytes, header)
    const extended = field === EXTENDED_TIMESTAMP
    if (extended) {
      if (available < size + 4) return 0
      size += 4
    }
    const timestampMs = extended ? readUint32(bytes, start + size - 4) : field
    const stream = known ?? this.#addStream(id, format)
    if (stream.body !== null) throw malformed(`a message begins inside another one on chunk stream ${id}`)

    stream.extended = extended ? timestampMs : null
    stream.deltaMs = timestampMs
    stream.timestampMs = format === 0 ? timestampMs : (stream.timestampMs + timestampMs) >>> 0
    if (format <= 1) {
      stream.length = readUint24(bytes, header + 3)
      stream.type = bytes[header + 6] ?? 0
    }
    if (format === 0) stream.streamId = readUint32LittleEndian(bytes, header + 7)
    this.#beginMessage(stream)
    return size
  }

  #continueStream(
    stream: ChunkStream,
    bytes: Uint8Array,
    start: number,
    headerSize: number,
    available: number,
  ): number {
    let size = headerSize
    if (stream.extended !== null) {
      // The field is repeated (5.3.1.3), but some encoders leave it out, so it counts only when it has the expected value.
      if (available < size + 4) return 0
      if (readUint32(bytes, start + size) === stream.extended) size += 4
    }
    if (stream.body === null) {
      stream.timestampMs = (stream.timestampMs + stream.deltaMs) >>> 0
      this.#beginMessage(stream)
    } else {
      this.#beginPayload(stream)
    }
    return size
  }

  #addStream(id: number, format: number): ChunkStream {
    // librtmp begins its control stream with format 1, which is harmless: the missing stream id is 0.
    if (format > 1) throw malformed(`chunk stream ${id} continues what it never began`)
    if (this.#streams.size >= MAX_CHUNK_STREAMS)
      throw malformed(`there are more than ${MAX_CHUNK_STREAMS} chunk streams`)
    const stream: ChunkStream = {
      type: 0,
      length: 0,
      streamId: 0,
      timestampMs: 0,
      deltaMs: 0,
      extended: null,
      body: null,
      filled: 0,
    }
    this.#streams.set(id, stream)
    return stream
  }

  #beginMessage(stream: ChunkStream): void {
    if (stream.length > this.#maxMessageBytes) {
      throw malformed(`a message of ${stream.length} bytes exceeds the limit of ${this.#maxMessageBytes}`)
    }
    this.#partialBytes += stream.length
    if (this.#partialBytes > MAX_PARTIAL_BYTES) {
      throw malformed(`unfinished messages announce more than ${MAX_PARTIAL_BYTES} bytes`)
    }
    stream.body = new Uint8Array(stream.length)
    stream.filled = 0
    this.#beginPayload(stream)
  }

  #beginPayload(stream: ChunkStream): void {
    this.#payloadLeft = Math.min(this.#chunkSize, stream.length - stream.filled)
    this.#current = stream
    if (this.#payloadLeft === 0) this.#endPayload(stream) // a message without a body
  }

  #readPayload(stream: ChunkStream, bytes: Uint8Array, offset: number): number {
    const count = Math.min(this.#payloadLeft, bytes.length - offset)
    stream.body?.set(bytes.subarray(offset, offset + count), stream.filled)
    stream.filled += count
    this.#payloadLeft -= count
    if (this.#payloadLeft === 0) this.#endPayload(stream)
    return count
  }

  #endPayload(stream: ChunkStream): void {
    this.#current = null
    const body = stream.body
    if (body === null || stream.filled < stream.length) return
    stream.body = null
    this.#partialBytes -= stream.length
    if (stream.type === MESSAGE.setChunkSize) this.#setChunkSize(body)
    else if (stream.type === MESSAGE.abort) this.#abort(body)
    else this.#onMessage({ type: stream.type, timestampMs: stream.timestampMs, streamId: stream.streamId, body })
  }

  #setChunkSize(body: Uint8Array): void {
    const size = body.length < 4 ? 0 : readUint32(body, 0) & 0x7fffffff
    if (size === 0) throw malformed('the chunk size is set to nothing')
    this.#chunkSize = size
  }

  /** Section 5.4.2: the rest of the message on that chunk stream will not come. */
  #abort(body: Uint8Array): void {
    if (body.length < 4) throw malformed('an abort message names no chunk stream')
    const stream = this.#streams.get(readUint32(body, 0))
    if (stream === undefined || stream.body === null) return
    stream.body = null
    this.#partialBytes -= stream.length
  }
}

/** The message stream id is the one little-endian field of the format. */
function readUint32LittleEndian(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] ?? 0) |
      ((bytes[offset + 1] ?? 0) << 8) |
      ((bytes[offset + 2] ?? 0) << 16) |
      ((bytes[offset + 3] ?? 0) << 24)) >>>
    0
  )
}

function malformed(what: string): MirrorError {
  return new MirrorError('ingest_malformed', `The RTMP chunks cannot be read: ${what}.`)
}
