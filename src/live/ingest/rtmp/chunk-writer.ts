// Cuts RTMP messages into chunks. Source: RTMP 1.0, section 5.3.
import {
  DEFAULT_CHUNK_SIZE,
  EXTENDED_TIMESTAMP,
  MESSAGE,
  type RtmpMessage,
  readUint32,
  writeUint24,
  writeUint32,
} from './message.ts'

const FULL_HEADER_BYTES = 12

/**
 * Always writes full headers (format 0) and continuations (format 3): what a server says is rare and short, so the few
 * bytes that deltas save are not worth their state.
 */
export class ChunkWriter {
  #chunkSize = DEFAULT_CHUNK_SIZE

  /** `chunkStreamId` is 2 (control) to 63. A Set Chunk Size message takes effect after itself. */
  write(chunkStreamId: number, message: RtmpMessage): Uint8Array {
    const { body } = message
    const extended = message.timestampMs >= EXTENDED_TIMESTAMP
    const extendedBytes = extended ? 4 : 0
    const continuations = Math.max(0, Math.ceil(body.length / this.#chunkSize) - 1)
    const chunks = new Uint8Array(FULL_HEADER_BYTES + extendedBytes + body.length + continuations * (1 + extendedBytes))

    chunks[0] = chunkStreamId
    writeUint24(chunks, 1, extended ? EXTENDED_TIMESTAMP : message.timestampMs)
    writeUint24(chunks, 4, body.length)
    chunks[7] = message.type
    chunks[8] = message.streamId
    chunks[9] = message.streamId >>> 8
    chunks[10] = message.streamId >>> 16
    chunks[11] = message.streamId >>> 24
    let offset = FULL_HEADER_BYTES
    if (extended) writeUint32(chunks, offset, message.timestampMs)
    offset += extendedBytes

    for (let start = 0; start < body.length; start += this.#chunkSize) {
      if (start > 0) {
        chunks[offset] = 0xc0 | chunkStreamId
        offset += 1
        if (extended) writeUint32(chunks, offset, message.timestampMs)
        offset += extendedBytes
      }
      const piece = body.subarray(start, start + this.#chunkSize)
      chunks.set(piece, offset)
      offset += piece.length
    }

    if (message.type === MESSAGE.setChunkSize) this.#chunkSize = readUint32(body, 0)
    return chunks
  }
}
